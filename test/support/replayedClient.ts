/**
 * A captured client whose messages are sent to our server as they are, but for address and login, and the rules that each
 * answer must keep whatever the other server said when they were captured (reference 2.2, 3.5, 3.7, 3.9, 3.10, 5.4).
 */

import { expect } from 'vitest'
import { contentTypeOf, decodeMessage, encodeMessage } from '../../schemas/syncml/codec.ts'
import { basicCredential } from '../../schemas/syncml/credential.ts'
import type { Command, Cred, Encoding, Message, StatusCommand } from '../../schemas/syncml/message.ts'
import { findStoreView } from '../../server/items/stores.ts'
import { orderErrors } from './contentModels.ts'
import type { ItemServer } from './itemPeer.ts'
import { statuses } from './omadsPeer.ts'

/** One answer and the message it is for. */
export interface Exchange {
  readonly sent: Message
  readonly answer: Message
}

const LOGIN: Cred = {
  meta: { format: 'b64', type: 'syncml:auth-basic' },
  data: { kind: 'text', text: basicCredential('alice', 'secret') },
}

const DEV_INF: Readonly<Record<string, string>> = { '1.0': './devinf10', '1.1': './devinf11', '1.2': './devinf12' }

/** Sends captured messages, one session after the other; each answer is held against the rules. */
export class ReplayedClient {
  readonly #items: ItemServer
  readonly #encoding: Encoding
  #url = ''
  #session = ''
  #answers = 0
  /** Our package 4 is complete: the next one, which only answers, ends the session. */
  #sent = false
  #over = false
  /** Datastores by the client's name for them, whose Alert of ours is still to come, and what it must say. */
  readonly #alerted = new Map<string, { readonly own: string; readonly type: string | undefined }>()
  /** Gets of device information that have no Results yet. */
  #asked: string[] = []
  /** Datastores that the client sent a Sync for. */
  readonly #synced = new Set<string>()
  /** Datastores whose Sync of ours is still to come, and those that it came for. */
  readonly #awaited = new Set<string>()
  readonly #came = new Set<string>()

  constructor(items: ItemServer, encoding: Encoding) {
    this.#items = items
    this.#encoding = encoding
  }

