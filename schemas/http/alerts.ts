/** The operator's call that tries the ways alerts take (AL-7). */

import { z } from 'zod'
import type { HttpCall } from './call.ts'

const tests = z
  .strictObject({
    ports: z
      .array(
        z.strictObject({
          port: z.enum(['webhook', 'mail']),
          failure: z.string().exactOptional().meta({ description: 'Why it was not taken.' }),
        }),
      )
      .readonly(),
  })
  .meta({ id: 'AlertTest' })

export const alertCalls = {
  testAlerts: {
    method: 'post',
    path: '/api/v1/alerts/test',
    summary: 'Sends an alert by each way that is set up, now',
    access: ['operator'],
    status: 200,
    reply: tests,
  },
} as const satisfies Record<string, HttpCall>
