/**
 * Messages for people: any encoding as indented XML and back, without what belongs to the user unless it is asked for.
 * Rule WF-16.
 */

import { MAX_MESSAGE_BYTES } from '../limits.ts'
import { decodeUtf8 } from '../utf8.ts'
import { namespaceOf } from './codec.ts'
import { decodeWbxml } from './decodeWbxml.ts'
import type { Element } from './element.ts'
import { encodeWbxml } from './encodeWbxml.ts'
import { malformed, tooLarge } from './malformed.ts'
import type { Encoding } from './message.ts'
import { decodeXml, encodeXml } from './xml.ts'

/** A message read for showing. */
export interface TracedMessage {
  /** The encoding it was found in. */
  readonly encoding: Encoding
  /** SyncML version as its header has it, e.g. `1.2`. */
  readonly version: string
  readonly root: Element
}

/** Elements whose values are secrets or the user's own: passwords, nonces, contents, names. */
const PRIVATE: ReadonlySet<string> = new Set(['NextNonce', 'LocName'])

/** The token in an address of ours, which proves a session (OM-14). */
const SESSION_TOKEN = /([?&]s=)[0-9a-f]{32}(?![0-9a-f])/g

/** Containers whose `Data` is the user's; that of Status and Alert itself is a code. */
const PRIVATE_DATA: ReadonlySet<string> = new Set(['Item', 'Cred'])

const INDENT = '  '

/**
 * Reads a message in whichever encoding it is.
 *
 * @throws {CodedError} `protocol.malformed`, `protocol.too-large`.
 */
export function readTrace(octets: Uint8Array): TracedMessage {
  if (octets.length > MAX_MESSAGE_BYTES) throw tooLarge(`a message of ${octets.length} octets`, MAX_MESSAGE_BYTES)
  const encoding = looksLikeXml(octets) ? 'xml' : 'wbxml'
  const root = encoding === 'xml' ? decodeXml(octets) : withText(decodeWbxml(octets, 'syncml'))
  if (root.name !== 'SyncML') throw malformed(`the document is a ${root.name}, not a SyncML message`)
  const header = root.children.find((child) => child.name === 'SyncHdr')
  const version = header?.children.find((child) => child.name === 'VerDTD')?.value
  return { encoding, version: typeof version === 'string' ? version : '1.2', root }
}

/** The message as a document in `encoding`, with everything that is in it. @throws {CodedError} `protocol.malformed`. */
export function writeTrace({ root, version }: TracedMessage, encoding: Encoding): Uint8Array {
  return encoding === 'wbxml' ? encodeWbxml(root, 'syncml', version) : encodeXml(root, namespaceOf(version))
}

/** The message as XML, an element a line. @throws {CodedError} `protocol.malformed`. */
export function formatTrace({ root, version }: TracedMessage): string {
  return indent(decodeUtf8(encodeXml(root, namespaceOf(version))) ?? '')
}

/** What may be shown of a message to anybody, as XML. @throws {CodedError} as `readTrace`. */
export function showMessage(octets: Uint8Array): string {
  return formatTrace(redactTrace(readTrace(octets)))
}

/** The same message with credentials, tokens, nonces, names and contents replaced by how long they are. */
export function redactTrace(message: TracedMessage): TracedMessage {
  return { ...message, root: redact(message.root, '') }
}

function redact(element: Element, container: string): Element {
  const { name, value } = element
  const hidden = PRIVATE.has(name) || (name === 'Data' && PRIVATE_DATA.has(container))
  if (hidden && value !== undefined && value.length > 0) {
    const unit = typeof value === 'string' ? 'characters' : 'octets'
    return { ...element, value: `[${value.length} ${unit}]` }
  }
  const children = element.children.map((child) => redact(child, name))
  if (typeof value !== 'string') return { ...element, children }
  return { ...element, children, value: value.replaceAll(SESSION_TOKEN, '$1[32 characters]') }
}

/** Clients put text in OPAQUE too: what is readable is shown as text, and written as OPAQUE again. */
function withText(element: Element): Element {
  const { value } = element
  const text = value instanceof Uint8Array ? decodeUtf8(value) : undefined
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that XML cannot carry.
  const readable = text !== undefined && !/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/.test(text)
  return { ...element, children: element.children.map(withText), ...(readable ? { value: text } : {}) }
}

function looksLikeXml(octets: Uint8Array): boolean {
  const [first, second, third] = octets
  if (first === 0xef && second === 0xbb && third === 0xbf) return true
  const start = octets.find((octet) => octet !== 0x20 && octet !== 0x09 && octet !== 0x0a && octet !== 0x0d)
  return start === 0x3c
}

/** Breaks lines between tags only: text holds no bare `<`, so values stay as they are. */
function indent(xml: string): string {
  let depth = 0
  const lines = xml.split(/(?<=>)(?=<)/).map((part) => {
    if (part.startsWith('</')) depth -= 1
    const line = INDENT.repeat(depth) + part
    const opens = !part.startsWith('</') && !part.startsWith('<?') && !part.endsWith('/>') && !part.includes('</')
    if (opens) depth += 1
    return line
  })
  return `${lines.join('\n')}\n`
}
