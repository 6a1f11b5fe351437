/** Calls for the operator about the master key. */

import { z } from 'zod'
import { timestamp } from './fields.ts'

const keyId = z.string().regex(/^mk_[0-9a-f]{16}$/)

export const keyStatus = z
  .strictObject({
    currentKeyId: keyId,
    source: z.enum(['file', 'environment', 'command']).meta({ description: 'Where the master key comes from.' }),
    masterKeyFile: z.string().optional(),
    olderKeyIds: z
      .array(keyId)
      .readonly()
      .meta({ description: 'Master keys of before that are still read with, sealed by the one of now.' }),
    rotatedAt: timestamp.optional().meta({ description: 'When the master key was last changed.' }),
    uses: z
      .array(z.strictObject({ what: z.string(), keyId, objects: z.int().nonnegative() }))
      .readonly()
      .meta({ description: 'How many objects need which master key.' }),
    reencryption: z
      .strictObject({
        copies: z.int().nonnegative(),
        sizeBytes: z.int().nonnegative(),
        leftCopies: z.int().nonnegative(),
        leftBytes: z.int().nonnegative(),
        failed: z.int().nonnegative(),
        running: z.boolean(),
      })
      .meta({
        description:
          'How many copies there are, and how many of them still have a key that an older master key wrapped first.',
      }),
    kit: z.strictObject({ state: z.enum(['never', 'proven', 'stale']), provenAt: timestamp.optional() }).meta({
      description: 'Whether the recovery kit was proven to hold the master key; stale if it was changed since.',
    }),
  })
  .meta({ id: 'KeyStatus' })

export type KeyStatus = z.infer<typeof keyStatus>

/** `/api/v1/keys*`. */
export const keyCalls = {
  readKeys: {
    method: 'get',
    path: '/api/v1/keys',
    summary: 'Tells which master keys protect what',
    access: ['operator'],
    status: 200,
    reply: keyStatus,
  },
  rotateKeys: {
    method: 'post',
    path: '/api/v1/keys/rotate',
    summary: 'Changes the master key and wraps everything anew',
    access: ['operator'],
    status: 200,
    reply: keyStatus,
    errors: ['config.invalid', 'session.busy'],
  },
  reencryptKeys: {
    method: 'post',
    path: '/api/v1/keys/reencrypt',
    summary: 'Begins to encrypt now, without pauses, the copies whose key is older than the master key',
    access: ['operator'],
    status: 200,
    reply: keyStatus,
  },
} as const
