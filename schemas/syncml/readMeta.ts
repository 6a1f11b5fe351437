/** Element tree -> Meta, Cred, Chal, Anchor. MetInf may stand in a wrapper or directly in Meta (reference 2.1). */

import { decodeUtf8, encodeUtf8 } from '../utf8.ts'
import { fromBase64 } from './base64.ts'
import type { Element } from './element.ts'
import { child, flagOf, missing, present, text, textOf, texts, wholeNumber } from './fields.ts'
import type { Anchor, Chal, Cred, ItemData, Meta } from './message.ts'

/** The Meta child of `element`; numbers that are none are as absent, unknown fields are dropped. */
export function readMeta(element: Element): Meta | undefined {
  const meta = child(element, 'Meta')
  if (meta === undefined) return undefined
  const inf = child(meta, 'MetInf') ?? meta
  const emi = texts(inf, 'EMI')
  return present<Meta>({
    fieldLevel: flagOf(inf, 'FieldLevel'),
    format: text(inf, 'Format'),
    type: text(inf, 'Type'),
    mark: text(inf, 'Mark'),
    size: wholeNumber(inf, 'Size'),
    anchor: readAnchor(child(inf, 'Anchor')),
    version: text(inf, 'Version'),
    nextNonce: readNonce(child(inf, 'NextNonce'), text(inf, 'Format')),
    maxMsgSize: wholeNumber(inf, 'MaxMsgSize'),
    maxObjSize: wholeNumber(inf, 'MaxObjSize'),
    emi: emi.length === 0 ? undefined : emi,
    mem: readMem(child(inf, 'Mem')),
  })
}

/** An Anchor, or undefined if it is missing or has no Next. */
export function readAnchor(anchor: Element | undefined): Anchor | undefined {
  const next = anchor && text(anchor, 'Next')
  if (anchor === undefined || next === undefined) return undefined
  return present<Anchor>({ last: text(anchor, 'Last'), next })
}

function readMem(mem: Element | undefined): Meta['mem'] {
  if (mem === undefined) return undefined
  const freeMem = wholeNumber(mem, 'FreeMem')
  const freeId = wholeNumber(mem, 'FreeID')
  if (freeMem === undefined || freeId === undefined) return undefined
  return present<NonNullable<Meta['mem']>>({ sharedMem: flagOf(mem, 'SharedMem'), freeMem, freeId })
}

/**
 * The octets of a nonce (reference 5.1): base64 is decoded, whether announced or only looking like it; else what came
 * is the nonce. Clients that forgot to decode are the verifier's matter.
 */
function readNonce(nonce: Element | undefined, format: string | undefined): Uint8Array | undefined {
  if (nonce === undefined) return undefined
  const { value } = nonce
  if (value === undefined) return new Uint8Array(0)
  const written = typeof value === 'string' ? value : decodeUtf8(value)
  const decoded = written === undefined ? undefined : fromBase64(written)
  if (decoded !== undefined) return decoded
  const raw = typeof value === 'string' ? encodeUtf8(value) : value
  return format === 'b64' && written !== undefined ? encodeUtf8(written.trim()) : raw
}

/** The Cred child of `element`. An OPAQUE of 16 octets, or one that is no base64, is a raw digest (reference 5.1). */
export function readCred(element: Element): Cred | undefined {
  const cred = child(element, 'Cred')
  if (cred === undefined) return undefined
  const data = child(cred, 'Data')
  if (data === undefined) throw missing(cred, 'Data')
  return present<Cred>({ meta: readMeta(cred), data: credData(data) })
}

function credData(data: Element): ItemData {
  const { value } = data
  if (value instanceof Uint8Array) {
    const written = decodeUtf8(value)
    if (value.length === 16 || written === undefined || fromBase64(written) === undefined) {
      return { kind: 'bytes', bytes: value }
    }
  }
  return { kind: 'text', text: textOf(data) }
}

/** The Chal child of `element`; one without Meta challenges nothing and counts as absent. */
export function readChal(element: Element): Chal | undefined {
  const chal = child(element, 'Chal')
  const meta = chal && readMeta(chal)
  return meta && { meta }
}
