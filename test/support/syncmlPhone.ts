/**
 * A phone that speaks whole SyncML sessions and behaves after a cut as the reference says (3.8, 3.11, 3.14): what has no
 * Status is sent again, an object in chunks goes on behind the last one that was confirmed, Maps without a Status come
 * first, anchors count only after the end. Of an object it received a piece of it keeps the piece.
 */

import type { Command, ItemCommand, Message, StatusCommand } from '../../schemas/syncml/message.ts'
import { alertOf, type ItemServer } from './itemPeer.ts'
import { headerStatus, type OmadsPeer, statuses } from './omadsPeer.ts'
import { type Outgoing, packOutgoing, type SentCommand } from './phoneOutgoing.ts'

/** The connection broke. */
export class PhoneCut extends Error {}

/** What the network does to a message, counted from 1 in each session. */
export type Fault = 'lose-message' | 'lose-answer' | 'resend'

export interface PhoneReport {
  /** The Status of the Alert, and the kind of sync that the server says. */
  readonly status: number
  readonly type: string
  readonly messages: number
}

interface Held {
  content: string
  dirty: 'Add' | 'Replace' | undefined
}

export class SyncmlPhone {
  readonly items = new Map<string, Held>()
  readonly #deleted = new Set<string>()
  readonly #server: ItemServer
  readonly #deviceId: string
  readonly #maxMsgSize: number
  /** Pairs `[GUID, LUID]` without a Status. */
  #maps: (readonly [string, string])[] = []
  readonly #given = new Map<string, string>()
  /** What came of an Item, and of which. */
  #piece: { readonly id: string; readonly octets: Buffer } | undefined
  #outgoing: Outgoing | undefined
  #last: string | undefined
  #interrupted = false
  #anchors = 0
  #sessions = 0
  #luids = 0
  #messages = 0
  #nonce: Uint8Array = new Uint8Array()
  #fault: (message: number) => Fault | undefined = () => undefined

  constructor(server: ItemServer, deviceId: string, maxMsgSize: number) {
    this.#server = server
    this.#deviceId = deviceId
    this.#maxMsgSize = maxMsgSize
  }

  add(content: string): string {
    const luid = `${this.#deviceId}-${++this.#luids}`
    this.items.set(luid, { content, dirty: 'Add' })
    return luid
  }

  edit(luid: string, content: string): void {
    this.items.set(luid, { content, dirty: this.items.get(luid)?.dirty ?? 'Replace' })
  }

  remove(luid: string): void {
    this.items.delete(luid)
    this.#deleted.add(luid)
  }

  contents(): string[] {
    return [...this.items.values()].map(({ content }) => content).sort()
  }

  /** One session. @throws {PhoneCut} where the connection broke. */
  async sync(code: 200 | 201, fault: (message: number) => Fault | undefined = () => undefined): Promise<PhoneReport> {
    this.#fault = fault
    this.#messages = 0
    const next = `n${++this.#anchors}`
    const resumes = this.#interrupted
    const anchor = { ...(this.#last !== undefined && { last: this.#last }), next }
    const { peer, opened } = await this.#login(alertOf(resumes ? 225 : code, anchor))
    const status = statuses(opened).find(({ cmd }) => cmd === 'Alert')?.data ?? 0
    const own = opened.commands.find((c) => c.name === 'Alert')
    const type = (own?.name === 'Alert' && own.data) || ''
    if (status !== 200 && status !== 508) throw new Error(`the Alert was answered ${status}`)
    if (!(resumes && status === 200)) this.#begin(type === '201')
    this.#interrupted = true
    await this.#receive(peer, await this.#sendChanges(peer, opened), resumes && status === 200)
    this.#last = next
    this.#interrupted = false
    return { status, type, messages: this.#messages }
  }

  /** Package 1; after an answer that was lost the server knows another nonce than the phone, and tells it. */
  async #login(alert: Command): Promise<{ peer: OmadsPeer; opened: Message }> {
    for (let challenged = false; ; challenged = true) {
      const sessionId = String(++this.#sessions)
      const peer = this.#server.peer({ deviceId: this.#deviceId, sessionId, maxMsgSize: this.#maxMsgSize })
      peer.nonce = this.#nonce
      const opened = await this.#send(peer, [alert], { final: true, cred: true })
      if (headerStatus(opened)?.data !== 401 || challenged) return { peer, opened }
    }
  }

  #begin(slow: boolean): void {
    this.#piece = undefined
    this.#outgoing = undefined
    if (slow) for (const held of this.items.values()) held.dirty ??= 'Add'
  }

  async #send(
    peer: OmadsPeer,
    commands: readonly Command[],
    { final, cred = false }: { final: boolean; cred?: boolean },
  ): Promise<Message> {
    const message = peer.message(commands, { final, ...(cred && { cred: peer.cred() }) })
    const fault = this.#fault(++this.#messages)
    if (fault === 'lose-message') throw new PhoneCut()
    if (fault === undefined) return this.#taken(peer, await peer.send(message))
    const url = peer.url
    const answer = await peer.post(message, url)
    if (fault === 'lose-answer') throw new PhoneCut()
    const again = await peer.post(message, url)
    if (Buffer.compare(again.bytes, answer.bytes) !== 0) throw new Error('a resent message got another answer')
    return this.#taken(peer, await peer.send(message))
  }

  #taken(peer: OmadsPeer, answer: Message): Message {
    this.#nonce = peer.nonce
    for (const { cmd, data } of statuses(answer)) if (cmd === 'Map' && data === 200) this.#maps = []
    return answer
  }

