/** The port for ways a notification reaches its device (PU-4). */

import type { IssuedNotification } from './notifications.ts'

export interface PushPort {
  /**
   * Brings a notification on its way. The same one may come again.
   *
   * @throws {CodedError} if the way failed and shall be tried again.
   */
  push(notification: IssuedNotification): Promise<void>
}
