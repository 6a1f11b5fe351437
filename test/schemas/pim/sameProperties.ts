/** Compares texts as parsed: same properties, parameters and values, whatever their order. */

import { readComponents } from '../../../schemas/pim/components.ts'
import type { JComponent, JProperty, JValue } from '../../../schemas/pim/jcard.ts'

const SETS = new Set(['nickname', 'categories', 'exdate'])

/** A tree whose order no longer matters. */
export function parsedSet(octets: Uint8Array): unknown {
  return setOf(readComponents(octets, ['vcard', 'vcalendar']).root)
}

function setOf([name, properties, components]: JComponent): unknown {
  const isSet = (property: JProperty) => SETS.has(property[0])
  const lines = properties
    .filter((property) => !isSet(property))
    .flatMap(lineOf)
    .sort()
  const sets = [...new Set(properties.filter(isSet).flatMap(lineOf))].sort()
  return { name, lines, sets, components: components.map((part) => JSON.stringify(setOf(part))).sort() }
}

function lineOf([name, params, type, ...values]: JProperty): string[] {
  const sorted = Object.keys(params)
    .sort()
    .map((key) => [key, key === 'type' ? typesOf(params[key] ?? []) : params[key]])
  const words = (value: JValue | undefined) => JSON.stringify([name, sorted, type, value])
  if (SETS.has(name)) return values.map(words)
  if (name === 'rrule') return [words(String(values[0]).split(';').sort().join(';'))]
  return [words(typeof values[0] === 'string' ? values[0] : trimmed(values[0] ?? []))]
}

function typesOf(types: string | readonly string[]): string[] {
  return [...new Set([types].flat().map((type) => type.toUpperCase()))].sort()
}

/** Trailing empty components say nothing. */
function trimmed(parts: Exclude<JValue, string>): Exclude<JValue, string> {
  const list = [...parts]
  while (list.at(-1) === '') list.pop()
  return list
}
