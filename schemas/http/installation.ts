/**
 * By what an installation of the agent is told from a copy of it (WF-86): random values, the newest first, that it made
 * one after the other. A copy has the older ones, and makes newer ones of its own.
 */

import { z } from 'zod'
import type { HttpCall } from './call.ts'
import { deviceId } from './fields.ts'

export const installationCalls = {
  claimInstallation: {
    method: 'put',
    path: '/api/v1/devices/{deviceId}/installation',
    summary: 'Says which of several installations of a device goes on; the others are refused from then on',
    access: ['account'],
    params: z.strictObject({ deviceId }),
    body: z
      .strictObject({
        value: z
          .string()
          .regex(/^[A-Za-z0-9_-]{12}$/)
          .meta({ description: 'The newest value of the installation that goes on.' }),
      })
      .meta({ id: 'InstallationClaim' }),
    status: 204,
    errors: ['device.unknown'],
  },
} as const satisfies Record<string, HttpCall>
