/** How a phone packs its changes into messages: a large object in chunks, each the last command of its message. */

import type { Command, Meta } from '../../schemas/syncml/message.ts'
import { contactSync } from './itemPeer.ts'

/** A change that waits. */
export interface Change {
  readonly command: 'Add' | 'Replace' | 'Delete'
  readonly luid: string
  readonly content: string
}

/** An object of which a part has its Status: octets that the server has for certain. */
export interface Outgoing {
  readonly luid: string
  readonly content: string
  readonly confirmed: number
}

/** A command in a message: the change, and where its part of the content ends. */
export type SentCommand = Change & { readonly cmdId: string; readonly end: number; readonly more: boolean }

export interface PackedMessage {
  readonly sync: Command
  readonly sent: readonly SentCommand[]
}

/** Octets of the commands around a content. */
const FRAME = 150

/** Messages of at most about `room` octets; at least one. `begun` goes on where it was cut, if it is still the same. */
export function packOutgoing(changes: readonly Change[], begun: Outgoing | undefined, room: number): PackedMessage[] {
  const messages: { commands: Command[]; sent: SentCommand[] }[] = [{ commands: [], sent: [] }]
  let left = room
  const open = (): void => {
    messages.push({ commands: [], sent: [] })
    left = room
  }
  const goesOn = (change: Change): boolean => change.luid === begun?.luid && change.content === begun.content
  // What was begun goes on first: no other Item may come before its end.
  for (const change of [...changes.filter(goesOn), ...changes.filter((change) => !goesOn(change))]) {
    const octets = Buffer.from(change.content)
    const from = goesOn(change) ? (begun?.confirmed ?? 0) : 0
    let at = from
    do {
      if (left < FRAME * 2) open()
      const end = Math.min(octets.length, at + left - FRAME)
      const message = messages.at(-1)
      const cmdId = String(100 + (message?.sent.length ?? 0))
      const more = end < octets.length
      message?.sent.push({ ...change, cmdId, end, more })
      message?.commands.push(commandOf(change, cmdId, octets, { at, end, resumed: from > 0 }))
      left -= FRAME + end - at
      at = end
      if (more) open()
    } while (at < octets.length)
  }
  return messages.map(({ commands, sent }) => ({ sync: contactSync(commands), sent }))
}

function commandOf(
  { command, luid }: Change,
  cmdId: string,
  octets: Buffer,
  { at, end, resumed }: { readonly at: number; readonly end: number; readonly resumed: boolean },
): Command {
  const source = { locUri: luid }
  if (command === 'Delete') return { name: command, cmdId, items: [{ source }] }
  const isPart = at > 0 || end < octets.length
  const meta: Meta = {
    type: 'text/vcard',
    ...(isPart && at === 0 && { size: octets.length }),
    ...(isPart && resumed && { emi: [`datapos=${at}`] }),
  }
  const data = { kind: 'text', text: octets.subarray(at, end).toString() } as const
  return { name: command, cmdId, items: [{ source, meta, data, ...(end < octets.length && { moreData: true }) }] }
}
