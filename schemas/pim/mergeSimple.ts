/** Merging of items without properties of a device's choice: notes, bookmarks, files, folders, mails. Part of PIM-13. */

import type { UniversalItem } from './content.ts'

/** The edited item with what its format had no word for, or what it left out because it did not change (reference 9.4). */
export function mergeSimple(held: UniversalItem, edited: UniversalItem): UniversalItem {
  if (held.kind === 'note' && edited.kind === 'note') return { kind: 'note', note: { ...held.note, ...edited.note } }
  if (held.kind === 'bookmark' && edited.kind === 'bookmark') {
    const { vBookmarkProps } = held.bookmark
    return { kind: 'bookmark', bookmark: { ...(vBookmarkProps && { vBookmarkProps }), ...edited.bookmark } }
  }
  if (held.kind === 'file' && edited.kind === 'file')
    return { kind: 'file', file: { ...held.file, ...edited.file, ...fields(held.file, edited.file) } }
  if (held.kind === 'folder' && edited.kind === 'folder') {
    return { kind: 'folder', folder: { ...held.folder, ...edited.folder, ...fields(held.folder, edited.folder) } }
  }
  if (held.kind === 'email' && edited.kind === 'email') {
    return { kind: 'email', email: { ...held.email, ...edited.email, ...fields(held.email, edited.email) } }
  }
  return edited
}

interface WithFields {
  readonly fields: Readonly<Record<string, string>>
}

function fields(held: WithFields, edited: WithFields): WithFields {
  return { fields: { ...held.fields, ...edited.fields } }
}
