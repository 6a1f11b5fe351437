/** Universal items that have properties, as trees of one version and back: the ground on which texts, merges and keys stand. */

import type { UniversalItem } from './content.ts'
import { fromCard } from './fromCard.ts'
import { fromEvent } from './fromEvent.ts'
import type { Dialect, JComponent, JProperty } from './jcard.ts'
import { toCard } from './toCard.ts'
import { toEvent } from './toEvent.ts'
import { fromOldCalendar, toOldCalendar } from './vcalendar1.ts'
import { fromLocalTimes, toLocalTimes } from './zones.ts'

/** Items with a tree. */
export type TreeItem = Extract<UniversalItem, { kind: 'contact' | 'event' | 'task' }>

export function isTreeItem(item: UniversalItem): item is TreeItem {
  return item.kind === 'contact' || item.kind === 'event' || item.kind === 'task'
}

/** The tree of an item, with the version of the dialect; its times in `timeZone`, for a device that knows no other. */
export function toTree(item: TreeItem, dialect: Dialect, timeZone?: string): JComponent {
  const version: JProperty = ['version', {}, 'text', dialect.slice(-3)]
  if (item.kind === 'contact') return ['vcard', [version, ...fromCard(item.card, dialect)], []]
  const [name, properties, components] = fromEvent(item.kind === 'event' ? item.event : item.task)
  const tree: JComponent = [name, [version, ...properties], components]
  const placed = timeZone === undefined ? tree : toLocalTimes(tree, timeZone)
  return dialect === 'vcal1.0' ? toOldCalendar(placed) : placed
}

/**
 * The item of a tree.
 * @throws {CodedError} `content.invalid` if a calendar holds neither an event nor a task
 */
export function fromTree(root: JComponent, dialect: Dialect, timeZone?: string): TreeItem {
  if (root[0] === 'vcard') return { kind: 'contact', card: toCard(root[1], dialect) }
  const object = toEvent(placedTree(root, dialect, timeZone))
  return object['@type'] === 'Task' ? { kind: 'task', task: object } : { kind: 'event', event: object }
}

/** A calendar in the form of iCalendar 2.0; times without a zone are those of `timeZone`. */
export function placedTree(root: JComponent, dialect: Dialect, timeZone: string | undefined): JComponent {
  const tree = dialect === 'vcal1.0' ? fromOldCalendar(root) : root
  return timeZone === undefined || root[0] === 'vcard' ? tree : fromLocalTimes(tree, timeZone)
}

/** The component that carries the properties of an item. */
export function mainOf(tree: JComponent): JComponent {
  if (tree[0] === 'vcard') return tree
  const objects = tree[2].filter(([name]) => name === 'vevent' || name === 'vtodo')
  return objects.find(([, properties]) => !properties.some(([name]) => name === 'recurrence-id')) ?? objects[0] ?? tree
}
