/**
 * The port of the account service: owns accounts, passwords, device registrations and tokens.
 * In the same process or behind HTTP; `test/contract/accountService.ts` runs on both.
 */

/** What a SyncML peer offers as credentials, already taken apart (reference 5). */
export interface SyncmlCredentials {
  readonly userName: string
  readonly deviceId: string
  readonly scheme: 'basic' | 'md5'
  /** basic: `user:password` in UTF-8; md5: the 16 octets of the digest. */
  readonly data: Uint8Array
  /** Nonces the digest may have been made with, the likeliest first; an empty one before any challenge. */
  readonly nonces: readonly Uint8Array[]
  readonly verDtd: string
}

export interface VerifiedLogin {
  readonly accountId: string
  readonly accountName: string
  readonly deviceId: string
  /** Base64 of MD5(`user:password`): what the backup server keeps to know this device again. */
  readonly ha1: string
}

export type LoginResult =
  | { readonly kind: 'accepted'; readonly login: VerifiedLogin }
  | { readonly kind: 'refused'; readonly reason: 'unknown' | 'wrong' | 'disabled' }

export interface TokenPair {
  readonly accessToken: string
  readonly refreshToken: string
  /** Seconds the access token is valid. */
  readonly expiresIn: number
}

export type TokenScope = 'account' | 'device' | 'operator'

export interface TokenClaims {
  readonly scope: TokenScope
  readonly accountId: string
  readonly accountName: string
  /** Only with scope `device`. */
  readonly deviceId?: string
}

export interface RegisteredDevice {
  readonly deviceId: string
  readonly name: string
  readonly createdAt: number
  readonly disabled: boolean
  /** Present if the device is fenced (ID-4). */
  readonly fence?: { readonly reason: string; readonly since: number }
}

export interface AccountSummary {
  readonly accountId: string
  readonly name: string
  readonly createdAt: number
  readonly disabled: boolean
}

/** @throws `network.unreachable` from any method if the service is a process of its own and does not answer. */
export interface AccountService {
  /** @throws `account.exists`, `protocol.malformed` for a name or password outside the rules. */
  register(name: string, password: string): Promise<AccountSummary>
  /** @throws `auth.invalid` (also for an unknown account), `auth.forbidden` if disabled. */
  login(name: string, password: string): Promise<TokenPair>
  /** Each refresh token works once; a second use revokes its whole family. @throws `auth.invalid`. */
  refresh(refreshToken: string): Promise<TokenPair>
  /** Registers a device; its SyncML secret is returned once and never again. @throws `device.exists`. */
  registerDevice(
    accountId: string,
    name: string,
    deviceId: string,
  ): Promise<{ device: RegisteredDevice; secret: string }>
  /** A token pair for a device by its SyncML secret. @throws `auth.invalid`, `auth.forbidden`. */
  loginDevice(deviceId: string, secret: string): Promise<TokenPair>
  /** A password for classic SyncML clients that log in with the account's name. Returned once. */
  createAppPassword(accountName: string): Promise<{ user: string; password: string }>
  /** Disables or enables an account (all its devices) or one device. @throws `account.unknown`, `device.unknown`. */
  setAccountDisabled(name: string, disabled: boolean): Promise<void>
  /** Without `accountId` the device id must be of one account only. @throws `protocol.malformed` if it is of several. */
  setDeviceDisabled(deviceId: string, disabled: boolean, accountId?: string): Promise<void>
  /** Fences a device for a reason, or ends that with null. @throws `device.unknown`, `protocol.malformed`. */
  setDeviceFence(accountId: string, deviceId: string, reason: string | null): Promise<void>
  /** Removes an account with its devices, passwords and tokens. Does no harm twice. */
  removeAccount(accountId: string): Promise<void>
  listAccounts(): Promise<readonly AccountSummary[]>
  listDevices(accountId: string): Promise<readonly RegisteredDevice[]>
  /** Checks credentials of a SyncML peer that the backup server does not know yet. */
  verifySyncml(credentials: SyncmlCredentials): Promise<LoginResult>
  /**
   * Whether a login that was accepted before still stands: the account or device may have been disabled or fenced since.
   * With an empty `deviceId` only the account is asked about.
   */
  isEnabled(accountId: string, deviceId: string): Promise<boolean>
  /** Verifies one of our access tokens. @throws `auth.invalid`. */
  verifyToken(accessToken: string): Promise<TokenClaims>
  /** Public keys as a JSON Web Key Set. */
  jwks(): Promise<{ readonly keys: readonly Readonly<Record<string, unknown>>[] }>
}
