/**
 * Content text to a tree of components and back. An AGENT of vCard 2.1 is a card inside a card: it is kept as the text
 * of a property, as vCard 3.0 has it. Rules PIM-1, PIM-2, PIM-5.
 */

import { MAX_CONTENT_BYTES, MAX_CONTENT_DEPTH } from '../limits.ts'
import { encodeUtf8 } from '../utf8.ts'
import { decodeItem } from './charset.ts'
import { type ContentLine, readContentLines } from './contentLines.ts'
import { contentTooLarge, invalidContent } from './invalid.ts'
import type { Dialect, JComponent, JProperty } from './jcard.ts'
import { readProperty } from './readProperty.ts'
import { writeProperty } from './writeProperty.ts'

/** A read text: its outermost component and the version it was written in. */
export interface ReadText {
  readonly root: JComponent
  readonly dialect: Dialect
}

interface OpenComponent {
  readonly name: string
  readonly properties: JProperty[]
  readonly components: JComponent[]
}

/**
 * Reads the first component of a text; what follows it is ignored. `expected` are the names it may have.
 * @throws {CodedError} `content.invalid` or `protocol.too-large`
 */
export function readComponents(octets: Uint8Array, expected: readonly string[]): ReadText {
  if (octets.length > MAX_CONTENT_BYTES) throw contentTooLarge('octets of an item', MAX_CONTENT_BYTES)
  const { text, utf8 } = decodeItem(octets)
  const dialect = sniffDialect(text)
  const read = readContentLines(text, dialect === 'vcard2.1' || dialect === 'vcal1.0')
  const first = read.lines[0]
  const name = componentName(first)
  if (first?.name !== 'BEGIN' || !expected.includes(name))
    throw invalidContent(`the item is no ${expected.join(' or ')}`)
  return { root: buildTree(read.text, read.lines, dialect, utf8), dialect }
}

/** The version that stands in the text; without one, what phones write. */
export function sniffDialect(text: string): Dialect {
  const card = /BEGIN:\s*VCARD/i.test(text.slice(0, 200))
  const version = /(?:^|[\r\n])VERSION(?:;[^:\r\n]{0,100})?:[ \t]{0,9}(\d\.\d)/i.exec(text)?.[1]
  if (card) return version === '4.0' ? 'vcard4.0' : version === '3.0' ? 'vcard3.0' : 'vcard2.1'
  return version === '2.0' ? 'ical2.0' : 'vcal1.0'
}

function componentName(line: ContentLine | undefined): string {
  return line?.value.trim().toLowerCase() ?? ''
}

function buildTree(text: string, lines: readonly ContentLine[], dialect: Dialect, utf8: boolean): JComponent {
  const stack: OpenComponent[] = []
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]
    if (line === undefined) break
    if (line.name === 'BEGIN') {
      if (stack.length >= MAX_CONTENT_DEPTH) throw contentTooLarge('nested components', MAX_CONTENT_DEPTH)
      stack.push({ name: componentName(line), properties: [], components: [] })
    } else if (line.name === 'END') {
      const done = close(stack, componentName(line))
      if (done !== undefined) return done
    } else if (line.name === 'AGENT' && line.value.trim() === '' && lines[at + 1]?.name === 'BEGIN') {
      const end = endOfNested(lines, at + 1)
      const nested = text
        .slice(lines[at + 1]?.start, lines[end]?.end)
        .replace(/\r\n?/g, '\n')
        .trimEnd()
      const agent = readProperty({ ...line, value: '' }, dialect, utf8)
      stack.at(-1)?.properties.push([agent[0], agent[1], 'text', nested])
      at = end
    } else stack.at(-1)?.properties.push(readProperty(line, dialect, utf8))
  }
  throw invalidContent(`the ${stack.at(-1)?.name ?? 'item'} has no end`)
}

/** Closes the innermost component; the outermost is the result. */
function close(stack: OpenComponent[], name: string): JComponent | undefined {
  const open = stack.pop()
  if (open === undefined || open.name !== name)
    throw invalidContent(`END of ${name.slice(0, 40)} closes ${open?.name ?? 'nothing'}`)
  const done: JComponent = [open.name, open.properties, open.components]
  const outer = stack.at(-1)
  if (outer === undefined) return done
  outer.components.push(done)
  return undefined
}

/** Index of the END that belongs to the BEGIN at `begin`. */
function endOfNested(lines: readonly ContentLine[], begin: number): number {
  let depth = 0
  for (let at = begin; at < lines.length; at++) {
    const name = lines[at]?.name
    if (name === 'BEGIN' && ++depth > MAX_CONTENT_DEPTH) throw contentTooLarge('nested components', MAX_CONTENT_DEPTH)
    if (name === 'END' && --depth === 0) return at
  }
  throw invalidContent('an AGENT has no end')
}

/** The text of a component, lines ended by CR LF. */
export function writeComponent(component: JComponent, dialect: Dialect): Uint8Array {
  return encodeUtf8(componentText(component, dialect))
}

function componentText([name, properties, components]: JComponent, dialect: Dialect): string {
  const upper = name.toUpperCase()
  let text = `BEGIN:${upper}\r\n`
  for (const property of properties) text += writeProperty(property, dialect)
  for (const component of components) text += componentText(component, dialect)
  return `${text}END:${upper}\r\n`
}
