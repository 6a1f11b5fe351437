/**
 * Looks over an XML text before the parser sees it: bounds depth, elements and attributes, refuses document type
 * internal subsets and declarations, and drops what carries no content (declaration, DOCTYPE, comments). Rule WF-3.
 *
 * One linear pass. A CR of the content is replaced by a character XML forbids, because a parser would turn CR LF
 * into LF and lose octets of an Item (rule WF-4); `restoreCr` brings it back.
 */

import { MAX_XML_ATTRIBUTES, MAX_XML_DEPTH, MAX_XML_ELEMENTS } from '../limits.ts'
import { malformed, tooLarge } from './malformed.ts'

const CR_MARK = '\ufffe'

/** Content with its CRs again. */
export function restoreCr(text: string): string {
  return text.includes(CR_MARK) ? text.replaceAll(CR_MARK, '\r') : text
}

/** Index of the first character XML 1.0 cannot carry (section 2.2), or -1; lone surrogates are not looked for. */
export function findForbidden(text: string): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x20 ? unit !== 0x09 && unit !== 0x0a && unit !== 0x0d : unit >= 0xfffe) return i
  }
  return -1
}

interface Scan {
  readonly text: string
  readonly parts: string[]
  depth: number
  pieces: number
  rootSeen: boolean
}

/**
 * The text with nothing but tags, content and CDATA sections.
 * @throws {CodedError} `protocol.malformed` or `protocol.too-large`
 */
export function guardXml(text: string): string {
  const forbidden = findForbidden(text)
  if (forbidden >= 0) throw malformed(`character ${text.charCodeAt(forbidden)} at ${forbidden} is not allowed in XML`)
  const scan: Scan = { text, parts: [], depth: 0, pieces: 0, rootSeen: false }
  let at = 0
  while (at < text.length) {
    const open = text.indexOf('<', at)
    const content = text.slice(at, open < 0 ? text.length : open)
    scan.parts.push(scan.depth === 0 ? content : markCr(content))
    if (open < 0) break
    at = readMarkup(scan, open)
  }
  if (!scan.rootSeen || scan.depth !== 0) throw malformed('the XML document ends before its root element is closed')
  return scan.parts.join('')
}

function markCr(content: string): string {
  return content.includes('\r') ? content.replaceAll('\r', CR_MARK) : content
}

/** Takes the markup at `open`; returns the index behind it. */
function readMarkup(scan: Scan, open: number): number {
  if (++scan.pieces > 2 * MAX_XML_ELEMENTS) throw tooLarge('pieces of markup', 2 * MAX_XML_ELEMENTS)
  const { text, parts } = scan
  if (text.startsWith('<!--', open)) return endOf(text, '-->', open + 4)
  if (text.startsWith('<?', open)) return endOf(text, '?>', open + 2)
  if (text.startsWith('<![CDATA[', open)) {
    const end = endOf(text, ']]>', open + 9)
    parts.push(markCr(text.slice(open, end)))
    return end
  }
  if (text.startsWith('<!', open)) return readDoctype(scan, open)
  if (text.startsWith('</', open)) {
    const end = endOf(text, '>', open + 2)
    if (--scan.depth < 0) throw malformed('an end tag without a start tag')
    parts.push(text.slice(open, end))
    return end
  }
  return readStartTag(scan, open)
}

function endOf(text: string, mark: string, from: number): number {
  const end = text.indexOf(mark, from)
  if (end < 0) throw malformed(`markup is not closed by ${mark}`)
  return end + mark.length
}

/** A DOCTYPE may name a public identifier; an internal subset could declare entities. */
function readDoctype(scan: Scan, open: number): number {
  const end = endOf(scan.text, '>', open)
  const declaration = scan.text.slice(open, end)
  if (!declaration.startsWith('<!DOCTYPE') || scan.rootSeen || declaration.includes('[')) {
    throw malformed('declarations and internal subsets are refused')
  }
  return end
}

function readStartTag(scan: Scan, open: number): number {
  const { text } = scan
  let attributes = 0
  let at = open + 1
  for (; at < text.length && text[at] !== '>'; at++) {
    const char = text[at]
    if (char === '=' && ++attributes > MAX_XML_ATTRIBUTES) throw tooLarge('attributes', MAX_XML_ATTRIBUTES)
    if (char === '<') throw malformed('a start tag inside a start tag')
    if (char === '"' || char === "'") at = endOf(text, char, at + 1) - 1
  }
  if (at >= text.length) throw malformed('a start tag is not closed')
  if (scan.depth === 0 && scan.rootSeen) throw malformed('more than one root element')
  scan.rootSeen = true
  if (text[at - 1] !== '/') scan.depth++
  if (scan.depth > MAX_XML_DEPTH) throw tooLarge('element depth', MAX_XML_DEPTH)
  scan.parts.push(text.slice(open, at + 1))
  return at + 1
}
