/**
 * Reads the fields of an element: the first child of a name as text, number or flag.
 * Surrounding white space and trailing NULs are taken off (reference 1.1, 10.5); unknown children are not looked at.
 */

import { MAX_URI_CHARS } from '../limits.ts'
import { decodeUtf8 } from '../utf8.ts'
import type { Element } from './element.ts'
import { malformed, tooLarge } from './malformed.ts'

/** `T` with each optional field also allowed to be undefined. */
type Loose<T> = { readonly [K in keyof T]: T[K] | undefined }

/** A value of `T` without the fields that are undefined, so that absent is the same as never there. */
export function present<T extends object>(fields: Loose<T>): T {
  const kept: Partial<Record<string, unknown>> = {}
  // A loop, since every element of every message comes through here.
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) kept[name] = value
  return kept as T
}

/** The first child of that name. */
export function child(element: Element, name: string): Element | undefined {
  return element.children.find((candidate) => candidate.name === name)
}

/** All children of that name, in order. */
export function childrenOf(element: Element, name: string): readonly Element[] {
  return element.children.filter((candidate) => candidate.name === name)
}

/**
 * The trimmed text of an element; octets are UTF-8 text.
 * @throws {CodedError} `protocol.malformed` if octets are no UTF-8
 */
export function textOf(element: Element): string {
  const { value } = element
  if (value === undefined) return ''
  const text = typeof value === 'string' ? value : decodeUtf8(value)
  if (text === undefined) throw malformed(`${element.name} is not in UTF-8`)
  return trimmed(text)
}

/** Text of a child, or undefined if there is none. */
export function text(element: Element, name: string): string | undefined {
  const found = child(element, name)
  return found && textOf(found)
}

/** Texts of all children of that name. */
export function texts(element: Element, name: string): readonly string[] {
  return childrenOf(element, name).map(textOf)
}

/**
 * Text of a child that names something: an id, URI or name.
 * @throws {CodedError} `protocol.too-large` beyond `MAX_URI_CHARS`
 */
export function identifier(element: Element, name: string): string | undefined {
  const found = text(element, name)
  if (found !== undefined && found.length > MAX_URI_CHARS) throw tooLarge(`characters of ${name}`, MAX_URI_CHARS)
  return found
}

/** @throws {CodedError} `protocol.malformed` if the child is missing */
export function requiredIdentifier(element: Element, name: string): string {
  const found = identifier(element, name)
  if (found === undefined) throw missing(element, name)
  return found
}

/** The error for a mandatory child that is not there. */
export function missing(element: Element, name: string): Error {
  return malformed(`${element.name} has no ${name}`)
}

/** A child's whole number, not negative; undefined if it is missing or no such number. */
export function wholeNumber(element: Element, name: string): number | undefined {
  const found = text(element, name)
  return found !== undefined && /^\d{1,15}$/.test(found) ? Number(found) : undefined
}

/** True if the empty element is there, else undefined: presence is the value. */
export function flagOf(element: Element, name: string): true | undefined {
  return child(element, name) === undefined ? undefined : true
}

function trimmed(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isBlank(unit: number): boolean {
  return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d) || unit === 0
}
