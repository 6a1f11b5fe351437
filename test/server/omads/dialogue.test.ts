/** Dialogues with the session engine: each test is one conversation, in both encodings where it matters. */

import { describe, expect, it } from 'vitest'
import type { Command, Encoding } from '../../../schemas/syncml/message.ts'
import { formatPositionEmi } from '../../../schemas/syncml/position.ts'
import { addOf, alerts, OmadsPeer, omadsServer, statusLine, syncAlert, syncOf } from '../../support/omadsPeer.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)
const position = { lineage: 'a'.repeat(32), positions: [{ number: 4, token: 'b'.repeat(32) }] }
const emi = formatPositionEmi(position)

describe.each<Encoding>(['xml', 'wbxml'])('dialogues in %s', (encoding) => {
  it('[OM-1][OM-5] refresh from client in two exchanges: initialization, then Sync', async () => {
    const server = omadsServer()
    const peer = new OmadsPeer(server, { encoding, rough: true })
    const put: Command = {
      name: 'Put',
      cmdId: '',
      meta: { type: `application/vnd.syncml-devinf+${encoding}` },
      items: [
        {
          source: { locUri: './devinf12' },
          data: {
            kind: 'devInf',
            devInf: {
              verDtd: '1.2',
              man: 'm',
              mod: 'm',
              fwV: '1',
              swV: '1',
              hwV: '1',
              devId: 'dev-1',
              devTyp: 'phone',
              dataStores: [],
            },
          },
        },
      ],
    }
    const get: Command = {
      name: 'Get',
      cmdId: '',
      meta: { type: `application/vnd.syncml-devinf+${encoding}` },
      items: [{ target: { locUri: './devinf12' } }],
    }
    const first = await peer.send(peer.message([put, get, syncAlert(203, '7')], { cred: peer.cred() }))
    expect(statusLine(first)).toEqual(['SyncHdr:212', 'Put:200', 'Get:200', 'Alert:200'])
    expect(first.final).toBe(true)
    expect(first.header.respUri).toMatch(/^http:\/\/sync\.example\/omads\?s=[0-9a-f]{32}$/)
    expect(alerts(first)).toEqual(['203'])
    const results = first.commands.find((c) => c.name === 'Results')
    expect(results?.items[0]?.data).toMatchObject({
      kind: 'devInf',
      devInf: { devTyp: 'server', devId: 'nightferry-test' },
    })
    const second = await peer.send(peer.message([syncOf(['one', 'two'].map((t, i) => textAdd(String(i + 1), t)))]))
    expect(statusLine(second)).toEqual(['SyncHdr:200', 'Sync:200', 'Add:201', 'Add:201'])
    expect(second.final).toBe(true)
    expect([...server.store.items.values()].map((i) => Buffer.from(i.bytes).toString())).toEqual(['one', 'two'])
    expect(server.store.contents).toEqual(['inline', 'inline'])
    expect(server.store.events.at(-1)).toBe('finish')
    expect(server.errors).toEqual([])
  })

  it('[OM-8] Alert, Sync and Item in one message are one exchange, with our position in EMI', async () => {
    const server = omadsServer()
    server.store.position = position
    const peer = new OmadsPeer(server, { encoding, rough: true })
    const answer = await peer.send(
      peer.message([syncAlert(203, '7', { emi }), syncOf([addOf('1', bytesOf('one'))])], { cred: peer.cred() }),
    )
    expect(statusLine(answer)).toEqual(['SyncHdr:212', 'Alert:200', 'Sync:200', 'Add:201'])
    const alert = answer.commands.find((c) => c.name === 'Alert')
    expect(alert?.items[0]?.meta?.emi).toEqual([emi])
    expect(answer.final).toBe(true)
    expect(answer.header.respUri).toBeUndefined()
    expect(server.store.anchor).toBe('7')
    expect(answer.commands.some((c) => c.name === 'Sync')).toBe(false)
  })

  it('[OM-8] after 508 the Sync of the same package is not executed', async () => {
    const server = omadsServer()
    server.store.anchor = '5'
    const peer = new OmadsPeer(server, { encoding, rough: true })
    const answer = await peer.send(
      peer.message([syncAlert(202, '7', { last: '4' }), syncOf([addOf('1', bytesOf('one'))])], { cred: peer.cred() }),
    )
    expect(statusLine(answer)).toEqual(['SyncHdr:212', 'Alert:508', 'Sync:514', 'Add:514'])
    expect(alerts(answer)).toEqual(['203'])
    expect(server.store.events).toEqual([])
    const full = await peer.send(peer.message([syncOf([addOf('1', bytesOf('whole'))])]))
    expect(statusLine(full)).toEqual(['SyncHdr:200', 'Sync:200', 'Add:201'])
    expect(server.store.events).toEqual(['put 1', 'finish'])
  })

  it('[OM-7] chunks are spooled and applied whole', async () => {
    const server = omadsServer()
    const peer = new OmadsPeer(server, { encoding, rough: true })
    const whole = new Uint8Array(10_000).map((_, i) => i * 7)
    const cut = [0, 3001, 3002, 9999, 10_000]
    await peer.send(peer.message([syncAlert(203, '7')], { cred: peer.cred() }))
    for (const [index, end] of cut.slice(1).entries()) {
      const last = end === whole.length
      const size = index === 0 ? (encoding === 'xml' ? 13_336 : 10_000) : undefined
      const bytes = encoding === 'xml' ? base64Part(whole, cut[index] ?? 0, end) : whole.subarray(cut[index], end)
      const add = addOf('1', bytes, { ...(size === undefined ? {} : { size }), moreData: !last })
      const sent = peer.message([syncOf([encoding === 'xml' ? asBase64Text(add) : add])], { final: last })
      const answer = await peer.send(sent)
      expect(statusLine(answer)).toEqual(['SyncHdr:200', 'Sync:200', last ? 'Add:201' : 'Add:213'])
      expect(alerts(answer)).toEqual(last ? [] : ['222'])
    }
    expect(Buffer.compare(server.store.items.get('acc-alice/1')?.bytes ?? new Uint8Array(), whole)).toBe(0)
    expect(server.store.contents.every((c) => c === 'spool')).toBe(true)
    expect(server.spool.ids()).toEqual([])
  })

  it('[OM-6] refresh from server delivers a large object in chunks and finishes after the Map', async () => {
    const server = omadsServer()
    const whole = new Uint8Array(20_000).map((_, i) => i * 13)
    server.store.offered.set('g1', { bytes: whole, type: 'application/octet-stream' })
    const peer = new OmadsPeer(server, { encoding, rough: true, maxMsgSize: 4000 })
    let answer = await peer.send(peer.message([syncAlert(205, '7'), syncOf([])], { cred: peer.cred() }))
    const parts: Uint8Array[] = []
    for (let exchange = 0; exchange < 20; exchange++) {
      const sync = answer.commands.find((c) => c.name === 'Sync')
      const add = sync?.commands[0]
      const reply: Command[] = []
      if (add?.name === 'Add' && add.items[0]) {
        const [item] = add.items
        if (parts.length === 0) expect(item.meta?.size).toBe(encoding === 'xml' ? 26_668 : 20_000)
        parts.push(octetsOf(item.data))
        const data = item.moreData ? 213 : 201
        reply.push({ ...statusFor(answer.header.msgId, add.cmdId, 'Add', data), sourceRefs: ['g1'] })
      }
      if (answer.final) {
        const map: Command = {
          name: 'Map',
          cmdId: '',
          target: { locUri: './databases/app' },
          source: { locUri: './app' },
          mapItems: [{ target: { locUri: 'g1' }, source: { locUri: 'l1' } }],
        }
        const last = await peer.send(peer.message([...reply, map]))
        expect(statusLine(last)).toEqual(['SyncHdr:200', 'Map:200'])
        expect(last.final).toBe(true)
        break
      }
      answer = await peer.send(peer.message([...reply, nextMessage()], { final: false }))
    }
    expect(Buffer.compare(Buffer.concat(parts), whole)).toBe(0)
    expect(server.store.acknowledged).toEqual(['g1'])
    expect(server.errors).toEqual([])
  })

  it('[OM-12] unknown stores, types, alerts and commands are refused one by one', async () => {
    const server = omadsServer()
    const peer = new OmadsPeer(server, { encoding, rough: true })
    const exec: Command = { name: 'Exec', cmdId: '', items: [{ target: { locUri: './x' } }] }
    const atomic: Command = { name: 'Atomic', cmdId: '', commands: [{ ...addOf('1', bytesOf('x')), cmdId: '50' }] }
    const answer = await peer.send(
      peer.message(
        [
          syncAlert(203, '1', { target: './nowhere' }),
          syncAlert(200, '1'),
          syncAlert(999, '1'),
          exec,
          atomic,
          syncAlert(203, '2'),
        ],
        { cred: peer.cred() },
      ),
    )
    expect(statusLine(answer)).toEqual([
      'SyncHdr:212',
      'Alert:404',
      'Alert:406',
      'Alert:406',
      'Exec:501',
      'Atomic:406',
      'Add:215',
      'Alert:200',
    ])
    expect(alerts(answer)).toEqual(['203'])
    const refused = await peer.send(peer.message([syncOf([{ ...addOf('1', bytesOf('x')), name: 'Exec' } as Command])]))
    expect(statusLine(refused)).toEqual(['SyncHdr:200', 'Sync:200', 'Exec:501'])
  })
})

