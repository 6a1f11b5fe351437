/**
 * The filter of an Alert (reference 3.15): as an element of 1.2, or appended to the datastore's URI as 1.0 and 1.1 have
 * it. Whether it can be evaluated is the datastore's business.
 */

import { STATUS } from '../../schemas/syncml/codes.ts'
import type { Item, Location } from '../../schemas/syncml/message.ts'
import type { ItemFilter } from '../datastore/syncDatastore.ts'

const CGI = 'syncml:filtertype-cgi'

/** The filter, undefined if there is none, or the Status that refuses it. */
export function readFilter(target: Location | undefined): ItemFilter | undefined | 406 | 415 {
  const { filter } = target ?? {}
  if (!filter) return filterOfUri(target?.locUri ?? '')
  const { field, record } = filter
  // Neither: to be ignored.
  if (!field && !record) return undefined
  const kind = (filter.filterType ?? '').trim().toUpperCase() || 'EXCLUSIVE'
  if (kind !== 'INCLUSIVE' && kind !== 'EXCLUSIVE') return STATUS.optionalFeatureNotSupported
  const fields = field && propertyNames(field)
  if (field && fields === undefined) return STATUS.unsupportedMediaType
  return {
    kind: kind === 'INCLUSIVE' ? 'inclusive' : 'exclusive',
    contentType: filter.meta?.type ?? '',
    ...(record && { record: { grammar: grammarOf(record), expression: textOf(record) } }),
    ...(fields && { fields }),
  }
}

/** `card?ORG&iCON;acme`: temporary and inclusive. Options of vendors (`/dr(-1,30)`) are not filters, and ignored. */
function filterOfUri(uri: string): ItemFilter | undefined {
  const expression = /^[^?]*\?(.*)$/s.exec(uri)?.[1] ?? ''
  if (!/^[^/].*&i?(EQ|NE|GT|GE|LT|LE|CON|NCON);/is.test(expression)) return undefined
  return { kind: 'inclusive', contentType: '', record: { grammar: CGI, expression } }
}

/** S60 writes it with two colons. */
function grammarOf(record: Item): string {
  return (record.meta?.type ?? CGI).trim().replace('::', ':')
}

function textOf({ data }: Item): string {
  return data?.kind === 'text' ? data.text : data?.kind === 'bytes' ? Buffer.from(data.bytes).toString('utf8') : ''
}

/** Names of the wanted properties; they come as mark-up inside the text of Data. */
function propertyNames(field: Item): readonly string[] | undefined {
  const names = [...textOf(field).matchAll(/<PropName[^>]*>([^<]{1,200})<\/PropName>/g)].map(([, name]) => name ?? '')
  return names.length > 0 ? names.map((name) => name.trim()) : undefined
}
