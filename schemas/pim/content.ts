/**
 * What the items of the datastores are, in every format: kinds, content types, and the universal form that all of them
 * are read into and written from.
 */

import type { Bookmark } from './bookmark.ts'
import type { CalendarEvent, CalendarTask } from './jscalendar.ts'
import type { Card } from './jscontact.ts'
import type { Note } from './note.ts'
import type { EmailObject, FileObject, FolderObject } from './omaObject.ts'

/** An item in its universal form. */
export type UniversalItem =
  | { readonly kind: 'contact'; readonly card: Card }
  | { readonly kind: 'event'; readonly event: CalendarEvent }
  | { readonly kind: 'task'; readonly task: CalendarTask }
  | { readonly kind: 'note'; readonly note: Note }
  | { readonly kind: 'bookmark'; readonly bookmark: Bookmark }
  | { readonly kind: 'file'; readonly file: FileObject }
  | { readonly kind: 'folder'; readonly folder: FolderObject }
  | { readonly kind: 'email'; readonly email: EmailObject }

export type ContentKind = UniversalItem['kind']

/** A content type as device information names it. */
export interface ContentFormat {
  readonly type: string
  readonly version: string
}

const card21: ContentFormat = { type: 'text/x-vcard', version: '2.1' }
const calendar1: ContentFormat = { type: 'text/x-vcalendar', version: '1.0' }
const calendar2: ContentFormat = { type: 'text/calendar', version: '2.0' }

const formats: Readonly<Record<ContentKind, readonly ContentFormat[]>> = {
  contact: [{ type: 'text/vcard', version: '3.0' }, card21, { type: 'text/vcard', version: '4.0' }],
  event: [calendar2, calendar1],
  task: [calendar2, calendar1],
  note: [
    { type: 'text/plain', version: '1.0' },
    { type: 'text/plain', version: '1.1' },
    { type: 'text/x-vnote', version: '1.1' },
  ],
  bookmark: [
    { type: 'text/x-vbookmark', version: '1.0' },
    { type: 'text/uri-list', version: '1.0' },
  ],
  file: [
    { type: 'application/vnd.omads-file+xml', version: '1.2' },
    { type: 'application/vnd.omads-file+xml', version: '1.0' },
  ],
  folder: [{ type: 'application/vnd.omads-folder+xml', version: '1.2' }],
  email: [{ type: 'application/vnd.omads-email+xml', version: '1.2' }],
}

/** The formats of a kind, the best first: what device information announces. */
export function contentTypesOf(kind: ContentKind): readonly ContentFormat[] {
  return formats[kind]
}
