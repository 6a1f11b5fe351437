/** Bookmarks: vBookmark (VBKM) of phones and lists of URLs (`text/uri-list`, RFC 2483: a comment is the title). */

import { MAX_CONTENT_BYTES, MAX_CONTENT_VALUES } from '../limits.ts'
import { encodeUtf8 } from '../utf8.ts'
import { decodeCharset } from './charset.ts'
import { readComponents, writeComponent } from './components.ts'
import { contentTooLarge, invalidContent } from './invalid.ts'
import { firstText, type JProperty } from './jcard.ts'

export interface Bookmark {
  readonly title?: string
  /** Mostly one. */
  readonly urls: readonly string[]
  /** What a vBookmark says besides, X-IRMC-URL for example. */
  readonly vBookmarkProps?: readonly JProperty[]
}

/** @throws {CodedError} `content.invalid` or `protocol.too-large` */
export function readVBookmark(octets: Uint8Array): Bookmark {
  const { root } = readComponents(octets, ['vbkm', 'vbookmark'])
  const title = root[1].find((property) => property[0] === 'title' && isPlain(property))
  const urls = root[1].filter((property) => property[0] === 'url' && isPlain(property))
  const rest = root[1].filter((property) => property !== title && !urls.includes(property) && property[0] !== 'version')
  return {
    ...(title === undefined ? {} : { title: firstText(title) }),
    urls: urls.map(firstText),
    ...(rest.length === 0 ? {} : { vBookmarkProps: rest }),
  }
}

function isPlain([, params]: JProperty): boolean {
  return Object.keys(params).length === 0
}

export function writeVBookmark(bookmark: Bookmark): Uint8Array {
  const properties: JProperty[] = [['version', {}, 'text', '1.0']]
  for (const url of bookmark.urls) properties.push(['url', {}, 'uri', url])
  if (bookmark.title !== undefined) properties.push(['title', {}, 'text', bookmark.title])
  return writeComponent(['vbkm', [...properties, ...(bookmark.vBookmarkProps ?? [])], []], 'vcal1.0')
}

/** @throws {CodedError} `content.invalid` if there is no URL, or `protocol.too-large` */
export function readUrlList(octets: Uint8Array): Bookmark {
  if (octets.length > MAX_CONTENT_BYTES) throw contentTooLarge('octets of an item', MAX_CONTENT_BYTES)
  const lines = decodeCharset(octets, undefined)
    .split(/[\r\n]+/)
    .map((line) => line.trim())
  const urls = lines.filter((line) => line !== '' && !line.startsWith('#'))
  if (urls.length === 0) throw invalidContent('the list has no URL')
  if (urls.length > MAX_CONTENT_VALUES) throw contentTooLarge('URLs of a list', MAX_CONTENT_VALUES)
  const title = lines
    .find((line) => line.startsWith('#'))
    ?.slice(1)
    .trim()
  return title === undefined ? { urls } : { title, urls }
}

export function writeUrlList(bookmark: Bookmark): Uint8Array {
  const title = bookmark.title === undefined ? [] : [`# ${bookmark.title.replace(/\s+/g, ' ')}`]
  return encodeUtf8(`${[...title, ...bookmark.urls].join('\r\n')}\r\n`)
}
