/**
 * Parameters of vCard properties and the fields they become: TYPE and PREF to contexts, features and preference;
 * whatever is left to `vCardParams`.
 */

import type { Dialect, JParams } from './jcard.ts'
import type { CardEntry, Flags, Open } from './jscontact.ts'

const contextOf: Readonly<Record<string, string>> = { home: 'private', work: 'work' }
const featureOf: Readonly<Record<string, string>> = {
  voice: 'voice',
  fax: 'fax',
  cell: 'mobile',
  pager: 'pager',
  text: 'text',
  video: 'video',
  textphone: 'textphone',
}
const typeOfContext: Readonly<Record<string, string>> = { private: 'home', work: 'work' }
const typeOfFeature: Readonly<Record<string, string>> = { ...invert(featureOf), 'main-number': 'main-number' }

function invert(table: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [value, key]))
}

/** Fields of an entry; `features` only where they were asked for. */
export interface EntryFields extends CardEntry {
  readonly features?: Flags
}

/** What parameters say. */
export function readEntryParams(params: JParams, dialect: Dialect, withFeatures = false): EntryFields {
  const fields: Open<EntryFields> = {}
  let rest: Record<string, string | readonly string[]> | undefined
  for (const key in params) {
    const value = params[key] ?? ''
    const left = key === 'type' ? readTypes(value, dialect, withFeatures, fields) : readPref(key, value, fields)
    if (left === undefined) continue
    rest ??= {}
    rest[key] = left
  }
  if (rest !== undefined) fields.vCardParams = rest
  return fields
}

function readPref(key: string, value: string | readonly string[], fields: Open<EntryFields>): typeof value | undefined {
  if (key !== 'pref' || typeof value !== 'string' || !/^([1-9]\d?|100)$/.test(value)) return value
  fields.pref = Number(value)
  return undefined
}

function readTypes(
  types: string | readonly string[],
  dialect: Dialect,
  withFeatures: boolean,
  fields: Open<EntryFields>,
): string[] | undefined {
  const left: string[] = []
  for (const type of typeof types === 'string' ? [types] : types) {
    const lower = type.toLowerCase()
    const context = Object.hasOwn(contextOf, lower) ? contextOf[lower] : undefined
    const feature = withFeatures && Object.hasOwn(featureOf, lower) ? featureOf[lower] : undefined
    if (context !== undefined) fields.contexts = { ...fields.contexts, [context]: true }
    else if (feature !== undefined) fields.features = { ...fields.features, [feature]: true }
    else if (lower === 'pref' && dialect !== 'vcard4.0') fields.pref = 1
    else left.push(type)
  }
  return left.length === 0 ? undefined : left
}

/** The parameters that `readEntryParams` reads back. Older versions know only one preference, 1. */
export function writeEntryParams(entry: EntryFields, dialect: Dialect): JParams {
  const { type: left, ...params } = { ...entry.vCardParams } as Record<string, string | readonly string[]>
  const types = [
    ...namesOf(entry.contexts, typeOfContext),
    ...namesOf(entry.features, typeOfFeature),
    ...(left === undefined ? [] : typeof left === 'string' ? [left] : left),
  ]
  const old = dialect !== 'vcard4.0'
  if (entry.pref === 1 && old) types.push('pref')
  if (types.length > 0) params.type = old ? types.map((type) => type.toUpperCase()) : types
  if (entry.pref !== undefined && !old) params.pref = String(entry.pref)
  return params
}

function namesOf(flags: Flags | undefined, table: Readonly<Record<string, string>>): string[] {
  return flags === undefined ? [] : Object.keys(flags).map((flag) => table[flag] ?? flag)
}
