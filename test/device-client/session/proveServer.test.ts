/** A device that wants its server to prove itself, against the server's engine. */

import { describe, expect, it } from 'vitest'
import { decodeMessage, encodeMessage } from '../../../schemas/syncml/codec.ts'
import { basicCredential } from '../../../schemas/syncml/credential.ts'
import type { Message } from '../../../schemas/syncml/message.ts'
import { content, receiving, requestOf, run, sending, stored } from '../../support/deviceSession.ts'
import { memoryKeyStore } from '../../support/lossyFetch.ts'
import { type OmadsServer, omadsServer } from '../../support/omadsPeer.ts'

const serverLogin = { serverId: 'nightferry-test', password: 'the server secret' }
const demanding = { serverLogin }
const proving = (password = serverLogin.password) => omadsServer({ serverPasswords: { 'dev-1': password } })
const secretBytes = Buffer.from('nobody but the server may see this')

/** Changes the server's answers, as an impostor would. */
function between(server: OmadsServer, change: (message: Message) => Message): void {
  const { omads } = server
  const changing = async (request: Parameters<typeof omads>[0]) => {
    const answer = await omads(request)
    return { ...answer, bytes: encodeMessage(change(decodeMessage(answer.bytes, 'wbxml')), 'wbxml') }
  }
  server.omads = Object.assign(changing, { expireIdle: omads.expireIdle, settled: omads.settled })
}

function without({ header, ...message }: Message): Message {
  const { cred: _, ...rest } = header
  return { ...message, header: rest }
}

describe('a server that must prove itself', () => {
  it('[DC-52] [OM-36] does so after a challenge at first contact, then at once; each night costs one exchange more', async () => {
    const server = proving()
    const keyStore = memoryKeyStore()
    const first = await run(server, requestOf(sending(content(500)), demanding), keyStore)
    expect(first.result).toMatchObject({ outcome: 'accepted', exchanges: 3, alertStatus: 200, itemStatus: 201 })
    for (const [last, next] of [
      ['7', '8'],
      ['8', '9'],
    ] as const) {
      const again = await run(server, requestOf(sending(content(500, 9), 202), { last, next, ...demanding }), keyStore)
      expect(again.result).toMatchObject({ outcome: 'accepted', exchanges: 2, itemStatus: 200 })
    }
    expect(stored(server).equals(Buffer.from(content(500, 9)))).toBe(true)
    expect(server.errors).toEqual([])
  })

  it('[DC-52] gives what it has only after its proof', async () => {
    const server = proving()
    server.store.offered.set('g1', { bytes: content(3000), type: 'application/octet-stream' })
    const { transfer, items } = receiving()
    const { result } = await run(server, requestOf(transfer, demanding), memoryKeyStore())
    expect(result).toMatchObject({ outcome: 'accepted' })
    expect(Buffer.from(items.get('g1') ?? []).equals(Buffer.from(content(3000)))).toBe(true)
  })

  it('[DC-52] a lost answer costs a challenge, no more', async () => {
    const server = proving()
    const keyStore = memoryKeyStore()
    await run(server, requestOf(sending(content(500)), demanding), keyStore)
    await expect(
      run(server, requestOf(sending(content(600)), demanding), keyStore, ['none', ...Array(7).fill('drop-request')]),
    ).rejects.toMatchObject({ code: 'network.unreachable' })
    const { result } = await run(server, requestOf(sending(content(700)), demanding), keyStore)
    expect(result).toMatchObject({ outcome: 'accepted', exchanges: 3 })
  })

  it.each([
    ['knows no password', omadsServer, undefined],
    ['knows another password', () => proving('another secret'), undefined],
    ['shows no credentials', proving, without],
    [
      'shows the password itself',
      proving,
      (message: Message): Message => {
        const text = basicCredential(serverLogin.serverId, serverLogin.password)
        const cred = { meta: { format: 'b64', type: 'syncml:auth-basic' }, data: { kind: 'text', text } } as const
        return { ...message, header: { ...message.header, cred } }
      },
    ],
  ] as const)('[DC-52] that %s gets nothing', async (_what, open, change) => {
    const server = open()
    if (change) between(server, change)
    const { omads } = server
    const seen: Uint8Array[] = []
    const listening = (request: Parameters<typeof omads>[0]) => {
      seen.push(request.bytes)
      return omads(request)
    }
    server.omads = Object.assign(listening, { expireIdle: omads.expireIdle, settled: omads.settled })
    const tried = run(server, requestOf(sending(new Uint8Array(secretBytes)), demanding), memoryKeyStore())
    await expect(tried).rejects.toMatchObject({ code: 'auth.server' })
    expect(seen).toHaveLength(2)
    expect(seen.some((octets) => Buffer.from(octets).includes(secretBytes))).toBe(false)
  })

  it('[DC-52] a proof that was seen before is none', async () => {
    const server = proving()
    const keyStore = memoryKeyStore()
    let seen: Message['header']['cred']
    between(server, (message) => {
      seen ??= message.header.cred
      return message
    })
    await run(server, requestOf(sending(content(500)), demanding), keyStore)
    expect(seen).toBeDefined()
    const impostor = omadsServer()
    between(impostor, (message) => ({ ...message, header: { ...message.header, ...(seen && { cred: seen }) } }))
    const tried = run(impostor, requestOf(sending(new Uint8Array(secretBytes)), demanding), keyStore)
    await expect(tried).rejects.toMatchObject({ code: 'auth.server' })
    expect(impostor.store.events).toEqual([])
  })
})
