/** Builds what the edges ask about a caller: its login, its token, whether it still may do anything. Part of `assemble.ts`. */

import type { CodedError } from '../schemas/errors.ts'
import type { AccountService, TokenClaims } from './account/accountService.ts'
import { createEnabledCheck } from './account/enabledCheck.ts'
import type { FailureLimits } from './account/failureLimits.ts'
import type { Config } from './config/config.ts'
import type { Secrets } from './config/secrets.ts'
import { accountHandlers } from './http/accountHandlers.ts'
import type { AppParts } from './http/app.ts'
import { refusalFor } from './identity/refusal.ts'
import type { Metrics } from './metrics.ts'

type Holder = Pick<TokenClaims, 'accountId' | 'deviceId'>

export interface EdgeAssembly {
  /** What every application needs. */
  readonly app: Pick<
    AppParts,
    'verifyToken' | 'isEnabled' | 'refusalFor' | 'serviceSecret' | 'corsOrigins' | 'trustProxy'
  >
  readonly handlers: ReturnType<typeof accountHandlers>
  /** Why a peer that logged in may not go on; undefined if it may. */
  stopped(peer: Holder): Promise<string | undefined>
  /** Gives `found` on to a caller that waited. @throws {CodedError} `device.fenced`, `auth.forbidden` if it may not have it. */
  unlessStopped<T>(caller: Holder, found: T): Promise<T>
}

export interface EdgeAssemblyParts {
  readonly config: Config
  readonly secrets: Secrets
  readonly service: AccountService
  /** The account service is in this process, and asked each time. */
  readonly isLocal: boolean
  readonly limits: FailureLimits
  readonly metrics: Metrics
  clock(): number
  /** A fenced device tried to do something. */
  onFenced(device: { readonly accountId: string; readonly deviceId: string }): void
}

export function assembleEdge(parts: EdgeAssemblyParts): EdgeAssembly {
  const { config, secrets, service, isLocal, limits, metrics, clock, onFenced } = parts
  const isEnabled = createEnabledCheck(service, clock, isLocal ? 0 : undefined)
  const refusal = async (holder: Holder): Promise<CodedError> => {
    const error = await refusalFor(service, holder)
    const { accountId, deviceId } = holder
    if (error.code === 'device.fenced' && deviceId !== undefined) onFenced({ accountId, deviceId })
    return error
  }
  return {
    app: {
      verifyToken: (token) => service.verifyToken(token),
      isEnabled,
      refusalFor: refusal,
      ...(secrets.serviceSecret === undefined ? {} : { serviceSecret: secrets.serviceSecret }),
      corsOrigins: config.corsOrigins,
      trustProxy: config.trustProxy,
    },
    handlers: accountHandlers({
      ...{ accountService: service, registration: config.registration, limits, metrics, onFenced },
    }),
    stopped: async (peer) => {
      if (await isEnabled(peer)) return undefined
      const { code, message } = await refusal(peer)
      return `${code}: ${message}`
    },
    unlessStopped: async (caller, found) => {
      if (await isEnabled(caller)) return found
      throw await refusal(caller)
    },
  }
}
