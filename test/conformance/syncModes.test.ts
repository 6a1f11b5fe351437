/** Runs the dialogues of `syncModes.ts` in both encodings, with a restart and a repeat around every message. */

import { describe, expect, it } from 'vitest'
import type { Command, Encoding, Message, StatusCommand } from '../../schemas/syncml/message.ts'
import { OmadsPeer, omadsServer, statusLine, syncAlert, syncOf } from '../support/omadsPeer.ts'
import { syncModes } from './syncModes.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)

function parse(text: string, last: string | undefined, received: Message | undefined): Command[] {
  const [name = '', first = ''] = text.split(' ')
  if (name === 'Alert') return [syncAlert(Number(first), '2', last === undefined ? {} : { last })]
  if (name === 'Status') return received ? statusesFor(received) : []
  if (name === 'Map') {
    const mapItems = text
      .split(' ')
      .slice(1)
      .map((id) => ({ target: { locUri: id }, source: { locUri: `luid-${id}` } }))
    return [{ name, cmdId: '', target: { locUri: './databases/app' }, source: { locUri: './app' }, mapItems }]
  }
  const inner = text.slice(text.indexOf('[') + 1, -1)
  return [syncOf(inner === '' ? [] : inner.split(', ').map(parseChange))]
}

function parseChange(text: string): Command {
  const [name, luid = ''] = text.split(' ')
  const source = { locUri: luid }
  if (name === 'Delete') return { name, cmdId: '', items: [{ source }] }
  return {
    name: name === 'Add' ? 'Add' : 'Replace',
    cmdId: '',
    items: [{ source, data: { kind: 'text', text: luid } }],
  }
}

function statusesFor(message: Message): StatusCommand[] {
  const all = message.commands.flatMap((c) => (c.name === 'Sync' ? [c, ...c.commands] : [c]))
  const header: StatusCommand = status(message, '0', 'SyncHdr', 200)
  const others = all.filter((c) => c.name !== 'Status').map((c) => status(message, c.cmdId, c.name, 200))
  return [header, ...others]
}

function status(message: Message, cmdRef: string, cmd: string, data: number): StatusCommand {
  const { msgId: msgRef } = message.header
  return { name: 'Status', cmdId: '', msgRef, cmdRef, cmd, targetRefs: [], sourceRefs: [], data, items: [] }
}

function describeServer(message: Message): string[] {
  return message.commands.flatMap((c) => {
    if (c.name === 'Alert') return [`Alert ${c.data}`]
    if (c.name !== 'Sync') return []
    const inner = c.commands.map((i) => `${i.name} ${'items' in i ? (i.items[0]?.source?.locUri ?? '') : ''}`)
    return [`Sync [${inner.join(', ')}]`]
  })
}

describe.each<Encoding>(['xml', 'wbxml'])('[OM-12] [OM-21] sync modes in %s', (encoding) => {
  it.each(syncModes.map((dialogue) => [dialogue.mode, dialogue] as const))('%s', async (_, dialogue) => {
    const server = omadsServer({ syncTypes: [200, 201, 202, 203, 204, 205] })
    server.store.anchor = '1'
    for (const id of dialogue.offered) server.store.offered.set(id, { bytes: bytesOf(id), type: 'text/plain' })
    const peer = new OmadsPeer(server, { encoding, rough: true })
    let received: Message | undefined
    for (const step of dialogue.steps) {
      const commands = step.client.flatMap((text) => parse(text, dialogue.last, received))
      received = await peer.send(peer.message(commands, received ? {} : { cred: peer.cred() }))
      expect(statusLine(received).slice(1)).toEqual(step.statuses)
      expect(describeServer(received)).toEqual(step.server)
      expect(received.final).toBe(step.final)
    }
    expect(server.store.events).toEqual(dialogue.events)
    expect(server.store.acknowledged).toEqual(dialogue.acknowledged)
    expect(received?.header.respUri).toBeUndefined()
    expect(server.errors).toEqual([])
  })
})
