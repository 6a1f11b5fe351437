/** Pictures, sounds and keys: base64 with a TYPE in vCard 2.1 and 3.0, `data:` in 4.0 and in the universal form. */

import { readEntryParams, writeEntryParams } from './cardParams.ts'
import type { Dialect, JProperty } from './jcard.ts'
import { firstText } from './jcard.ts'
import type { CardEntry, Open, Resource } from './jscontact.ts'

const mediaTypeOf: Readonly<Record<string, string>> = {
  JPEG: 'image/jpeg',
  PNG: 'image/png',
  GIF: 'image/gif',
  TIFF: 'image/tiff',
  BMP: 'image/bmp',
  WAVE: 'audio/wav',
  AIFF: 'audio/aiff',
  PGP: 'application/pgp-keys',
  X509: 'application/pkix-cert',
}
const typeOf: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(mediaTypeOf).map(([type, mediaType]) => [mediaType, type]),
)
const DATA = /^data:([\w.+-]*\/?[\w.+-]*);base64,/

/** The resource a property holds, or undefined if it is none that can be written back. */
export function readResource(property: JProperty, dialect: Dialect): Resource | undefined {
  const [, params, type] = property
  const value = firstText(property)
  if (property.length !== 4 || (type !== 'binary' && type !== 'uri')) return undefined
  if (type === 'binary' && !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) return undefined
  const entry: Open<CardEntry> = readEntryParams(params, dialect)
  const [only, ...more] = entry.vCardParams?.type ?? []
  const named = more.length === 0 && only !== undefined ? mediaTypeOf[only.toUpperCase()] : undefined
  const given = entry.vCardParams?.mediatype
  const mediaType = type === 'binary' ? named : typeof given === 'string' ? given : undefined
  if (mediaType !== undefined) dropParam(entry, type === 'binary' ? 'type' : 'mediatype')
  const uri = type === 'binary' ? `data:${mediaType ?? ''};base64,${value}` : value
  return { ...entry, uri, ...(mediaType === undefined ? {} : { mediaType }) }
}

function dropParam(entry: Open<CardEntry>, name: string): void {
  const { [name]: _, ...rest } = entry.vCardParams ?? {}
  if (Object.keys(rest).length === 0) delete entry.vCardParams
  else entry.vCardParams = rest
}

/** The property of a resource. */
export function writeResource(name: string, resource: Resource, dialect: Dialect): JProperty {
  const params = { ...writeEntryParams(resource, dialect) } as Record<string, string | readonly string[]>
  const data = DATA.exec(resource.uri)
  if (data === null || dialect === 'vcard4.0') {
    if (resource.mediaType !== undefined && data === null) params.mediatype = resource.mediaType
    return [name, params, 'uri', resource.uri]
  }
  const mediaType = data[1] !== '' ? data[1] : resource.mediaType
  const type = mediaType === undefined ? undefined : (typeOf[mediaType] ?? mediaType.split('/')[1]?.toUpperCase())
  if (type !== undefined && params.type === undefined) params.type = [type]
  return [name, params, 'binary', resource.uri.slice(data[0].length)]
}
