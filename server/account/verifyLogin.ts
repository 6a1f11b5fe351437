/**
 * The backup server's side of a SyncML login (AC-4, AC-8): a known device is compared with what is kept; an unknown
 * one, or one whose secret changed, is asked of the account service and then kept. Whether a known one is still
 * enabled is asked again when the last answer is older than 30 s; known ones go on while the service is away.
 */

import { CodedError } from '../../schemas/errors.ts'
import type { KnownLogin, KnownLogins } from '../catalogue/catalogue.ts'
import { refusalFor } from '../identity/refusal.ts'
import type { AccountService, SyncmlCredentials } from './accountService.ts'
import type { Attempt, FailureLimits } from './failureLimits.ts'
import { matchingNonce, offeredUserName } from './syncmlCredential.ts'

/** How old the account service's word may be before it is asked again (AC-4). */
export const ENABLED_MAX_AGE_MS = 30_000

/** What the session engine does with a login: its port `LoginVerifier`. */
export type LoginVerdict =
  | {
      readonly kind: 'accepted'
      readonly peer: { readonly accountId: string; readonly accountName: string; readonly deviceId: string }
      /** The one of the nonces that the digest was made with; empty for basic. */
      readonly nonce: Uint8Array
    }
  /** 401: wrong, or too many wrong ones before; 403: disabled; 417: cannot be checked now, come again. */
  | { readonly kind: 'refused'; readonly status: 401 | 403 | 417; readonly why?: string }

export interface VerifyLoginDeps {
  readonly knownLogins: KnownLogins
  readonly accountService: AccountService
  readonly limits: FailureLimits
  /** How old the service's word may be, milliseconds; 0 where it is in this process. */
  readonly maxAgeMs?: number
  /** A fenced device came. */
  onFenced?(device: { readonly accountId: string; readonly deviceId: string }): void
  /** Milliseconds since 1970. */
  readonly clock: () => number
}

/** Fills the session engine's port `LoginVerifier`. */
export function createLoginVerifier(deps: VerifyLoginDeps): {
  verify(credentials: SyncmlCredentials, remoteAddress: string): Promise<LoginVerdict>
} {
  return {
    async verify(credentials, remoteAddress) {
      const attempt = {
        address: remoteAddress,
        subject: `syncml:${offeredUserName(credentials)}:${credentials.deviceId}`,
      }
      try {
        await deps.limits.check(attempt)
        const kept = await findKept(deps.knownLogins, credentials)
        const known = kept.find((login) => matchingNonce(credentials, login.ha1) !== undefined)
        const verdict =
          known === undefined
            ? await askService(deps, credentials, kept.length > 0)
            : await goOn(deps, credentials, known)
        await count(deps.limits, attempt, verdict)
        return verdict
      } catch (cause) {
        if (!(cause instanceof CodedError)) throw cause
        if (cause.code === 'auth.limited') return { kind: 'refused', status: 401 }
        if (cause.code === 'account.unavailable') return { kind: 'refused', status: 417 }
        throw cause
      }
    },
  }
}

async function findKept(logins: KnownLogins, credentials: SyncmlCredentials): Promise<readonly KnownLogin[]> {
  const userName = offeredUserName(credentials).toLowerCase()
  const candidates = await logins.find(credentials.deviceId)
  return candidates.filter((login) => userName === '' || login.userName.toLowerCase() === userName)
}

async function goOn(deps: VerifyLoginDeps, credentials: SyncmlCredentials, known: KnownLogin): Promise<LoginVerdict> {
  const { accountId, accountName, deviceId } = known
  const now = deps.clock()
  const isOld = now - known.checkedAt >= (deps.maxAgeMs ?? ENABLED_MAX_AGE_MS)
  const asked = isOld ? await askEnabled(deps, known) : undefined
  const enabled = asked ?? known.enabled
  const change = asked === undefined ? { lastAccessAt: now } : { lastAccessAt: now, enabled: asked, checkedAt: now }
  await deps.knownLogins.touch(accountId, deviceId, change)
  if (!enabled) return stopped(deps, { accountId, deviceId })
  return accepted(credentials, known.ha1, { accountId, accountName, deviceId })
}

/** Known, and may do nothing: the device is told why (ID-4). */
async function stopped(
  { accountService, onFenced }: VerifyLoginDeps,
  device: { readonly accountId: string; readonly deviceId: string },
): Promise<LoginVerdict> {
  const { code, message } = await refusalFor(accountService, device)
  if (code === 'device.fenced') onFenced?.(device)
  return { kind: 'refused', status: 403, why: `${code}: ${message}` }
}

function accepted(
  credentials: SyncmlCredentials,
  ha1: string,
  peer: Extract<LoginVerdict, { kind: 'accepted' }>['peer'],
): LoginVerdict {
  return { kind: 'accepted', peer, nonce: matchingNonce(credentials, ha1) ?? new Uint8Array() }
}

/** Undefined while the account service is away: what was said last stands. */
async function askEnabled({ accountService }: VerifyLoginDeps, known: KnownLogin): Promise<boolean | undefined> {
  try {
    return await accountService.isEnabled(known.accountId, known.deviceId)
  } catch (cause) {
    if (cause instanceof CodedError && cause.code === 'network.unreachable') return undefined
    throw cause
  }
}

async function askService(
  deps: VerifyLoginDeps,
  credentials: SyncmlCredentials,
  deviceKnown: boolean,
): Promise<LoginVerdict> {
  const result = await verifyOrTranslate(deps.accountService, credentials, deviceKnown)
  if (result.kind === 'refused') return { kind: 'refused', status: result.reason === 'disabled' ? 403 : 401 }
  const { accountId, accountName, deviceId, ha1 } = result.login
  const now = deps.clock()
  const userName = offeredUserName(credentials) || accountName
  const access = { lastAccessAt: now, enabled: true, checkedAt: now }
  await deps.knownLogins.put({ userName, deviceId, accountId, accountName, ha1, ...access })
  return accepted(credentials, ha1, { accountId, accountName, deviceId })
}

async function verifyOrTranslate(
  service: AccountService,
  credentials: SyncmlCredentials,
  deviceKnown: boolean,
): ReturnType<AccountService['verifySyncml']> {
  try {
    return await service.verifySyncml(credentials)
  } catch (cause) {
    if (!(cause instanceof CodedError) || cause.code !== 'network.unreachable') throw cause
    // A known device with a digest over an old nonce needs a challenge, which it can answer without the service.
    if (deviceKnown) return { kind: 'refused', reason: 'wrong' }
    throw new CodedError('account.unavailable', 'the account service does not answer', { cause })
  }
}

async function count(limits: FailureLimits, attempt: Attempt, verdict: LoginVerdict): Promise<void> {
  if (verdict.kind === 'accepted') await limits.succeeded(attempt)
  else if (verdict.status === 401) await limits.failed(attempt)
}
