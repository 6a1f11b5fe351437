/**
 * Text of vCard, vCalendar and iCalendar to logical lines: unfolded, soft breaks joined, split in name, parameters and
 * raw value. One tolerant pass for all versions, because phones mix their rules; bounded and linear (PIM-1, PIM-2).
 */

import { MAX_CONTENT_PARAM_CHARS, MAX_CONTENT_PROPERTIES } from '../limits.ts'
import { contentTooLarge, invalidContent } from './invalid.ts'

/** One property as written. */
export interface ContentLine {
  /** Upper case, without its group. */
  readonly name: string
  readonly group: string
  /** What stands between name and value, without the first `;`. */
  readonly params: string
  readonly value: string
  /** Where the line begins and ends in the text. */
  readonly start: number
  readonly end: number
}

const MAX_NAME_CHARS = 200
const TAB = 0x09
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20

/**
 * The lines of a text. `oldFolding` is the rule of vCard 2.1 and vCalendar 1.0: the blank that begins a folded line belongs
 * to the value.
 * @throws {CodedError} `content.invalid` or `protocol.too-large`
 */
export function readContentLines(text: string, oldFolding: boolean): { text: string; lines: ContentLine[] } {
  const source = hasLoneCr(text) ? text.replace(/\r\n?/g, '\n') : text
  const scan: Scan = { text: source, at: 0, oldFolding }
  const lines: OpenLine[] = []
  while (scan.at < source.length) readLine(scan, lines)
  return { text: source, lines }
}

interface OpenLine extends ContentLine {
  value: string
  end: number
}
interface Scan {
  readonly text: string
  at: number
  readonly oldFolding: boolean
}

function hasLoneCr(text: string): boolean {
  for (let at = text.indexOf('\r'); at >= 0; at = text.indexOf('\r', at + 1)) {
    if (text.charCodeAt(at + 1) !== LF) return true
  }
  return false
}

function readLine(scan: Scan, lines: OpenLine[]): void {
  const { text } = scan
  const start = scan.at
  const first = takePhysical(scan)
  if (first.trim() === '') return
  const line = joinFolded(scan, first)
  const colon = findColon(line)
  const semicolon = line.indexOf(';')
  const nameEnd = semicolon >= 0 && semicolon < colon ? semicolon : colon
  if (colon < 0 || !isName(line.slice(0, nameEnd))) {
    continueLine(scan, lines, line)
    return
  }
  if (lines.length >= MAX_CONTENT_PROPERTIES) throw contentTooLarge('properties of an item', MAX_CONTENT_PROPERTIES)
  const params = nameEnd < colon ? line.slice(nameEnd + 1, colon) : ''
  const dot = line.lastIndexOf('.', nameEnd - 1)
  const name = line
    .slice(dot + 1, nameEnd)
    .trim()
    .toUpperCase()
  const value =
    params !== '' && isQuotedPrintable(params) ? joinSoftBreaks(scan, line.slice(colon + 1)) : line.slice(colon + 1)
  const end = scan.at > start && text.charCodeAt(scan.at - 1) === LF ? scan.at - 1 : scan.at
  lines.push({ name, group: dot > 0 ? line.slice(0, dot) : '', params, value, start, end })
}

/** A name of a property with its group; anything else before a colon is text of a badly folded line. */
function isName(text: string): boolean {
  return text.length <= MAX_NAME_CHARS && /^\s*[\w./*-]+\s*$/.test(text)
}

/** The rest of the line at `at`; moves behind its end. */
function takePhysical(scan: Scan): string {
  const { text, at } = scan
  const lf = text.indexOf('\n', at)
  const end = lf < 0 ? text.length : lf
  scan.at = lf < 0 ? text.length : lf + 1
  return text.slice(at, end > at && text.charCodeAt(end - 1) === CR ? end - 1 : end)
}

function joinFolded(scan: Scan, first: string): string {
  if (!isFold(scan)) return first
  const quoted = isQuotedPrintable(first.slice(0, Math.max(0, first.indexOf(':'))))
  const parts = [first]
  for (let last = first; isFold(scan); ) {
    // A soft break goes before folding: the blank belongs to the text.
    if (quoted && last.endsWith('=')) break
    last = takePhysical(scan)
    if (scan.oldFolding && last.trim() === '') break
    parts.push(scan.oldFolding ? last : last.slice(1))
  }
  return parts.join('')
}

function isFold({ text, at }: Scan): boolean {
  if (at >= text.length) return false
  const unit = text.charCodeAt(at)
  return unit === SPACE || unit === TAB
}

/** Joins lines of quoted-printable that end in `=`. */
function joinSoftBreaks(scan: Scan, first: string): string {
  if (!first.endsWith('=')) return first
  const parts: string[] = []
  let last = first
  while (last.endsWith('=') && scan.at < scan.text.length) {
    parts.push(last.slice(0, -1))
    last = takePhysical(scan)
  }
  return parts.join('') + last
}

function isQuotedPrintable(params: string): boolean {
  return params.length < MAX_CONTENT_PARAM_CHARS && /QUOTED-PRINTABLE/i.test(params)
}

/** Index of the colon that ends name and parameters, or -1; colons in quotes do not count. */
function findColon(line: string): number {
  const colon = line.indexOf(':')
  const quote = line.indexOf('"')
  if (colon < 0 || quote < 0 || quote > colon) return bounded(colon)
  let quoted = false
  const end = Math.min(line.length, MAX_CONTENT_PARAM_CHARS + 2)
  for (let i = quote; i < end; i++) {
    const unit = line.charCodeAt(i)
    if (unit === 0x22) quoted = !quoted
    else if (unit === 0x3a && !quoted) return i
  }
  return bounded(colon)
}

function bounded(colon: number): number {
  if (colon > MAX_CONTENT_PARAM_CHARS) throw contentTooLarge('characters before a value', MAX_CONTENT_PARAM_CHARS)
  return colon
}

/** A line without a colon: broken folding or unindented base64. It goes on with the value before (PIM-5). */
function continueLine(scan: Scan, lines: OpenLine[], line: string): void {
  const last = lines.at(-1)
  if (last === undefined || last.name === 'BEGIN' || last.name === 'END') {
    throw invalidContent(`a line of ${line.length} characters has no colon`)
  }
  // A version with more behind it would be none.
  if (last.name === 'VERSION') return
  last.value += `\n${line}`
  last.end = scan.at
}
