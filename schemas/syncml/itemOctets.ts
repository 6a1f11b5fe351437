/** The octets an Item's data stands for, whichever encoding carried it (reference 11). */

import { encodeUtf8 } from '../utf8.ts'
import { fromBase64 } from './base64.ts'
import type { ItemData } from './message.ts'

/**
 * Octets of `data` under the effective `format`: OPAQUE as it is, base64 decoded, other text as UTF-8.
 * Undefined if the data is no octets (an anchor, device information) or is not in the base64 that `b64` announces.
 * A foreign client may cut base64 anywhere: join the text of all chunks before asking.
 */
export function itemOctets(data: ItemData, format: string | undefined): Uint8Array | undefined {
  if (data.kind === 'bytes') return data.bytes
  if (data.kind !== 'text') return undefined
  return format === 'b64' ? fromBase64(data.text) : encodeUtf8(data.text)
}
