/**
 * The call by which a device waits for a notification of its server (PU-2, PU-5).
 */

import { z } from 'zod'
import { MAX_POLL_WAIT_S } from '../limits.ts'
import type { HttpCall } from './call.ts'
import { timestamp } from './fields.ts'

export const notificationReply = z
  .strictObject({
    issuedAt: timestamp,
    notification: z.base64().meta({ description: 'Package 0 of OMA DS 1.2 (WF-25, WF-26), base64.' }),
  })
  .meta({ id: 'Notification' })

/** `/api/v1/notifications`. */
export const notificationCalls = {
  awaitNotification: {
    method: 'get',
    path: '/api/v1/notifications',
    summary: "Waits for the device's notification; 204 if none came in time",
    access: ['device'],
    query: z.strictObject({
      wait: z.coerce
        .number()
        .int()
        .min(0)
        .max(MAX_POLL_WAIT_S)
        .default(0)
        .meta({ description: 'Seconds to wait; 0 answers at once.' }),
      after: z.coerce.number().int().min(0).default(0).meta({
        description: 'When the newest notification that the device has was issued: it and older ones are done with.',
      }),
    }),
    status: 200,
    reply: notificationReply,
    orNothing: true,
    errors: ['push.busy'],
  },
} as const satisfies Record<string, HttpCall>
