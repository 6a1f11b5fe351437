/**
 * Map: which LUIDs the client gave to our Items. An Item that was mapped has arrived (reference 3.8).
 */

import { STATUS } from '../../../schemas/syncml/codes.ts'
import type { MapCommand } from '../../../schemas/syncml/message.ts'
import { advance, type CommandContext, findLink, owe } from './commandContext.ts'

export function runMap(context: CommandContext, command: MapCommand): void {
  const refs = { targetRef: command.target.locUri, sourceRef: command.source.locUri }
  const link = findLink(context, refs.targetRef, refs.sourceRef)
  const offered = new Set(link?.items.map((item) => item.id))
  for (const { target } of command.mapItems) {
    // Maps of an earlier session come again when their Status was lost: accepted, but not of this session.
    if (link && offered.has(target.locUri)) advance(context, { kind: 'mapped', uri: link.uri, guid: target.locUri })
  }
  owe(context, command, link ? STATUS.ok : STATUS.notFound, refs)
}
