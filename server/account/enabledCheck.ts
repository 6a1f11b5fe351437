/**
 * Whether the holder of an access token, or of a session, is still enabled (AC-4). A token lives ten minutes, a disabled
 * device at most 30 s: so the account service is asked, and its word is kept that long in memory.
 */

import { CodedError } from '../../schemas/errors.ts'
import type { AccountService, TokenClaims, TokenScope } from './accountService.ts'
import { ENABLED_MAX_AGE_MS } from './verifyLogin.ts'

/** More holders than this are asked for again: memory must not follow the number of devices. */
const MAX_KEPT = 10_000

/**
 * Answers from memory for `maxAgeMs`, 0 where the service is in this process: a fence is felt at once then. While the
 * service is away the last word stands, and a token without one is good.
 */
export function createEnabledCheck(
  accountService: Pick<AccountService, 'isEnabled'>,
  clock: () => number,
  maxAgeMs = ENABLED_MAX_AGE_MS,
): (holder: Pick<TokenClaims, 'accountId' | 'deviceId'> & { readonly scope?: TokenScope }) => Promise<boolean> {
  const kept = new Map<string, { readonly enabled: boolean; readonly checkedAt: number }>()
  return async ({ scope, accountId, deviceId = '' }) => {
    if (scope === 'operator') return true
    const key = `${accountId} ${deviceId}`
    const last = kept.get(key)
    if (last !== undefined && clock() - last.checkedAt < maxAgeMs) return last.enabled
    try {
      const enabled = await accountService.isEnabled(accountId, deviceId)
      if (kept.size >= MAX_KEPT) kept.clear()
      kept.set(key, { enabled, checkedAt: clock() })
      return enabled
    } catch (cause) {
      if (cause instanceof CodedError && cause.code === 'network.unreachable') return last?.enabled ?? true
      throw cause
    }
  }
}
