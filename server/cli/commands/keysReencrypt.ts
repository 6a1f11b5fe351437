/** `nightferry keys reencrypt`: keys of their own for all copies whose key is older than the master key, now (KY-19). */

import { formatBytes } from '../../../schemas/cli/formatTable.ts'
import { CodedError } from '../../../schemas/errors.ts'
import type { KeyStatus } from '../../../schemas/http/keys.ts'
import { type ServerCommand, WHERE_OPTIONS, withOperatorApi } from '../serverContext.ts'

export const keysReencrypt: ServerCommand = {
  spec: {
    name: 'keys reencrypt',
    summary: 'encrypt now the copies whose key is older than the master key',
    args: [],
    options: WHERE_OPTIONS,
  },
  run: async (context, input) => {
    const tell = (state: KeyStatus['reencryption']): void => context.notice(`${formatLeft(state)}\n`)
    const { reencryption } = await withOperatorApi(context, input, (api) => api.reencryptKeys(tell))
    if (reencryption.leftCopies > 0)
      throw new CodedError('storage.corrupt', formatLeft(reencryption), {
        next: "The server's log says why; a copy that is damaged is healed by a whole backup of its device.",
      })
    return { json: { ...reencryption }, text: `${formatLeft(reencryption)}\n` }
  },
}

/** How many copies wait for a new key. */
export function formatLeft({ copies, leftCopies, leftBytes, failed }: KeyStatus['reencryption']): string {
  const failures = failed > 0 ? `, ${failed} failed` : ''
  if (leftCopies === 0) return `all ${copies} copies have keys that are younger than the master key`
  return `${leftCopies} of ${copies} copies (${formatBytes(leftBytes)}) wait for a new key${failures}`
}
