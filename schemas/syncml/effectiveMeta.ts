/** Which Meta holds for an Item: its own fields, then those of the command around it, field by field (reference 1.2). */

import type { Item, Meta } from './message.ts'

/**
 * The Meta that describes `item`. For a command inside Sync, Atomic or Sequence pass the outer command as well:
 * `effectiveMeta({ meta: effectiveMeta(sync, command) }, item)`.
 */
export function effectiveMeta(outer: { readonly meta?: Meta }, inner: Pick<Item, 'meta'>): Meta {
  return { ...outer.meta, ...inner.meta }
}
