/**
 * Properties and components between text and universal form: jCard (RFC 7095) and jCal (RFC 7265), with one
 * difference: every value is a string, so that what a device wrote as `37.40` is not written back as `37.4` (PIM-3).
 * Names are lower case, a property group is the parameter `group`.
 */

/** A text, or the components of a structured value, each a text or a list. */
export type JValue = string | readonly (string | readonly string[])[]

/** Parameters by lower-case name; `type` is always a list. */
export type JParams = Readonly<Record<string, string | readonly string[]>>

/** Name, parameters, value type, values. */
export type JProperty = readonly [name: string, params: JParams, type: string, ...values: JValue[]]

/** Name, properties, components. */
export type JComponent = readonly [name: string, properties: readonly JProperty[], components: readonly JComponent[]]

/** Versions of the texts: vCard, vCalendar 1.0 and iCalendar 2.0. */
export type Dialect = 'vcard2.1' | 'vcard3.0' | 'vcard4.0' | 'vcal1.0' | 'ical2.0'

/** Dialects with bare parameters and quoted-printable. */
export function isOldDialect(dialect: Dialect): boolean {
  return dialect === 'vcard2.1' || dialect === 'vcal1.0'
}

/** The values of a parameter as a list; none if it is missing. */
export function paramList(params: JParams, name: string): readonly string[] {
  const value = params[name]
  return value === undefined ? [] : typeof value === 'string' ? [value] : value
}

/** The values of a property, without what stands before them. */
export function valuesOf(property: JProperty): readonly JValue[] {
  return property.slice(3) as readonly JValue[]
}

/** The text of a simple value, the first component of a structured one. */
export function firstText(property: JProperty): string {
  return textOfValue(property[3])
}

function textOfValue(value: JValue | undefined): string {
  if (value === undefined || typeof value === 'string') return value ?? ''
  const first = value[0]
  return first === undefined ? '' : typeof first === 'string' ? first : (first[0] ?? '')
}

/** Components of a structured value as texts; lists are joined by a comma. */
export function componentTexts(value: JValue | undefined): string[] {
  if (value === undefined) return []
  if (typeof value === 'string') return [value]
  return value.map((part) => (typeof part === 'string' ? part : part.join(',')))
}

/** True if no value holds a character. */
export function isEmptyProperty(property: JProperty): boolean {
  return valuesOf(property).every((value) =>
    typeof value === 'string' ? value === '' : value.every((part) => part.length === 0 || part.at(0) === ''),
  )
}
