/**
 * WBXML octets -> element tree, WBXML 1.0 to 1.3. Attributes, extensions and unknown tokens are skipped with their
 * depth kept; OPAQUE stays octets, as a view of the input. Rules WF-2, WF-3, WF-5.
 * Reference: OMA-WAP-WBXML 1.3 section 5; Representation Protocol 1.2.2 section 8.
 */

import {
  MAX_MESSAGE_BYTES,
  MAX_WBXML_STRING_TABLE,
  MAX_XML_ATTRIBUTES,
  MAX_XML_DEPTH,
  MAX_XML_ELEMENTS,
} from '../limits.ts'
import { decodeLatin1, decodeUtf8, encodeUtf8 } from '../utf8.ts'
import { type DocumentKind, nameOf, PUBLIC_IDS } from './codePages.ts'
import type { Element } from './element.ts'
import { malformed, tooLarge } from './malformed.ts'
import { OctetReader } from './octetReader.ts'
import { ATTRIBUTES_BIT, CHARSET_UTF8, CONTENT_BIT, GLOBAL } from './wbxmlTokens.ts'

interface Frame {
  /** Undefined for an element that is to be skipped. */
  readonly name: string | undefined
  readonly children: Element[]
  readonly pieces: (string | Uint8Array)[]
}

interface Document {
  readonly reader: OctetReader
  readonly kind: DocumentKind
  readonly utf8: boolean
  readonly strings: Uint8Array
  readonly open: Frame[]
  page: number
  elements: number
  /** Tokens that may still be read: a bound of the caller's on the time this takes. */
  tokensLeft: number
  /** Octets taken from the string table so far: a table of 16 KiB could be named a million times. */
  tableOctets: number
  root: Element | undefined
}

/** What transports and files leave behind a document: NUL, line feed, carriage return, blank. */
const PADDING: ReadonlySet<number> = new Set([0x00, 0x0a, 0x0d, 0x20])

/**
 * Reads one document; `assumed` is its kind where the public identifier does not tell. More than `maxTokens` are too
 * many.
 * @throws {CodedError} `protocol.malformed` or `protocol.too-large`
 */
export function decodeWbxml(octets: Uint8Array, assumed: DocumentKind, maxTokens = Number.POSITIVE_INFINITY): Element {
  const document = readHeader(new OctetReader(octets), assumed)
  document.tokensLeft = maxTokens
  const { reader } = document
  while (document.root === undefined || document.open.length > 0) readToken(document, reader.octet())
  while (!reader.atEnd) if (!PADDING.has(reader.octet())) throw malformed('octets follow the WBXML document')
  return document.root
}

function readHeader(reader: OctetReader, assumed: DocumentKind): Document {
  const version = reader.octet()
  if (version > 3) throw malformed(`WBXML version octet ${version} is not known`)
  const publicId = reader.multiByte()
  const fpiOffset = publicId === 0 ? reader.multiByte() : undefined
  const charset = version === 0 ? CHARSET_UTF8 : reader.multiByte()
  const tableLength = reader.multiByte()
  if (tableLength > MAX_WBXML_STRING_TABLE) throw tooLarge('WBXML string table', MAX_WBXML_STRING_TABLE)
  const document: Document = {
    reader,
    kind: assumed,
    utf8: charset === CHARSET_UTF8,
    strings: reader.take(tableLength),
    open: [],
    page: 0,
    elements: 0,
    tokensLeft: Number.POSITIVE_INFINITY,
    tableOctets: 0,
    root: undefined,
  }
  const fpi = fpiOffset === undefined ? '' : String(tableText(document, fpiOffset))
  return { ...document, kind: kindOf(publicId, fpi) ?? assumed }
}

function kindOf(publicId: number, fpi: string): DocumentKind | undefined {
  for (const kind of ['syncml', 'devinf'] as const) {
    if (Object.values<number>(PUBLIC_IDS[kind]).includes(publicId)) return kind
  }
  if (fpi.includes('DTD DevInf')) return 'devinf'
  return fpi.includes('DTD SyncML') ? 'syncml' : undefined
}

function readToken(document: Document, token: number): void {
  const { reader } = document
  if (--document.tokensLeft < 0) throw tooLarge('tokens', 0)
  switch (token) {
    case GLOBAL.switchPage:
      document.page = reader.octet()
      break
    case GLOBAL.end:
      closeElement(document)
      break
    case GLOBAL.entity:
      addPiece(document, entityText(reader.multiByte()))
      break
    case GLOBAL.inlineString:
      addPiece(document, textOf(document, reader.untilNul()))
      break
    case GLOBAL.tableString:
      addPiece(document, tableText(document, reader.multiByte()))
      break
    case GLOBAL.opaque:
      addPiece(document, reader.take(reader.multiByte()))
      break
    case GLOBAL.processingInstruction:
      skipAttributes(reader)
      break
    default:
      if (!skipExtension(reader, token)) openElement(document, token)
  }
}