/** The part of the base64 text that a client sends which cuts it where the octets are cut, amid groups. */
function base64Part(whole: Uint8Array, start: number, end: number): Uint8Array {
  const text = Buffer.from(whole).toString('base64')
  const at = (octet: number) => (octet === whole.length ? text.length : Math.floor((octet * 4) / 3))
  return bytesOf(text.slice(at(start), at(end)))
}

function asBase64Text(command: Command): Command {
  if (command.name !== 'Add') return command
  const items = command.items.map((i) => ({
    ...i,
    meta: { ...i.meta, format: 'b64' },
    data: { kind: 'text' as const, text: Buffer.from(octetsOf(i.data)).toString() },
  }))
  return { ...command, items }
}

function textAdd(luid: string, text: string): Command {
  return { name: 'Add', cmdId: '', items: [{ source: { locUri: luid }, data: { kind: 'text', text } }] }
}

function octetsOf(data: { kind: string; bytes?: Uint8Array; text?: string } | undefined): Uint8Array {
  return data?.kind === 'bytes' && data.bytes ? data.bytes : new Uint8Array(Buffer.from(data?.text ?? '', 'base64'))
}

function statusFor(msgRef: string, cmdRef: string, cmd: string, data: number): Extract<Command, { name: 'Status' }> {
  return { name: 'Status', cmdId: '', msgRef, cmdRef, cmd, targetRefs: [], sourceRefs: [], data, items: [] }
}

function nextMessage(): Command {
  return { name: 'Alert', cmdId: '', data: '222', items: [{ target: { locUri: 's' }, source: { locUri: 'd' } }] }
}
