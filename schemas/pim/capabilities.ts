/**
 * What a device can hold of an item, by the CTCap of its device information (reference 2.3): properties, how many, how
 * long, which kinds. Rule PIM-12.
 */

import type { DevInfProperty } from '../syncml/message.ts'
import type { JProperty } from './jcard.ts'
import { paramList } from './jcard.ts'

/** Words of a property listed several times; more are not joined. */
const MAX_JOINED = 1000

/** What every device of the kind is taken to know if it sent no CTCap (reference 2.2). */
const BASIC = new Set(
  [
    ['n', 'fn', 'tel', 'email', 'adr', 'org', 'title', 'note', 'url', 'bday'],
    ['summary', 'description', 'location', 'dtstart', 'dtend', 'duration', 'due', 'completed', 'status'],
    ['rrule', 'exdate', 'categories', 'class', 'priority', 'aalarm', 'dalarm', 'valarm'],
  ].flat(),
)

/** Pictures: below this a MaxSize is a mistake of the device (S60 says 256 for PHOTO, reference 10.1). */
const MIN_BINARY_SIZE = 1024

/** The properties of a CTCap, or undefined from a device that sent none. */
export type Capabilities = readonly DevInfProperty[] | undefined

/** Looks properties up by their names; `X-*` stands for all private ones. */
export function capabilityOf(capabilities: Capabilities): (name: string) => DevInfProperty | undefined {
  const byName = new Map<string, DevInfProperty>()
  for (const property of capabilities ?? []) {
    const key = property.propName.toLowerCase()
    byName.set(key, joined(byName.get(key), property))
  }
  const any = byName.get('x-*')
  return (name) => byName.get(name) ?? (name.startsWith('x-') ? any : undefined)
}

/** A property listed twice is the sum of both. */
function joined(before: DevInfProperty | undefined, property: DevInfProperty): DevInfProperty {
  if (before === undefined) return property
  if (before.params.length + before.valEnums.length > MAX_JOINED) return before
  return {
    ...before,
    valEnums: [...before.valEnums, ...property.valEnums],
    params: [...before.params, ...property.params],
  }
}

/** True if the device takes the property for its own: leaving it out means to delete it. */
export function isKnown(name: string, capabilities: Capabilities, lookUp: ReturnType<typeof capabilityOf>): boolean {
  if (capabilities === undefined) return BASIC.has(name)
  const sameTime = { dtend: 'duration', duration: 'dtend', rrule: 'rrule' }[name]
  return lookUp(name) !== undefined || (sameTime !== undefined && lookUp(sameTime) !== undefined)
}

/** Each property as the device can hold it, undefined where it cannot. */
export function limitProperties(
  properties: readonly JProperty[],
  capabilities: readonly DevInfProperty[],
): (JProperty | undefined)[] {
  const lookUp = capabilityOf(capabilities)
  const seen = new Map<string, number>()
  return properties.map((property) => {
    const name = property[0]
    if (name === 'version') return property
    const capability = lookUp(name)
    if (capability === undefined) return undefined
    const fitted = fitValue(fitKinds(property, capability), capability)
    const count = (seen.get(name) ?? 0) + (fitted === undefined ? 0 : 1)
    seen.set(name, count)
    return capability.maxOccur !== undefined && count > capability.maxOccur ? undefined : fitted
  })
}

/** Kinds (TYPE) the device has no word for are left out. */
function fitKinds(property: JProperty, capability: DevInfProperty): JProperty {
  const [name, params, type, ...values] = property
  const allowed = capability.params
    .filter((param) => param.paramName.toUpperCase() === 'TYPE')
    .flatMap((param) => param.valEnums)
  if (allowed.length === 0 || params.type === undefined) return property
  const words = new Set(allowed.map((word) => word.toUpperCase()))
  const kept = paramList(params, 'type').filter((word) => words.has(word.toUpperCase()))
  const { type: _, ...rest } = params
  return [name, kept.length === 0 ? rest : { ...rest, type: kept }, type, ...values]
}

function fitValue(property: JProperty, { maxSize, noTruncate }: DevInfProperty): JProperty | undefined {
  const [name, params, type, value] = property
  if (maxSize === undefined || typeof value !== 'string' || value.length <= maxSize) return property
  const binary = type === 'binary' || value.startsWith('data:')
  if (binary) return maxSize < MIN_BINARY_SIZE ? property : undefined
  if (noTruncate === true || type !== 'text' || property.length !== 4) return noTruncate === true ? undefined : property
  const cut = /[\ud800-\udbff]$/.test(value.slice(0, maxSize)) ? maxSize - 1 : maxSize
  return [name, params, type, value.slice(0, Math.max(0, cut))]
}
