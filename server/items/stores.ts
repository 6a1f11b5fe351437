/**
 * The stores of an account's Items and the datastores that show them: one ordinary table per kind of Item (IT-1), and
 * for phones one datastore over two tables (reference 9.3: events and tasks share a datastore). Names clients use for
 * them are in reference 9.5.
 */

import { pathOf } from '../../schemas/syncml/datastoreUri.ts'

/** Tables of Items, in the order of their numbers in the synchronization's own tables. */
export const STORES = ['contacts', 'calendar', 'tasks', 'notes', 'bookmarks', 'files', 'email'] as const

/** One table of Items. */
export type StoreName = (typeof STORES)[number]

/** The number of a store in `_nightferry_sync_item`; from 1, never changed. */
export function storeNumber(store: StoreName): number {
  return STORES.indexOf(store) + 1
}

/** The store of a number. @throws RangeError for a number that no store has: the copy is not ours. */
export function storeOfNumber(number: number): StoreName {
  const store = STORES[number - 1]
  if (store === undefined) throw new RangeError(`there is no store ${number}`)
  return store
}

/** A datastore as clients see it. */
export interface StoreView {
  /** Last part of the canonical URI. */
  readonly name: string
  readonly displayName: string
  /** Stores whose Items it always shows; the first one takes what does not tell its kind. */
  readonly stores: readonly StoreName[]
  /** Stores it shows to a device that has sent Items for them here: the component of the Item decides. */
  readonly onEvidence: readonly StoreName[]
  /** Content types `[type, version]`, preferred first. */
  readonly contentTypes: readonly (readonly [string, string])[]
  /** Folders and what is in them (reference 3.16). */
  readonly hierarchical: boolean
  readonly aliases: readonly string[]
}

const CALENDAR_TYPES = [
  ['text/calendar', '2.0'],
  ['text/x-vcalendar', '1.0'],
] as const

/** What the password of a view is kept under: views that may show Items of the same stores have one in common. */
export function lockOf({ stores, onEvidence }: StoreView): string {
  return `./${STORES.find((store) => stores.includes(store) || onEvidence.includes(store)) ?? ''}`
}

/** All views. The last one shows two stores as one; it is found by its names and not listed. */
export const STORE_VIEWS: readonly StoreView[] = [
  {
    name: 'contacts',
    displayName: 'Contacts',
    stores: ['contacts'],
    onEvidence: [],
    contentTypes: [
      ['text/vcard', '3.0'],
      ['text/x-vcard', '2.1'],
      ['text/vcard', '4.0'],
    ],
    hierarchical: false,
    aliases: ['card', 'con', 'contact', 'addressbook', 'card3', 'contact/unfiled', 'people', 'phonebook'],
  },
  {
    name: 'calendar',
    displayName: 'Calendar',
    stores: ['calendar'],
    onEvidence: ['tasks'],
    contentTypes: CALENDAR_TYPES,
    hierarchical: false,
    aliases: ['cal', 'cal2', 'event', 'events', 'calendars', 'calendar/events', 'agenda'],
  },
  {
    name: 'tasks',
    displayName: 'Tasks',
    stores: ['tasks'],
    onEvidence: ['calendar'],
    contentTypes: CALENDAR_TYPES,
    hierarchical: false,
    aliases: ['task', 'task2', 'todo', 'todos', 'calendar/tasks', 'eventtask/tasks'],
  },
  {
    name: 'notes',
    displayName: 'Notes',
    stores: ['notes'],
    onEvidence: [],
    contentTypes: [
      ['text/plain', '1.1'],
      ['text/plain', '1.0'],
      ['text/x-vnote', '1.1'],
    ],
    hierarchical: false,
    aliases: ['note', 'memo', 'memos', 'pnote', 'note/unfiled'],
  },
  {
    name: 'bookmarks',
    displayName: 'Bookmarks',
    stores: ['bookmarks'],
    onEvidence: [],
    contentTypes: [
      ['text/x-vbookmark', '1.0'],
      ['text/plain', '1.0'],
    ],
    hierarchical: false,
    aliases: ['bookmark'],
  },
  {
    name: 'files',
    displayName: 'Files',
    stores: ['files'],
    onEvidence: [],
    contentTypes: [
      ['application/vnd.omads-file+xml', '1.2'],
      ['application/vnd.omads-folder+xml', '1.2'],
      ['application/octet-stream', '1.0'],
    ],
    hierarchical: true,
    aliases: ['file', 'briefcase', 'gallery', 'picture', 'pictures'],
  },
  {
    name: 'email',
    displayName: 'Mail',
    stores: ['email'],
    onEvidence: [],
    contentTypes: [
      ['application/vnd.omads-email+xml', '1.2'],
      ['application/vnd.omads-folder+xml', '1.2'],
    ],
    hierarchical: true,
    aliases: ['mail', 'emails', 'mails'],
  },
  {
    name: 'calendar+tasks',
    displayName: 'Calendar and tasks',
    stores: ['calendar', 'tasks'],
    onEvidence: [],
    contentTypes: CALENDAR_TYPES,
    hierarchical: false,
    aliases: ['calendar+todo', 'cal+task', 'events+tasks', 'eventtask'],
  },
]

/**
 * The view a client means by `uri`: case, leading `./` and `/`, the absolute form and `?options` are tolerated
 * (reference 9.5). Undefined for a name that no view has.
 */
export function findStoreView(uri: string): StoreView | undefined {
  const path = pathOf((uri.split('?')[0] ?? '').replace(/^[a-z]+:\/\/[^/]*\//i, '')).toLowerCase()
  const find = (name: string): StoreView | undefined =>
    STORE_VIEWS.find((view) => view.name === name || view.aliases.includes(name))
  // The absolute form may name folders of the server before the datastore.
  return find(path) ?? (/^https?:/i.test(uri) ? find(path.split('/').at(-1) ?? '') : undefined)
}
