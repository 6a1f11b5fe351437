/** The session engine over the real item store, and commands of a phone that synchronizes contacts with it. */

import type { Command, Message } from '../../schemas/syncml/message.ts'
import { createOmads } from '../../server/omads/handleMessage.ts'
import { type ItemBench, openItemBench } from './itemBench.ts'
import { OmadsPeer, type OmadsServer, omadsServer, type PeerOptions, statuses } from './omadsPeer.ts'

export interface ItemServer {
  readonly bench: ItemBench
  readonly server: OmadsServer
  peer(options?: PeerOptions): OmadsPeer
  /** Builds a new engine over the same stores. */
  restart(): void
  /** Contents of the account's contacts. */
  contacts(): Promise<string[]>
  close(): Promise<void>
}

/** Messages go through the engine, Items into a real encrypted copy. User alice, password secret. */
export async function openItemServer(): Promise<ItemServer> {
  const bench = await openItemBench()
  const server = omadsServer()
  const { registry } = bench
  const restart = (): void => {
    server.omads = createOmads({
      ...server.deps,
      spool: bench.spool,
      registry: { find: async (_peer, uri) => registry.find(uri), list: async () => registry.list() },
    })
  }
  restart()
  return {
    bench,
    server,
    restart,
    peer: (options) => new OmadsPeer(server, options),
    contacts: async () =>
      (await bench.query('SELECT content FROM contacts', 'acc-alice')).map(([text]) => String(text)),
    close: () => bench.close(),
  }
}

export function alertOf(code: number, anchor: { last?: string; next: string }): Command {
  const items = [{ target: { locUri: './contacts' }, source: { locUri: './card' }, meta: { anchor } }]
  return { name: 'Alert', cmdId: '', data: String(code), items }
}

export function contactSync(commands: readonly Command[]): Command {
  const numbered = commands.map((c, at) => ({ ...c, cmdId: c.cmdId === '' ? String(100 + at) : c.cmdId }))
  const [target, source] = [{ locUri: './contacts' }, { locUri: './card' }]
  return { name: 'Sync', cmdId: '', target, source, commands: numbered }
}

/** A vCard of a person. */
export function card(name: string, note = ''): string {
  return `BEGIN:VCARD\r\nVERSION:3.0\r\nN:${name};;;;\r\nFN:${name}\r\nNOTE:${note}\r\nEND:VCARD\r\n`
}

export function addCard(luid: string, text = card(luid), cmdId = ''): Command {
  const data = { kind: 'text', text } as const
  return { name: 'Add', cmdId, items: [{ source: { locUri: luid }, meta: { type: 'text/vcard' }, data }] }
}

/** One piece of a card; `at` is written as `datapos`, the first one says how much comes. */
export function chunk(
  luid: string,
  text: string,
  from: number,
  to: number,
  said: { size?: boolean; at?: boolean },
): Command {
  const octets = Buffer.from(text)
  const meta = {
    type: 'text/vcard',
    ...(said.size && { size: octets.length }),
    ...(said.at && { emi: [`datapos=${from}`] }),
  }
  const data = { kind: 'text', text: octets.subarray(from, to).toString() } as const
  const more = to < octets.length ? { moreData: true } : {}
  return { name: 'Add', cmdId: '', items: [{ source: { locUri: luid }, meta, data, ...more }] }
}

/** Answers 200 to every command of `message` that is no Status. */
export function answersTo(message: Message, data = 200): Command[] {
  const all = message.commands.flatMap((c) => (c.name === 'Sync' ? [c, ...c.commands] : [c]))
  const { msgId: msgRef } = message.header
  return all
    .filter((c) => c.name !== 'Status')
    .map((c) => ({
      name: 'Status',
      cmdId: '',
      msgRef,
      cmdRef: c.cmdId,
      cmd: c.name,
      targetRefs: [],
      sourceRefs: [],
      data,
      items: [],
    }))
}

/** Ids of the Adds in a message of the server. */
export function addedIds(message: Message): string[] {
  return message.commands.flatMap((c) =>
    c.name === 'Sync' ? c.commands.flatMap((i) => (i.name === 'Add' ? [i.items[0]?.source?.locUri ?? ''] : [])) : [],
  )
}

/** `Cmd:code` of the Statuses after the SyncHdr's. */
export function codes(message: Message): string[] {
  return statuses(message)
    .slice(1)
    .map((s) => `${s.cmd}:${s.data}`)
}
