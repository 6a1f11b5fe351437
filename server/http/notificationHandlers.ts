/** The handler of the call by which a device waits for its notification (PU-5). */

import type { notificationCalls } from '../../schemas/http/notifications.ts'
import type { IssuedOctets, Poll } from '../push/answerPoll.ts'
import { deviceCaller, type Handlers } from './handlers.ts'

/** `answerPoll` gives the device's notification, now or within the wait; undefined if none came. */
export function notificationHandlers(
  answerPoll: (poll: Poll) => Promise<IssuedOctets | undefined>,
): Pick<Required<Handlers>, keyof typeof notificationCalls> {
  return {
    async awaitNotification({ query }, { claims, onGone }) {
      const found = await answerPoll({ ...deviceCaller(claims), after: query.after, waitMs: query.wait * 1000, onGone })
      return found && { issuedAt: found.issuedAt, notification: Buffer.from(found.octets).toString('base64') }
    },
  }
}
