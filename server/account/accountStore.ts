/**
 * The port of what the account service keeps. Rows are values; every method is one transaction.
 */

import type { SigningKeyStore } from './signingKeys.ts'

export interface AccountRow {
  readonly accountId: string
  readonly name: string
  readonly passwordHash: string
  readonly createdAt: number
  readonly disabled: boolean
}

export interface DeviceRow {
  readonly accountId: string
  readonly deviceId: string
  readonly name: string
  /** Base64 of MD5(`account name:secret`); absent for a device that came in by an app password. */
  readonly ha1?: string
  readonly createdAt: number
  readonly disabled: boolean
  /** Present if it is fenced. */
  readonly fence?: { readonly reason: string; readonly since: number }
}

/** One use of a login: its refresh tokens form a family (AC-3). */
export interface RefreshRow {
  /** SHA-256 of the token, hex. */
  readonly tokenHash: string
  readonly familyId: string
  readonly accountId: string
  /** Present for a device's token. */
  readonly deviceId?: string
  readonly expiresAt: number
}

export interface AccountStore {
  readonly signingKeys: SigningKeyStore
  /** @returns false if an account of that name, in any case of letters, exists. */
  addAccount(row: AccountRow): Promise<boolean>
  findAccount(name: string): Promise<AccountRow | undefined>
  getAccount(accountId: string): Promise<AccountRow | undefined>
  listAccounts(): Promise<readonly AccountRow[]>
  /** Disabling also ends all refresh tokens. @returns false if there is none of that name. */
  setAccountDisabled(name: string, disabled: boolean): Promise<boolean>
  /** Removes an account with all its rows. Does no harm twice. */
  removeAccount(accountId: string): Promise<void>
  /** @returns false if the account has a device of that id or name. */
  addDevice(row: DeviceRow): Promise<boolean>
  getDevice(accountId: string, deviceId: string): Promise<DeviceRow | undefined>
  /** Devices of that id in all accounts. */
  findDevices(deviceId: string): Promise<readonly DeviceRow[]>
  listDevices(accountId: string): Promise<readonly DeviceRow[]>
  /** Disabling also ends the device's refresh tokens. @returns false if there is no such device. */
  setDeviceDisabled(accountId: string, deviceId: string, disabled: boolean): Promise<boolean>
  /** Fencing also ends the device's refresh tokens; undefined ends the fence. @returns false if there is no such device. */
  setDeviceFence(accountId: string, deviceId: string, fence: DeviceRow['fence']): Promise<boolean>
  addAppPassword(accountId: string, ha1: string, createdAt: number): Promise<void>
  listAppPasswords(accountId: string): Promise<readonly string[]>
  addRefreshToken(row: RefreshRow): Promise<void>
  /**
   * Uses a refresh token up and puts its successor in the same family. A second use removes the whole family.
   * @returns the successor's row, or undefined if the token is unknown, used or past its end.
   */
  exchangeRefreshToken(
    tokenHash: string,
    successor: { readonly tokenHash: string; readonly expiresAt: number },
    now: number,
  ): Promise<RefreshRow | undefined>
}
