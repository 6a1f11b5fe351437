/**
 * Messages of a sync: what is owed to the server goes first and in order, as much as fits; Statuses of the server find
 * what they are about, in whichever message they come (reference 3.7, 3.9, 3.12). Rule DC-63.
 */

import { CodedError } from '../../schemas/errors.ts'
import { ALERT, STATUS } from '../../schemas/syncml/codes.ts'
import type { Command, Item, Message, StatusCommand } from '../../schemas/syncml/message.ts'
import { type Answer, Conversation, malformed } from '../session/conversation.ts'
import { BUSY_PAUSES_MS } from '../session/exchange.ts'
import type { PeerRequest, SessionPorts } from '../session/sessionRequest.ts'
import { MessagePlan } from './messagePlan.ts'

/** Octets kept free: the header grows with its credentials, and some peers miscount. */
const SLACK_OCTETS = 200

/** Answers in a row that bring nothing; then the server is taken for stuck (reference 3.9). */
const MAX_IDLE_ANSWERS = 5

export interface StatusRefs {
  readonly targetRef?: string | undefined
  readonly sourceRef?: string | undefined
}

/** Names of both datastores, as Alerts, Syncs and Maps carry them. */
export interface StorePair {
  readonly remote: string
  readonly local: string
}

export class Dialogue<Note> {
  readonly conversation: Conversation<PeerRequest>
  readonly stores: StorePair
  readonly #ports: SessionPorts
  #owed: Command[] = []
  #notes = new Map<string, Note>()
  #idle = 0

  private constructor(ports: SessionPorts, conversation: Conversation<PeerRequest>, stores: StorePair) {
    this.#ports = ports
    this.conversation = conversation
    this.stores = stores
  }

  static async start<Note>(ports: SessionPorts, peer: PeerRequest, stores: StorePair): Promise<Dialogue<Note>> {
    return new Dialogue(ports, await Conversation.start(ports, { ...peer, onBusy: 'tell' }), stores)
  }

  /** The session begins anew; nothing is owed in it. */
  restart(): void {
    this.conversation.restart()
    this.#owed = []
    this.#notes.clear()
    this.#idle = 0
  }

  /** True if more than the Status of a header is to be said. */
  get owes(): boolean {
    return this.#owed.length > 0
  }

  owe(command: Command): void {
    this.#owed.push(command)
  }

  /** Owes the Status of a command of `message`. */
  answer(message: Message, command: Command, data: number, refs: StatusRefs = {}, items: readonly Item[] = []): void {
    if (command.name === 'Status' || command.noResp === true) return
    this.owe({ ...this.conversation.statusFor(message, command, data, refs), items })
  }

  /** The next message with what is owed, as much of it as fits. No room is left before all of it does. */
  plan(): MessagePlan<Note> {
    const { conversation } = this
    const frame = conversation.codec.encode(conversation.compose([], true)).length + SLACK_OCTETS
    const plan = new MessagePlan<Note>(conversation.codec, conversation.maxMsgSize - frame)
    let placed = 0
    for (const command of this.#owed) {
      if (!plan.add(command)) break
      placed += 1
    }
    if (placed === 0 && this.#owed.length > 0) throw tooSmall(conversation.maxMsgSize)
    this.#owed.splice(0, placed)
    if (this.#owed.length > 0) plan.room = 0
    return plan
  }

  /**
   * Sends the message and gives the answer; a package is only closed when nothing is owed any more.
   * @throws {CodedError} `session.busy` if the server stays busy, and what the conversation throws.
   */
  async say(plan: MessagePlan<Note>, final: boolean): Promise<Answer> {
    const { conversation } = this
    const message = conversation.compose(plan.commands, final && !this.owes)
    const ids = message.commands.flatMap((c) =>
      c.name === 'Sync' ? [c.cmdId, ...c.commands.map((i) => i.cmdId)] : [c.cmdId],
    )
    const first = ids.length - plan.notes.length
    const msgId = conversation.msgId + 1
    plan.notes.forEach((note, at) => {
      if (note !== undefined) this.#notes.set(`${msgId}/${ids[first + at]}`, note)
    })
    return this.#patient(await conversation.send(message))
  }

  /** What a Status is about; undefined for one of a command that has no note. */
  noteOf(status: StatusCommand): Note | undefined {
    return this.#notes.get(`${Number(status.msgRef)}/${status.cmdRef}`)
  }

  /** Asks for the next message of a package that the server has not closed. @throws `protocol.malformed` if nothing comes. */
  async next(brought: boolean, plan: MessagePlan<Note> = this.plan()): Promise<Answer> {
    this.#idle = brought ? 0 : this.#idle + 1
    if (this.#idle > MAX_IDLE_ANSWERS) throw malformed('answers that bring nothing')
    plan.add(this.#alert(ALERT.nextMessage))
    return this.say(plan, false)
  }

  #alert(code: number): Command {
    const { remote, local } = this.stores
    const items = [{ target: { locUri: remote }, source: { locUri: local } }]
    return { name: 'Alert', cmdId: '', data: String(code), items }
  }

  async #patient(first: Answer): Promise<Answer> {
    let answer = first
    for (const pauseMs of BUSY_PAUSES_MS) {
      if (!isBusy(answer)) return answer
      await this.#ports.clock.sleep(pauseMs)
      answer = await this.conversation.send(this.conversation.compose([this.#alert(ALERT.resultAlert)], false))
    }
    if (!isBusy(answer)) return answer
    throw new CodedError('session.busy', 'the server stays busy', { next: 'Try again later.' })
  }
}

function isBusy({ header }: Answer): boolean {
  return header.kind === 'refused' && header.status === STATUS.inProgress
}

function tooSmall(size: number): CodedError {
  return new CodedError('protocol.too-large', `messages of ${size} octets are too small`)
}
