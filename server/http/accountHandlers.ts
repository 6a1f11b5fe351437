/** Handlers of `/accounts/*`: logins go through the failure limits (AC-5). */

import { CodedError } from '../../schemas/errors.ts'
import type { accountCalls } from '../../schemas/http/accounts.ts'
import type { AccountService } from '../account/accountService.ts'
import { createFailureLimits, type FailureLimits } from '../account/failureLimits.ts'
import type { Metrics } from '../metrics.ts'
import type { Handlers } from './handlers.ts'

export interface AccountHandlerParts {
  readonly accountService: AccountService
  readonly limits: FailureLimits
  readonly registration: 'open' | 'closed'
  readonly metrics: Metrics
  /** A fenced device proved who it is, and was refused. */
  onFenced?(device: { readonly accountId: string; readonly deviceId: string }): void
}

/** Accounts one address may register in an hour: enough for a family or an office, not for a robot. */
const REGISTRATIONS_PER_HOUR = 20

/** Handlers of the calls in `accountCalls`. */
export function accountHandlers(parts: AccountHandlerParts): Pick<Required<Handlers>, keyof typeof accountCalls> {
  const { accountService, limits, metrics } = parts
  const registrations = createFailureLimits({
    perAddressAndSubject: REGISTRATIONS_PER_HOUR,
    perAddress: REGISTRATIONS_PER_HOUR,
    perSubject: Number.MAX_SAFE_INTEGER,
    windowS: 3600,
  })
  return {
    async register({ body }, { address }) {
      if (parts.registration === 'closed')
        throw new CodedError('auth.forbidden', 'accounts are added by the operator here')
      const attempt = { address, subject: 'registration' }
      await registrations.check(attempt)
      await registrations.failed(attempt)
      return accountService.register(body.name, body.password)
    },
    login: ({ body }, { address }) =>
      counted(metrics, 'account', () =>
        limits.guard({ address, subject: `account:${body.name}` }, () =>
          accountService.login(body.name, body.password),
        ),
      ),
    refresh: ({ body }) => accountService.refresh(body.refreshToken),
    registerDevice: ({ body }, { claims }) => accountService.registerDevice(claims.accountId, body.name, body.deviceId),
    listOwnDevices: async (_input, { claims }) => ({ devices: await accountService.listDevices(claims.accountId) }),
    loginDevice: ({ body }, { address }) =>
      counted(metrics, 'device', () =>
        limits.guard({ address, subject: `device:${body.deviceId}` }, () =>
          tellFenced(parts, body.deviceId, accountService.loginDevice(body.deviceId, body.secret)),
        ),
      ),
    createOwnAppPassword: (_input, { claims }) => accountService.createAppPassword(claims.accountName),
    jwks: () => accountService.jwks().then(({ keys }) => ({ keys: keys.map((key) => ({ ...key })) })),
  }
}

/** Tells of a fenced device whose secret was right (AL-8). */
async function tellFenced<T>(
  { onFenced }: Pick<AccountHandlerParts, 'onFenced'>,
  deviceId: string,
  login: Promise<T>,
): Promise<T> {
  try {
    return await login
  } catch (cause) {
    const { accountId } = cause instanceof CodedError && cause.code === 'device.fenced' ? cause.fields : {}
    if (typeof accountId === 'string') onFenced?.({ accountId, deviceId })
    throw cause
  }
}

async function counted<T>(metrics: Metrics, way: 'account' | 'device', login: () => Promise<T>): Promise<T> {
  try {
    return await login()
  } catch (cause) {
    metrics.loginRefused(way)
    throw cause
  }
}