function openElement(document: Document, token: number): void {
  const { reader, open } = document
  if (++document.elements > MAX_XML_ELEMENTS) throw tooLarge('elements', MAX_XML_ELEMENTS)
  if (open.length >= MAX_XML_DEPTH) throw tooLarge('element depth', MAX_XML_DEPTH)
  if (document.root !== undefined) throw malformed('more than one root element')
  const name = tagName(document, token & 0x3f)
  if ((token & ATTRIBUTES_BIT) !== 0) skipAttributes(reader)
  open.push({ name, children: [], pieces: [] })
  if ((token & CONTENT_BIT) === 0) closeElement(document)
}

function tagName(document: Document, tag: number): string | undefined {
  if (tag !== GLOBAL.literal) return nameOf(document.kind, document.page, tag)
  const name = tableText(document, document.reader.multiByte())
  return typeof name === 'string' ? name : undefined
}

function closeElement(document: Document): void {
  const frame = document.open.pop()
  if (frame === undefined) throw malformed('END without an open element')
  const outer = document.open.at(-1)
  if (frame.name === undefined) {
    if (outer === undefined) throw malformed('the root element is not known')
    return
  }
  const { name, children } = frame
  const value = joinPieces(frame.pieces)
  const element: Element = value === undefined ? { name, children } : { name, children, value }
  if (outer === undefined) document.root = element
  else outer.children.push(element)
}

function addPiece(document: Document, piece: string | Uint8Array): void {
  const frame = document.open.at(-1)
  if (frame === undefined) throw malformed('text outside of the root element')
  frame.pieces.push(piece)
}

/** Content may come in several pieces (reference 7.6); it is text only if all of them are. */
function joinPieces(pieces: readonly (string | Uint8Array)[]): string | Uint8Array | undefined {
  const first = pieces[0]
  if (first === undefined || pieces.length === 1) return first
  if (pieces.every((piece) => typeof piece === 'string')) return pieces.join('')
  const octets = pieces.map((piece) => (typeof piece === 'string' ? encodeUtf8(piece) : piece))
  const joined = new Uint8Array(octets.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of octets) {
    joined.set(piece, at)
    at += piece.length
  }
  return joined
}

function tableText(document: Document, offset: number): string | Uint8Array {
  const { strings } = document
  if (offset >= strings.length) throw malformed(`string table offset ${offset} of ${strings.length}`)
  const nul = strings.indexOf(0, offset)
  const octets = strings.subarray(offset, nul < 0 ? strings.length : nul)
  document.tableOctets += octets.length
  if (document.tableOctets > MAX_MESSAGE_BYTES) throw tooLarge('text from the string table', MAX_MESSAGE_BYTES)
  return textOf(document, octets)
}

/** Octets that are no UTF-8 are Latin-1 where the document says so, else they stay octets (a cut character). */
function textOf(document: Document, octets: Uint8Array): string | Uint8Array {
  return decodeUtf8(octets) ?? (document.utf8 ? octets : decodeLatin1(octets))
}

function entityText(codePoint: number): string {
  if (codePoint > 0x10ffff || (codePoint >= 0xd800 && codePoint <= 0xdfff)) {
    throw malformed(`entity ${codePoint} is no character`)
  }
  return String.fromCodePoint(codePoint)
}

/** Skips an attribute list up to its END; string table offsets are not looked up (the Nokia root, reference 7.6). */
function skipAttributes(reader: OctetReader): void {
  for (let starts = 0; starts <= 4 * MAX_XML_ATTRIBUTES; starts++) {
    const token = reader.octet()
    if (token === GLOBAL.end) return
    if (token === GLOBAL.switchPage) reader.octet()
    else if (token === GLOBAL.inlineString) reader.untilNul()
    else if (token === GLOBAL.opaque) reader.take(reader.multiByte())
    else if (token === GLOBAL.entity || token === GLOBAL.tableString || token === GLOBAL.literal) reader.multiByte()
    else skipExtension(reader, token)
  }
  throw tooLarge('attributes', MAX_XML_ATTRIBUTES)
}

/** Skips what an EXT token carries; false if `token` is none. */
function skipExtension(reader: OctetReader, token: number): boolean {
  if ((token & 0x3f) > 2) return false
  if (token >> 6 === 1) reader.untilNul()
  else if (token >> 6 === 2) reader.multiByte()
  return token >> 6 !== 0
}
