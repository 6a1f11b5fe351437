/**
 * XML octets <-> element tree. Namespaces are ignored on input, as phones write them wrongly or not at all;
 * on output they stand where the specification wants them. Rules WF-2 to WF-4; stack and limits: `xmlGuard.ts`.
 */

import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { CodedError } from '../errors.ts'
import { MAX_MESSAGE_BYTES, MAX_XML_DEPTH, MAX_XML_ELEMENTS } from '../limits.ts'
import { decodeUtf8, encodeUtf8, utf8Length } from '../utf8.ts'
import { toBase64 } from './base64.ts'
import { DEVINF_NAMESPACE, isMetInf, METINF_NAMESPACE } from './codePages.ts'
import type { Element } from './element.ts'
import { escapeText } from './escapeText.ts'
import { malformed, tooLarge } from './malformed.ts'
import { guardXml, restoreCr } from './xmlGuard.ts'

/** A node as the parser gives it: one key with the children, `#text` with text, `:@` with attributes. */
type Node = Readonly<Record<string, unknown>>

const TEXT = '#text'
const ATTRIBUTES = ':@'
const ATTRIBUTE_PREFIX = '@_'

/** `preserveOrder` keeps Add, Delete, Add in order; the rest keeps the parser from changing values. */
const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  trimValues: false,
  parseTagValue: false,
  parseAttributeValue: false,
  htmlEntities: true,
  maxNestedTags: MAX_XML_DEPTH,
  removeNSPrefix: true,
  processEntities: { enabled: true, maxTotalExpansions: MAX_MESSAGE_BYTES, maxExpandedLength: MAX_MESSAGE_BYTES },
})

/**
 * Reads one document. UTF-8 with or without byte order mark.
 * @throws {CodedError} `protocol.malformed` or `protocol.too-large`
 */
export function decodeXml(octets: Uint8Array): Element {
  const text = decodeUtf8(octets)
  if (text === undefined) throw malformed('the XML document is not in UTF-8')
  return parseXml(text.startsWith('\ufeff') ? text.slice(1) : text)
}

/** Like `decodeXml` for text, as in a `Data` that carries a document. */
export function parseXml(text: string): Element {
  const guarded = guardXml(text)
  const budget = { elements: MAX_XML_ELEMENTS }
  const root = parseNodes(guarded).find((node) => elementName(node) !== undefined)
  if (root === undefined) throw malformed('the XML document has no root element')
  return toElement(root, budget)
}

function parseNodes(guarded: string): readonly Node[] {
  try {
    const verdict = XMLValidator.validate(guarded)
    if (verdict !== true) throw malformed(`XML is not well-formed: ${verdict.err.code} in line ${verdict.err.line}`)
    return parser.parse(guarded) as readonly Node[]
  } catch (error) {
    if (error instanceof CodedError) throw error
    throw malformed('the XML document cannot be parsed', error)
  }
}

function elementName(node: Node): string | undefined {
  return Object.keys(node).find((key) => key !== TEXT && key !== ATTRIBUTES && !key.startsWith('?'))
}

function toElement(node: Node, budget: { elements: number }): Element {
  if (--budget.elements < 0) throw tooLarge('elements', MAX_XML_ELEMENTS)
  const name = elementName(node) ?? ''
  const nodes = node[name] as readonly Node[]
  const children = nodes.filter((child) => elementName(child) !== undefined)
  if (children.length === 0) {
    const value = restoreCr(nodes.map((child) => String(child[TEXT] ?? '')).join(''))
    return value === '' ? { name, children: [] } : { name, children: [], value }
  }
  if (name === 'Data' && !children.some(isInline)) {
    return { name, children: [], value: nodes.map(markupOf).join('') }
  }
  return { name, children: children.map((child) => toElement(child, budget)) }
}

/** The documents that stand in `Data` as real elements and that the grammar reads itself. */
function isInline(node: Node): boolean {
  const name = elementName(node)
  return name === 'DevInf' || name === 'Anchor' || name === 'MetInf'
}

