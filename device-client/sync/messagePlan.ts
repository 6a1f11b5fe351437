/**
 * The commands of the next message as far as it has room, each with what its Status will be about. CmdIDs are given when
 * it is composed; until then a command is known by its place. Rule DC-63.
 */

import type { Command, SyncCommand } from '../../schemas/syncml/message.ts'
import type { MessageCodec } from '../session/messageCodec.ts'

/** A number of up to five digits, and what an opening element may need more than an empty one. */
const ID_OCTETS = 12

export class MessagePlan<Note> {
  readonly commands: Command[] = []
  /** What the Status of each command is about, in the order of their CmdIDs. */
  readonly notes: (Note | undefined)[] = []
  /** Octets that are left. */
  room: number
  readonly #codec: MessageCodec
  #sync: { readonly command: SyncCommand; readonly inner: Command[] } | undefined

  constructor(codec: MessageCodec, room: number) {
    this.#codec = codec
    this.room = room
  }

  sizeOf(command: Command): number {
    return this.#codec.sizeOf(command) + ID_OCTETS
  }

  /** Adds a command if it fits. */
  add(command: Command, note?: Note): boolean {
    return this.#take(this.commands, command, note)
  }

  /** Opens the Sync that the next items belong to. */
  openSync(command: SyncCommand): boolean {
    const inner: Command[] = []
    const open = { ...command, commands: inner }
    if (!this.#take(this.commands, open, undefined)) return false
    this.#sync = { command: open, inner }
    return true
  }

  /** Adds a command to the open Sync if it fits. */
  addItem(command: Command, note: Note): boolean {
    return this.#sync !== undefined && this.#take(this.#sync.inner, command, note)
  }

  #take(list: Command[], command: Command, note: Note | undefined): boolean {
    const size = this.sizeOf(command)
    if (size > this.room) return false
    this.room -= size
    list.push(command)
    this.notes.push(note)
    return true
  }
}
