/** Copy and Move inside a Sync: Items of the client's own that are there already (reference 1.3, 3.16). */

import { STATUS } from '../../../schemas/syncml/codes.ts'
import type { Item } from '../../../schemas/syncml/message.ts'
import { luidOf } from '../largeObject.ts'
import type { Taken } from './changeBatch.ts'
import type { CommandContext } from './commandContext.ts'
import { breakObject, parentOf } from './putItem.ts'

/** Source is what is copied, Target the LUID of the copy. */
export function takeCopy(context: CommandContext, item: Item): Taken {
  breakObject(context)
  const luid = item.source?.locUri ?? ''
  const newLuid = item.target?.locUri ?? ''
  if (luid === '' || newLuid === '') return { status: STATUS.incompleteCommand }
  return { change: { kind: 'copy', luid, newLuid } }
}

export function takeMove(context: CommandContext, item: Item): Taken {
  breakObject(context)
  const luid = luidOf(item)
  const parent = parentOf(item)
  if (luid === undefined || parent === undefined) return { status: STATUS.incompleteCommand }
  return { change: { kind: 'move', luid, parent } }
}
