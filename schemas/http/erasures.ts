/**
 * Calls that delete an account with all it has, so that nobody can open it any more (KY-11 to KY-14), and the receipts of
 * what was deleted.
 */

import { z } from 'zod'
import type { HttpCall } from './call.ts'
import { accountName, byteCount, identifier, timestamp } from './fields.ts'

const count = z.int().nonnegative()

export const erasureReceipt = z
  .strictObject({
    version: z.literal(1),
    serverId: z.string(),
    accountId: identifier,
    accountName,
    erasedAt: timestamp,
    devices: count,
    copies: count,
    pastCopies: count,
    restores: count,
    sizeBytes: byteCount.meta({ description: 'Octets of the copies.' }),
    keys: z
      .array(
        z.strictObject({
          what: z.enum(['copy', 'past copy', 'restore']),
          keyId: z.string().meta({ description: 'Id of the master key that had wrapped it.' }),
          fingerprint: z.string().meta({ description: 'SHA-256 of the wrapped key, hex.' }),
        }),
      )
      .readonly()
      .meta({ description: 'The keys that were destroyed.' }),
  })
  .meta({ id: 'ErasureReceipt' })

export const erasedAccount = z
  .strictObject({
    receipt: erasureReceipt,
    signed: z.string().meta({ description: 'The receipt as compact JWS.' }),
    signingKey: z.record(z.string(), z.unknown()).meta({ description: 'JWK that it verifies with.' }),
  })
  .meta({ id: 'ErasedAccount' })

export type ErasureReceipt = z.infer<typeof erasureReceipt>
export type ErasedAccount = z.infer<typeof erasedAccount>

export const erasureCalls = {
  eraseAccount: {
    method: 'post',
    path: '/api/v1/accounts/{name}/erase',
    summary: 'Deletes an account with all its devices, copies and keys',
    access: ['operator'],
    params: z.strictObject({ name: accountName }),
    status: 200,
    reply: erasedAccount,
    errors: ['account.unknown'],
  },
  eraseOwnAccount: {
    method: 'post',
    path: '/api/v1/account/erase',
    summary: "Deletes the caller's account with all its devices, copies and keys",
    access: ['account'],
    body: z.strictObject({ password: z.string().min(1).max(1024) }).meta({ id: 'OwnErasure' }),
    status: 200,
    reply: erasedAccount,
    errors: ['auth.limited'],
  },
  listErasures: {
    method: 'get',
    path: '/api/v1/erasures',
    summary: 'Lists the receipts of deleted accounts',
    access: ['operator'],
    status: 200,
    reply: z.strictObject({ erasures: z.array(erasedAccount).readonly() }).meta({ id: 'ErasureList' }),
  },
} as const satisfies Record<string, HttpCall>
