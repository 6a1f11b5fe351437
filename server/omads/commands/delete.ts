/**
 * Delete inside a Sync. Items without an id are incomplete; unknown ones are the datastore's answer (211).
 */

import { STATUS } from '../../../schemas/syncml/codes.ts'
import type { DeleteCommand, Item } from '../../../schemas/syncml/message.ts'
import { luidOf } from '../largeObject.ts'
import type { DatastoreLink } from '../sessionState.ts'
import { type CommandContext, oweItems } from './commandContext.ts'
import { apply, breakObject } from './putItem.ts'

export async function runDelete(context: CommandContext, link: DatastoreLink, command: DeleteCommand): Promise<void> {
  breakObject(context)
  const outcomes: { item: Item; status: number }[] = []
  for (const item of command.items) {
    const luid = luidOf(item)
    const [archive, soft] = [command.archive === true, command.sftDel === true]
    const status =
      luid === undefined
        ? STATUS.incompleteCommand
        : await apply(context, link.uri, { kind: 'delete', luid, archive, soft })
    outcomes.push({ item, status })
  }
  oweItems(context, command, outcomes)
}