/** Markup of a data object (File, Folder, Email) inside `Data`: it is the Item's text (section 9.4). */
function markupOf(node: Node): string {
  const name = elementName(node)
  if (name === undefined) return escapeText(restoreCr(String(node[TEXT] ?? '')))
  const attributes = Object.entries((node[ATTRIBUTES] ?? {}) as Record<string, unknown>)
    .map(([key, value]) => ` ${key.slice(ATTRIBUTE_PREFIX.length)}="${escapeText(String(value))}"`)
    .join('')
  const content = (node[name] as readonly Node[]).map(markupOf).join('')
  return content === '' ? `<${name}${attributes}/>` : `<${name}${attributes}>${content}</${name}>`
}

/** An element of a data object, whose attributes say how its content is written. */
export interface XmlObject {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly XmlObject[]
  /** Text and CDATA directly inside. */
  readonly text: string
}

/**
 * Reads a data object (File, Folder, Email: section 9.4) with its attributes.
 * @throws {CodedError} `protocol.malformed` or `protocol.too-large`
 */
export function parseXmlObject(text: string): XmlObject {
  const root = parseNodes(guardXml(text)).find((node) => elementName(node) !== undefined)
  if (root === undefined) throw malformed('the XML document has no root element')
  return toXmlObject(root)
}

function toXmlObject(node: Node): XmlObject {
  const name = elementName(node) ?? ''
  const nodes = node[name] as readonly Node[]
  const attributes = Object.entries((node[ATTRIBUTES] ?? {}) as Record<string, unknown>)
  return {
    name,
    attributes: Object.fromEntries(
      attributes.map(([key, value]) => [key.slice(ATTRIBUTE_PREFIX.length), String(value)]),
    ),
    children: nodes.filter((child) => elementName(child) !== undefined).map(toXmlObject),
    text: restoreCr(nodes.map((child) => String(child[TEXT] ?? '')).join('')),
  }
}

type Scope = 'syncml' | 'metinf' | 'devinf'

/** Where written text goes: into a document, or only into a sum. */
interface Sink {
  text(text: string): void
  base64(octets: Uint8Array): void
}

/**
 * Writes one document. Octets go out as base64.
 * @throws {CodedError} `protocol.malformed` if a text holds characters that XML cannot carry
 */
export function encodeXml(root: Element, namespace: string): Uint8Array {
  const parts: string[] = ['<?xml version="1.0" encoding="UTF-8"?>']
  const sink: Sink = { text: (text) => parts.push(text), base64: (octets) => parts.push(toBase64(octets)) }
  writeElement(sink, root, 'syncml', ` xmlns="${namespace}"`)
  return encodeUtf8(parts.join(''))
}

/** Octets `element` takes inside a document, without encoding its octets. */
export function xmlSize(element: Element): number {
  let size = 0
  const sink: Sink = {
    text: (text) => {
      size += utf8Length(text)
    },
    base64: (octets) => {
      size += 4 * Math.ceil(octets.length / 3)
    },
  }
  writeElement(sink, element, 'syncml', '')
  return size
}

function writeElement(sink: Sink, element: Element, outer: Scope, attribute = ''): void {
  const { name, children, value } = element
  const scope = scopeOf(name, outer)
  const namespace = scope === 'devinf' ? DEVINF_NAMESPACE : METINF_NAMESPACE
  const start = scope !== outer && scope !== 'syncml' ? `${name} xmlns="${namespace}"` : `${name}${attribute}`
  if (children.length === 0 && (value === undefined || value.length === 0)) {
    sink.text(`<${start}/>`)
    return
  }
  sink.text(`<${start}>`)
  if (typeof value === 'string') sink.text(escapeText(value))
  else if (value !== undefined) sink.base64(value)
  for (const child of children) writeElement(sink, child, scope)
  sink.text(`</${name}>`)
}

function scopeOf(name: string, outer: Scope): Scope {
  if (outer === 'devinf' || name === 'DevInf') return 'devinf'
  return isMetInf(name) ? 'metinf' : outer
}