  /** Sends one captured message; undefined if our server needed fewer messages for that session than its own. */
  async send(captured: Message, name: string): Promise<Exchange | undefined> {
    const starts = captured.header.sessionId !== this.#session
    if (starts) this.#begin(captured)
    if (starts) await this.#expectChallenge(captured, name)
    const sent = this.#addressed(captured, starts ? LOGIN : undefined)
    const answer = await this.#post(sent, name)
    if (this.#over) return expectGone(sent, answer, name)
    this.#answers += 1
    expect(answer.header, name).toMatchObject({ sessionId: sent.header.sessionId, msgId: String(this.#answers) })
    if (answer.header.respUri !== undefined) this.#url = answer.header.respUri
    expectStatuses(sent, answer, starts ? 212 : 200, name)
    this.#expectResults(sent, answer, name)
    this.#expectAlerts(sent, answer, name)
    this.#followSyncs(sent, answer)
    if (answer.final && !isSuspended(sent)) this.#expectComplete(name)
    return { sent, answer }
  }

  /** A package of ours is complete: all that the client asked for came. */
  #expectComplete(name: string): void {
    expect(this.#asked, `Gets without Results, ${name}`).toEqual([])
    expect([...this.#alerted.keys()], `datastores without an Alert of ours, ${name}`).toEqual([])
    expect(
      [...this.#awaited].filter((uri) => !this.#came.has(uri)),
      `no Sync of ours, ${name}`,
    ).toEqual([])
  }

  #begin({ header }: Message): void {
    this.#session = header.sessionId
    this.#url = 'http://sync.example/omads'
    this.#answers = 0
    this.#over = false
    this.#sent = false
    this.#synced.clear()
    this.#asked = []
    this.#alerted.clear()
    this.#awaited.clear()
    this.#came.clear()
  }

  #addressed(captured: Message, cred: Cred | undefined): Message {
    const { cred: _, ...header } = captured.header
    const source = { ...header.source, locName: 'alice' }
    const target = { locUri: this.#url }
    return { ...captured, header: { ...header, target, source, ...(cred && { cred }) } }
  }

  async #post(message: Message, name: string): Promise<Message> {
    const bytes = encodeMessage(message, this.#encoding)
    const contentType = contentTypeOf(this.#encoding)
    const request = { bytes, contentType, url: this.#url, host: 'sync.example', remoteAddress: '127.0.0.1' }
    const reply = await this.#items.server.omads(request)
    expect(reply, name).toMatchObject({ status: 200, contentType })
    expect(reply.bytes.length, `MaxMsgSize, ${name}`).toBeLessThanOrEqual(message.header.meta?.maxMsgSize ?? 10_000)
    const answer = decodeMessage(reply.bytes, this.#encoding)
    expect(orderErrors(new TextDecoder().decode(encodeMessage(answer, 'xml'))), name).toEqual([])
    const { verDtd, verProto, source } = message.header
    expect(answer.header, name).toMatchObject({ verDtd, verProto, target: { locUri: source.locUri } })
    return answer
  }

  /** Without a login nothing is done, and the client is told how to log in. */
  async #expectChallenge(captured: Message, name: string): Promise<void> {
    const sent = this.#addressed(captured, undefined)
    const answer = await this.#post(sent, name)
    expectStatuses(sent, answer, 407, name)
    expect(statuses(answer)[0]?.chal?.meta.type, name).toMatch(/^syncml:auth-(md5|basic)$/)
    for (const { cmd, data } of statuses(answer)) expect(data, `${cmd} without a login, ${name}`).toBe(407)
    expect(answer.commands.every((command) => command.name === 'Status')).toBe(true)
  }

  #expectResults(sent: Message, answer: Message, name: string): void {
    const { msgId, verDtd } = sent.header
    for (const get of sent.commands) if (get.name === 'Get') this.#asked.push(`${msgId}/${get.cmdId}`)
    for (const results of answer.commands) {
      if (results.name !== 'Results') continue
      const data = results.items[0]?.data
      expect(data?.kind === 'devInf' ? data.devInf.verDtd : 'no device information', name).toBe(verDtd)
      expect(results.items[0]?.source?.locUri, name).toBe(DEV_INF[verDtd])
      this.#asked = this.#asked.filter((ref) => ref !== `${results.msgRef ?? '1'}/${results.cmdRef}`)
    }
  }

  /** Each datastore that was opened is opened by us too, in the kind of sync its Status says. */
  #expectAlerts(sent: Message, answer: Message, name: string): void {
    for (const alert of sent.commands) {
      if (alert.name !== 'Alert' || !/^(20[0-5]|225)$/.test(alert.data ?? '')) continue
      const [item] = alert.items
      const own = item?.target?.locUri ?? ''
      const status = statuses(answer).find(({ cmdRef }) => cmdRef === alert.cmdId)
      const possible = findStoreView(own) ? [200, 508] : [404]
      expect(possible, `Alert ${alert.data} of ${own}, ${name}`).toContain(status?.data)
      if (status?.data === 404) continue
      const { next } = item?.meta?.anchor ?? {}
      expect(status?.items[0]?.data, name).toMatchObject({ kind: 'anchor', anchor: { next } })
      const type = status?.data === 200 && alert.data !== '225' ? alert.data : undefined
      this.#alerted.set(item?.source?.locUri ?? '', { own, type })
    }
    for (const alert of answer.commands) {
      if (alert.name !== 'Alert' || !/^20[0-5]$/.test(alert.data ?? '')) continue
      const [item] = alert.items
      const expected = this.#alerted.get(item?.target?.locUri ?? '')
      expect(item?.source?.locUri, `our Alert, ${name}`).toBe(expected?.own)
      if (expected?.type !== undefined) expect(alert.data, `our Alert, ${name}`).toBe(expected.type)
      expect(item?.meta?.anchor?.next, `our anchor, ${name}`).toMatch(/./)
      this.#alerted.delete(item?.target?.locUri ?? '')
    }
  }

  #followSyncs(sent: Message, answer: Message): void {
    const refused = statuses(answer).filter(({ cmd, data }) => cmd === 'Sync' && data >= 300)
    for (const sync of sent.commands) {
      const isRefused = refused.some(({ cmdRef }) => cmdRef === sync.cmdId)
      if (sync.name === 'Sync' && !isRefused) this.#synced.add(sync.target?.locUri ?? '')
    }
    if (sent.final) for (const uri of this.#synced) this.#awaited.add(uri)
    for (const sync of answer.commands) if (sync.name === 'Sync') this.#came.add(sync.source?.locUri ?? '')
    this.#over = answer.final && (this.#sent || isSuspended(sent))
    this.#sent ||= answer.final && this.#came.size > 0
  }
}

function isSuspended(sent: Message): boolean {
  return sent.commands.some((command) => command.name === 'Alert' && command.data === '224')
}

/** A session that is over: the client begins again (OM-15). */
function expectGone(sent: Message, answer: Message, name: string): undefined {
  expect(statuses(answer)[0], name).toMatchObject({ cmd: 'SyncHdr', msgRef: sent.header.msgId, data: 408 })
}

type Answerable = Exclude<Command, { name: 'Status' }>

/** Commands that need a Status, in order. */
export function answerable(commands: readonly Command[]): Answerable[] {
  return commands.flatMap((command): Answerable[] => {
    if (command.name === 'Status') return []
    return 'commands' in command ? [command, ...answerable(command.commands)] : [command]
  })
}

function expectStatuses(sent: Message, answer: Message, header: number, name: string): void {
  const got = statuses(answer)
  const { msgId, target, source } = sent.header
  expect(
    got.every(({ msgRef }) => msgRef === msgId),
    `MsgRef, ${name}`,
  ).toBe(true)
  expect(got[0], name).toMatchObject({ cmd: 'SyncHdr', cmdRef: '0', data: header })
  expect(got[0]?.targetRefs, name).toEqual([target.locUri])
  expect(got[0]?.sourceRefs, name).toEqual([source.locUri])
  const rest = [...got.slice(1)]
  for (const command of answerable(sent.commands)) {
    if (command.noResp) continue
    const own = rest.splice(0, Math.max(1, countOf(rest, command)))
    for (const status of own) {
      expect(`${status.cmd} ${status.cmdRef}`, name).toBe(`${command.name} ${command.cmdId}`)
      // Who is not let in is told no more than that.
      if (own.length === 1 && header < 400) expectRefs(status, command, name)
    }
  }
  expect(rest, `Statuses of nothing, ${name}`).toEqual([])
}

/** How many Statuses the command at hand has: one, or one for each of its Items. */
function countOf(statusesLeft: readonly StatusCommand[], command: Command): number {
  const other = statusesLeft.findIndex(({ cmdRef, cmd }) => cmdRef !== command.cmdId || cmd !== command.name)
  return other < 0 ? statusesLeft.length : other
}

function expectRefs(status: StatusCommand, command: Command, name: string): void {
  if (!('items' in command) || command.items.length !== 1) return
  const [item] = command.items
  const refs = { targetRefs: item?.target?.locUri, sourceRefs: item?.source?.locUri }
  for (const [key, uri] of Object.entries(refs))
    if (uri !== undefined) expect(status[key as keyof typeof refs], `${key} of ${command.name}, ${name}`).toEqual([uri])
}
