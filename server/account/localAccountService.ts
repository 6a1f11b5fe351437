/**
 * The account service in this process: rules AC-1 to AC-4 over the port `AccountStore`.
 * What each method promises is written at the port.
 */

import { createHash, randomBytes } from 'node:crypto'
import type { z } from 'zod'
import { CodedError } from '../../schemas/errors.ts'
import {
  accountName,
  deviceId as deviceIdField,
  deviceName,
  fenceReason,
  password as passwordField,
} from '../../schemas/http/fields.ts'
import { ACCOUNT_DEVICE } from '../catalogue/catalogue.ts'
import { fencedError } from '../identity/refusal.ts'
import { step } from '../steps.ts'
import type { AccountService, AccountSummary, RegisteredDevice, TokenClaims, TokenPair } from './accountService.ts'
import type { AccountRow, AccountStore, DeviceRow } from './accountStore.ts'
import { hashPassword, verifyPassword } from './password.ts'
import type { SigningKeys } from './signingKeys.ts'
import { ha1Of } from './syncmlCredential.ts'
import { ACCESS_TOKEN_LIFE_S, signToken, verifyToken } from './token.ts'
import { typedPassword } from './typedPassword.ts'
import { verifySyncml } from './verifySyncml.ts'

const REFRESH_LIFE_MS = 90 * 24 * 60 * 60_000
const OPERATOR_TOKEN_LIFE_S = 12 * 60 * 60

export interface LocalAccountDeps {
  readonly store: AccountStore
  readonly signingKeys: SigningKeys
  /** Milliseconds since 1970. */
  readonly clock: () => number
}

/** The service and what only its own machine may ask for. */
export interface LocalAccountService extends AccountService {
  /** An operator's access token, 12 hours unless said otherwise: whoever can open the account store is the operator. */
  issueOperatorToken(lifeS?: number): Promise<string>
}

/** The account service over `store`. */
export function createLocalAccountService(deps: LocalAccountDeps): LocalAccountService {
  const { store, signingKeys, clock } = deps
  return {
    register: async (name, password) => toSummary(await register(deps, name, password)),
    login: (name, password) => login(deps, name, password),
    refresh: (refreshToken) => refresh(deps, refreshToken),
    registerDevice: (accountId, name, deviceId) => registerDevice(deps, accountId, name, deviceId),
    loginDevice: (deviceId, secret) => loginDevice(deps, deviceId, secret),
    async createAppPassword(name) {
      const account = await findAccount(store, name)
      const password = typedPassword()
      await store.addAppPassword(account.accountId, ha1Of(account.name, password), clock())
      return { user: account.name, password }
    },
    async setAccountDisabled(name, disabled) {
      if (!(await store.setAccountDisabled(name, disabled))) throw unknownAccount(name)
    },
    setDeviceDisabled: (deviceId, disabled, accountId) => setDeviceDisabled(store, deviceId, disabled, accountId),
    async setDeviceFence(accountId, deviceId, reason) {
      if (reason !== null) check(fenceReason, reason, 'reason')
      const fence = reason === null ? undefined : { reason, since: clock() }
      if (!(await store.setDeviceFence(accountId, deviceId, fence)))
        throw new CodedError('device.unknown', `no device has the id ${deviceId}`)
    },
    removeAccount: (accountId) => store.removeAccount(accountId),
    listAccounts: async () => (await store.listAccounts()).map(toSummary),
    listDevices: async (accountId) => (await store.listDevices(accountId)).map(toDevice),
    verifySyncml: async (credentials) => {
      step('verify')
      const verified = await verifySyncml(store, credentials, clock())
      step('verified')
      return verified
    },
    isEnabled: (accountId, deviceId) => isEnabled(store, accountId, deviceId),
    verifyToken: async (token) => verifyToken(token, (await signingKeys.jwks(clock())).keys, clock()),
    jwks: async () => signingKeys.jwks(clock()),
    issueOperatorToken: (lifeS = OPERATOR_TOKEN_LIFE_S) =>
      signToken(signingKeys, { scope: 'operator', accountId: 'operator', accountName: 'operator' }, clock(), lifeS),
  }
}

async function register({ store, clock }: LocalAccountDeps, name: string, password: string): Promise<AccountRow> {
  check(accountName, name, 'account name')
  check(passwordField, password, 'password')
  const row: AccountRow = {
    accountId: randomId('a'),
    name,
    passwordHash: await hashPassword(password),
    createdAt: clock(),
    disabled: false,
  }
  step('account')
  if (!(await store.addAccount(row))) throw new CodedError('account.exists', `account ${name} exists`)
  step('account-written')
  return row
}

async function login(deps: LocalAccountDeps, name: string, password: string): Promise<TokenPair> {
  const account = await deps.store.findAccount(name)
  if (!(await verifyPassword(password, account?.passwordHash)) || account === undefined)
    throw new CodedError('auth.invalid', 'account name or password is wrong')
  if (account.disabled) throw disabled()
  return newPair(deps, { scope: 'account', accountId: account.accountId, accountName: account.name })
}

