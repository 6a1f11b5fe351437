/** Delete inside a Sync. Items without an id are incomplete; unknown ones are the datastore's answer (211). */

import { STATUS } from '../../../schemas/syncml/codes.ts'
import type { DeleteCommand, Item } from '../../../schemas/syncml/message.ts'
import { luidOf } from '../largeObject.ts'
import type { Taken } from './changeBatch.ts'
import type { CommandContext } from './commandContext.ts'
import { breakObject } from './putItem.ts'

export function takeDelete(context: CommandContext, command: DeleteCommand, item: Item): Taken {
  breakObject(context)
  const luid = luidOf(item)
  if (luid === undefined) return { status: STATUS.incompleteCommand }
  return { change: { kind: 'delete', luid, archive: command.archive === true, soft: command.sftDel === true } }
}
