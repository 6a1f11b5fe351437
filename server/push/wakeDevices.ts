/** Issues notifications: for the operator, and for devices whose backup is overdue (PU-1, PU-3, PU-9). */

import { CodedError } from '../../schemas/errors.ts'
import type { AlertedSync } from '../../schemas/syncml/notification.ts'
import type { AccountService } from '../account/accountService.ts'
import type { KnownLogins } from '../catalogue/catalogue.ts'
import type { Logger } from '../logger.ts'
import { findLogin } from './findLogin.ts'
import type { DeviceKey, IssuedNotification, Notifications } from './notifications.ts'

/** Devices that one pass wakes. */
const MAX_OVERDUE = 200

export interface WakeParts {
  readonly notifications: Notifications
  readonly knownLogins: Pick<KnownLogins, 'find' | 'touch'>
  readonly accountService: Pick<AccountService, 'isEnabled'>
  readonly random: (length: number) => Uint8Array
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** Brings what was issued on its way; is not waited for. */
  readonly dispatch: () => Promise<void>
  readonly log: Logger
}

export interface Waker {
  /**
   * Issues a notification; `syncs` empty asks for everything the device keeps here.
   *
   * @throws {CodedError} `device.unknown` if it never logged in here, `auth.forbidden` if it is disabled.
   */
  wake(device: DeviceKey, syncs: readonly AlertedSync[]): Promise<IssuedNotification>
  /** Wakes devices whose newest backup of any database is before `before`; how many. */
  wakeOverdue(before: number): Promise<number>
}

export function createWaker(parts: WakeParts): Waker {
  const wake: Waker['wake'] = async (device, syncs) => {
    await checkDevice(parts, device)
    const { accountId, deviceId } = device
    const [high = 0, low = 0] = parts.random(2)
    const sessionId = Math.max(1, high * 256 + low)
    const issued = await parts.notifications.issue({ accountId, deviceId, sessionId, syncs }, parts.clock())
    // The operator's command tells its own answer; its log is the operator's terminal.
    parts.log.debug('device woken', { accountId, deviceId, sessionId })
    void parts.dispatch()
    return issued
  }
  return {
    wake,
    wakeOverdue: async (before) => {
      let woken = 0
      for (const device of await parts.notifications.listOverdue(before, MAX_OVERDUE)) {
        try {
          await wake(device, [])
          parts.log.info('overdue device woken', { ...device })
          woken += 1
        } catch (cause) {
          // Disabled since it was here last: its backup is not missed.
          if (!(cause instanceof CodedError) || cause.code !== 'auth.forbidden') throw cause
        }
      }
      return woken
    },
  }
}

async function checkDevice(parts: WakeParts, device: DeviceKey): Promise<void> {
  const { knownLogins, accountService, clock } = parts
  const login = await findLogin(knownLogins, device)
  if (login === undefined) {
    throw new CodedError('device.unknown', `device ${device.deviceId} never synchronized with this server`, {
      next: 'Let it make its first backup or synchronization by itself.',
    })
  }
  if (await isEnabled(accountService, device, login.enabled)) return
  // Noted, or each pass would look at it again.
  const { accountId, deviceId, lastAccessAt } = login
  if (login.enabled) await knownLogins.touch(accountId, deviceId, { lastAccessAt, enabled: false, checkedAt: clock() })
  throw new CodedError('auth.forbidden', `device ${device.deviceId} is disabled`)
}

/** While the account service is away its last word stands (AC-8). */
async function isEnabled(
  service: Pick<AccountService, 'isEnabled'>,
  { accountId, deviceId }: DeviceKey,
  last: boolean,
): Promise<boolean> {
  try {
    return await service.isEnabled(accountId, deviceId)
  } catch (cause) {
    if (cause instanceof CodedError && cause.code === 'network.unreachable') return last
    throw cause
  }
}
