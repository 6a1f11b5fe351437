/**
 * Element tree -> WBXML octets: version 1.2, UTF-8, no string table, no attributes. Octets and the text of Items go
 * out as OPAQUE (safe for CR LF and cut characters), other text as inline strings; device information as a document
 * of its own inside OPAQUE (reference 7.5, 7.6).
 */

import { utf8Length } from '../utf8.ts'
import { type DocumentKind, PUBLIC_IDS, tokenOf } from './codePages.ts'
import type { Element } from './element.ts'
import { malformed } from './malformed.ts'
import { OctetCounter, type OctetSink, OctetWriter, writeMultiByte } from './octetWriter.ts'
import { CHARSET_UTF8, CONTENT_BIT, GLOBAL, WRITTEN_VERSION } from './wbxmlTokens.ts'

interface Output {
  readonly sink: OctetSink
  readonly kind: DocumentKind
  readonly version: string
  page: number
}

/**
 * Writes one document of the given kind and version (an unknown version counts as 1.2).
 * @throws {CodedError} `protocol.malformed` if a text outside of Items holds NUL
 */
export function encodeWbxml(root: Element, kind: DocumentKind, version: string): Uint8Array {
  const sink = new OctetWriter()
  writeDocument(sink, root, kind, version)
  return sink.finish()
}

/** Octets `element` takes inside a SyncML document, with the page switches it causes, without encoding its octets. */
export function wbxmlSize(element: Element): number {
  const sink = new OctetCounter()
  const output: Output = { sink, kind: 'syncml', version: '1.2', page: 0 }
  writeElement(output, element, '')
  return sink.length + (output.page === 0 ? 0 : 2)
}

function writeDocument(sink: OctetSink, root: Element, kind: DocumentKind, version: string): void {
  const ids: Readonly<Record<string, number>> = PUBLIC_IDS[kind]
  sink.octet(WRITTEN_VERSION)
  writeMultiByte(sink, ids[version] ?? PUBLIC_IDS[kind]['1.2'])
  sink.octet(CHARSET_UTF8)
  sink.octet(0)
  writeElement({ sink, kind, version, page: 0 }, root, '')
}

function writeElement(output: Output, element: Element, outer: string): void {
  const { sink, kind } = output
  const { name, children, value } = element
  if (kind === 'syncml' && name === 'DevInf') {
    writeOpaque(sink, embeddedDevInf(element, output.version))
    return
  }
  const place = tokenOf(kind, name)
  if (place === undefined) throw malformed(`WBXML has no token for ${name}`)
  if (place.page !== output.page) {
    sink.octet(GLOBAL.switchPage)
    sink.octet(place.page)
    output.page = place.page
  }
  const empty = children.length === 0 && value === undefined
  sink.octet(empty ? place.token : place.token | CONTENT_BIT)
  if (empty) return
  if (value !== undefined) writeValue(sink, value, name === 'Data' && outer === 'Item')
  for (const child of children) writeElement(output, child, name)
  sink.octet(GLOBAL.end)
}

function writeValue(sink: OctetSink, value: string | Uint8Array, asOpaque: boolean): void {
  if (typeof value !== 'string') writeOpaque(sink, value)
  else if (asOpaque) {
    sink.octet(GLOBAL.opaque)
    writeMultiByte(sink, utf8Length(value))
    sink.text(value)
  } else {
    if (value.includes('\0')) throw malformed('an inline string of WBXML cannot hold NUL')
    sink.octet(GLOBAL.inlineString)
    sink.text(value)
    sink.octet(0)
  }
}

function writeOpaque(sink: OctetSink, octets: Uint8Array): void {
  sink.octet(GLOBAL.opaque)
  writeMultiByte(sink, octets.length)
  sink.octets(octets)
}

/** Device information that does not say its version has that of the message. */
function embeddedDevInf(devInf: Element, outer: string): Uint8Array {
  const version = devInf.children.find((child) => child.name === 'VerDTD')?.value
  return encodeWbxml(devInf, 'devinf', String(version || outer))
}
