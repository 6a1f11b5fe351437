/** The two encodings of SyncML as HTTP content types. */

import type { Encoding } from './message.ts'

const CONTENT_TYPES: Readonly<Record<Encoding, string>> = {
  xml: 'application/vnd.syncml+xml',
  wbxml: 'application/vnd.syncml+wbxml',
}

/** The encoding of an HTTP content type, parameters and case ignored, or undefined if it is not ours. */
export function encodingOf(contentType: string): Encoding | undefined {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase()
  if (type === CONTENT_TYPES.xml) return 'xml'
  return type === CONTENT_TYPES.wbxml ? 'wbxml' : undefined
}

/** The HTTP content type of an encoding. */
export function contentTypeOf(encoding: Encoding): string {
  return CONTENT_TYPES[encoding]
}

/** The content type of device information in a session of this encoding (reference 2.2). */
export function devInfTypeOf(encoding: Encoding): string {
  return `application/vnd.syncml-devinf+${encoding}`
}