  /** Package 3. @returns the answer to its last message. */
  async #sendChanges(peer: OmadsPeer, opened: Message): Promise<Message> {
    const changes = [
      ...[...this.#deleted].map((luid) => ({ command: 'Delete' as const, luid, content: '' })),
      ...[...this.items].flatMap(([luid, { content, dirty }]) => (dirty ? [{ command: dirty, luid, content }] : [])),
    ]
    const messages = packOutgoing(changes, this.#outgoing, this.#maxMsgSize / 2)
    let answer = opened
    for (const [at, { sync, sent }] of messages.entries()) {
      const answers = statusesFor(answer, () => 200)
      const final = at === messages.length - 1
      answer = await this.#send(peer, [...answers, ...(at === 0 ? this.#mapCommands() : []), sync], { final })
      for (const command of sent) this.#settle(command, statuses(answer))
    }
    return answer
  }

  #settle({ cmdId, command, luid, content, end, more }: SentCommand, answers: readonly StatusCommand[]): void {
    const status = answers.find(({ cmdRef, cmd }) => cmdRef === cmdId && cmd === command)?.data
    if (more && status === 213) this.#outgoing = { luid, content, confirmed: end }
    if (more) return
    if (status === undefined || (status >= 300 && status !== 418 && status !== 419))
      throw new Error(`${command} was answered ${status}`)
    this.#outgoing = undefined
    if (command === 'Delete') this.#deleted.delete(luid)
    const held = this.items.get(luid)
    if (held?.content === content) held.dirty = undefined
  }

  /** Packages 4 to 6, from the first message of package 4 on. */
  async #receive(peer: OmadsPeer, first: Message, resumed: boolean): Promise<void> {
    for (let answer = first; ; ) {
      const taken = new Map<Command, number>()
      for (const command of answer.commands.flatMap((c) => (c.name === 'Sync' ? c.commands : [])))
        taken.set(command, this.#take(command, resumed))
      const final = answer.final
      const reply = [...statusesFor(answer, (command) => taken.get(command) ?? 200), ...this.#mapCommands()]
      answer = await this.#send(peer, reply, { final })
      if (final) return
    }
  }

  #mapCommands(): Command[] {
    const mapItems = this.#maps.map(([guid, luid]) => ({ target: { locUri: guid }, source: { locUri: luid } }))
    const [target, source] = [{ locUri: './contacts' }, { locUri: './card' }]
    return mapItems.length === 0 ? [] : [{ name: 'Map', cmdId: '900', target, source, mapItems }]
  }

  /** @returns the Status of a command of the server. */
  #take(command: Command, resumed: boolean): number {
    if (command.name === 'Delete') {
      const luid = command.items[0]?.target?.locUri ?? ''
      return this.items.delete(luid) ? 200 : 211
    }
    if (command.name !== 'Add' && command.name !== 'Replace') return 501
    const content = this.#join(command, resumed)
    return content === undefined ? 213 : this.#store(command, content)
  }

  /** The whole of an Item, or undefined if more comes. */
  #join(command: ItemCommand, resumed: boolean): string | undefined {
    const [item] = command.items
    const id = item?.source?.locUri ?? item?.target?.locUri ?? ''
    const data = item?.data?.kind === 'text' ? Buffer.from(item.data.text) : Buffer.alloc(0)
    const position = /^datapos=(\d+)$/.exec(item?.meta?.emi?.[0] ?? '')?.[1]
    // In the session that began it Size tells the first piece; later only the position can.
    const isFirst = this.#piece?.id !== id || (!resumed && item?.meta?.size !== undefined)
    const before = isFirst ? Buffer.alloc(0) : (this.#piece?.octets ?? Buffer.alloc(0))
    const octets = Buffer.concat([before.subarray(0, position === undefined ? before.length : Number(position)), data])
    this.#piece = item?.moreData ? { id, octets } : undefined
    return item?.moreData ? undefined : octets.toString()
  }

  #store(command: ItemCommand, content: string): number {
    const [item] = command.items
    if (command.name === 'Replace') {
      const luid = item?.target?.locUri ?? ''
      if (!this.items.has(luid)) return 404
      this.items.set(luid, { content, dirty: undefined })
      return 200
    }
    const guid = item?.source?.locUri ?? ''
    const had = this.#given.get(guid)
    const luid = had ?? `${this.#deviceId}-${++this.#luids}`
    this.#given.set(guid, luid)
    this.items.set(luid, { content, dirty: undefined })
    this.#maps = [...this.#maps.filter(([other]) => other !== guid), [guid, luid]]
    return had === undefined ? 201 : 418
  }
}

/** A Status for every command of a message that is none, and for its header. */
function statusesFor({ header, commands }: Message, statusOf: (command: Command) => number): Command[] {
  const status = (cmd: string, cmdRef: string, data: number): Command => ({
    name: 'Status',
    cmdId: '',
    msgRef: header.msgId,
    cmdRef,
    cmd,
    targetRefs: [],
    sourceRefs: [],
    data,
    items: [],
  })
  const all = commands.flatMap((c) => (c.name === 'Sync' ? [c, ...c.commands] : [c]))
  return [
    status('SyncHdr', '0', 200),
    ...all.filter((c) => c.name !== 'Status').map((c) => status(c.name, c.cmdId, statusOf(c))),
  ]
}