async function loginDevice(deps: LocalAccountDeps, deviceId: string, secret: string): Promise<TokenPair> {
  for (const device of await deps.store.findDevices(deviceId)) {
    const account = await deps.store.getAccount(device.accountId)
    // The secret is 256 random bits: comparing digests of it tells an observer of time nothing.
    if (account === undefined || device.ha1 !== ha1Of(account.name, secret)) continue
    if (device.fence !== undefined) throw fencedError(device.fence.reason, { accountId: device.accountId, deviceId })
    if (account.disabled || device.disabled) throw disabled()
    return newPair(deps, { scope: 'device', accountId: account.accountId, accountName: account.name, deviceId })
  }
  throw new CodedError('auth.invalid', 'device id or secret is wrong')
}

async function newPair(deps: LocalAccountDeps, claims: TokenClaims): Promise<TokenPair> {
  const refreshToken = randomBytes(32).toString('base64url')
  const { accountId, deviceId } = claims
  await deps.store.addRefreshToken({
    tokenHash: hashToken(refreshToken),
    familyId: randomId('f'),
    accountId,
    expiresAt: deps.clock() + REFRESH_LIFE_MS,
    ...(deviceId === undefined ? {} : { deviceId }),
  })
  return toPair(deps, claims, refreshToken)
}

async function refresh(deps: LocalAccountDeps, given: string): Promise<TokenPair> {
  const refreshToken = randomBytes(32).toString('base64url')
  const successor = { tokenHash: hashToken(refreshToken), expiresAt: deps.clock() + REFRESH_LIFE_MS }
  const row = await deps.store.exchangeRefreshToken(hashToken(given), successor, deps.clock())
  const account = row && (await deps.store.getAccount(row.accountId))
  if (row === undefined || account === undefined) throw new CodedError('auth.invalid', 'the refresh token is not valid')
  if (!(await isEnabled(deps.store, row.accountId, row.deviceId ?? ''))) throw disabled()
  const owner = { accountId: account.accountId, accountName: account.name }
  const { deviceId } = row
  const claims: TokenClaims =
    deviceId === undefined ? { scope: 'account', ...owner } : { scope: 'device', ...owner, deviceId }
  return toPair(deps, claims, refreshToken)
}

async function toPair(deps: LocalAccountDeps, claims: TokenClaims, refreshToken: string): Promise<TokenPair> {
  const accessToken = await signToken(deps.signingKeys, claims, deps.clock())
  return { accessToken, refreshToken, expiresIn: ACCESS_TOKEN_LIFE_S }
}

async function registerDevice(
  { store, clock }: LocalAccountDeps,
  accountId: string,
  name: string,
  deviceId: string,
): Promise<{ device: RegisteredDevice; secret: string }> {
  check(deviceName, name, 'device name')
  check(deviceIdField, deviceId, 'device id')
  if (deviceId === ACCOUNT_DEVICE)
    throw new CodedError('device.exists', `the id ${deviceId} stands for the account itself`)
  const account = await store.getAccount(accountId)
  if (account === undefined) throw unknownAccount(accountId)
  if (account.disabled) throw disabled()
  const secret = randomBytes(32).toString('base64url')
  const row: DeviceRow = {
    accountId,
    deviceId,
    name,
    ha1: ha1Of(account.name, secret),
    createdAt: clock(),
    disabled: false,
  }
  step('device')
  if (!(await store.addDevice(row)))
    throw new CodedError('device.exists', `the account has a device ${name} or one with the id ${deviceId}`)
  step('device-written')
  return { device: toDevice(row), secret }
}

async function setDeviceDisabled(
  store: AccountStore,
  deviceId: string,
  disabledNow: boolean,
  accountId: string | undefined,
): Promise<void> {
  const owners = accountId === undefined ? (await store.findDevices(deviceId)).map((row) => row.accountId) : [accountId]
  if (owners.length > 1)
    throw new CodedError('protocol.malformed', `device id ${deviceId} is of ${owners.length} accounts`, {
      next: 'Name the account as well.',
    })
  const [owner] = owners
  if (owner === undefined || !(await store.setDeviceDisabled(owner, deviceId, disabledNow)))
    throw new CodedError('device.unknown', `no device has the id ${deviceId}`)
}

async function isEnabled(store: AccountStore, accountId: string, deviceId: string): Promise<boolean> {
  const account = await store.getAccount(accountId)
  if (account === undefined || account.disabled) return false
  if (deviceId === '') return true
  const device = await store.getDevice(accountId, deviceId)
  return device !== undefined && !device.disabled && device.fence === undefined
}

async function findAccount(store: AccountStore, name: string): Promise<AccountRow> {
  const account = await store.findAccount(name)
  if (account === undefined) throw unknownAccount(name)
  return account
}

function check(field: z.ZodType, value: string, what: string): void {
  if (!field.safeParse(value).success)
    throw new CodedError('protocol.malformed', `the ${what} is outside the rules`, { fields: { what } })
}

function unknownAccount(name: string): CodedError {
  return new CodedError('account.unknown', `no account ${name}`)
}

function disabled(): CodedError {
  return new CodedError('auth.forbidden', 'the account or device is disabled')
}

function toSummary({ accountId, name, createdAt, disabled: isDisabled }: AccountRow): AccountSummary {
  return { accountId, name, createdAt, disabled: isDisabled }
}

function toDevice({ deviceId, name, createdAt, disabled: isDisabled, fence }: DeviceRow): RegisteredDevice {
  return { deviceId, name, createdAt, disabled: isDisabled, ...(fence && { fence }) }
}

function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

function randomId(prefix: string): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`
}
