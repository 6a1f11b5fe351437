/**
 * Our agent against SyncEvolution's server: 100 contacts in two ways, edits on both sides, equal at the end; large
 * contacts in parts; connections that break.
 */

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createNodeFetch } from '../../device-client/node/fetch.ts'
import { nodeRandom } from '../../device-client/node/random.ts'
import type { Fetch, KeyStore } from '../../device-client/ports.ts'
import type { SessionPorts } from '../../device-client/session/sessionRequest.ts'
import { xmlCodec } from '../../device-client/sync/xmlCodec.ts'
import { type AgentProcess, createAgentProcess } from '../support/agentProcess.ts'
import { differences, type HeldItems } from '../support/heldItems.ts'
import { sharedDir } from '../support/sharedDir.ts'
import { SyncEvolutionServer, syncEvolutionServerMissing } from '../support/syncEvolutionServer.ts'
import { SyncFolder } from '../support/syncFolder.ts'

/** Each sync is two foreign programs at work, and the machine may be busy. */
vi.setConfig({ testTimeout: 120_000 })

const missing = syncEvolutionServerMissing()
const nothing = { a: [], b: [] }
const none = { added: 0, replaced: 0, deleted: 0 }

describe.skipIf(missing !== '')(`[DC-62] [DC-63] our agent with SyncEvolution's server ${missing}`, () => {
  let root = ''
  let folder = ''
  let peer: SyncEvolutionServer
  let agent: AgentProcess

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'nightferry-c4-'))
    folder = join(root, 'contacts')
    mkdirSync(folder)
    generate(folder, 'make', '--count', 100, '--photo-every', 10)
    peer = await SyncEvolutionServer.start(['nf-one', 'nf-two'])
    agent = await openAgent(root, 'one', peer, folder)
  })
  afterAll(async () => {
    await peer?.stop()
    rmSync(root, { recursive: true, force: true })
  })

  const equal = () => expect(differences('contact', itemsOf(folder), peer.contacts())).toEqual(nothing)

  it('gives it 100 contacts, and then has nothing to say', async () => {
    const first = await agent.do('sync', 'run')
    expect(first).toMatchObject({ mode: 'slow', sent: { ...none, added: 100 }, received: none, failedCount: 0 })
    equal()
    expect(await agent.do('sync', 'run')).toMatchObject({ mode: 'two-way', sent: none, received: none, exchanges: 3 })
  })

  it('takes edits of both sides; they are equal at the end', async () => {
    generate(folder, 'change', '--add', 5, '--modify', 7, '--delete', 3, '--tag', 'here')
    editPeer(peer)
    const report = await agent.do('sync', 'run')
    expect(report).toMatchObject({
      ...{ mode: 'two-way', failedCount: 0, conflicts: 0 },
      ...{ sent: { added: 5, replaced: 7, deleted: 3 }, received: { added: 4, replaced: 6, deleted: 2 } },
    })
    expect(itemsOf(folder)).toHaveLength(104)
    equal()
    expect(await agent.do('sync', 'run')).toMatchObject({ mode: 'two-way', sent: none, received: none })
  })

  it('finds every contact in a slow sync and in a refresh', async () => {
    expect(await agent.do('sync', 'run', '--mode', 'slow')).toMatchObject({
      sent: { added: 0 },
      received: { added: 0 },
    })
    equal()
    expect(await agent.do('sync', 'run', '--mode', 'refresh-from-server')).toMatchObject({ failedCount: 0 })
    expect(itemsOf(folder)).toHaveLength(104)
    equal()
    expect(await agent.do('sync', 'run')).toMatchObject({ mode: 'two-way', sent: none, received: none })
  })

  it('[DC-64] doubles and loses nothing when the line breaks at any message', async () => {
    const two = new SyncFolder(undefined, 'nf-two', { remote: 'addressbook', peer: { serverUrl: peer.url } })
    const { fetch, close } = createNodeFetch()
    try {
      const whole = { ports: (keyStore: KeyStore) => linePorts(keyStore, fetch, Number.POSITIVE_INFINITY, false) }
      await two.sync(whole)
      for (const [calls, reaches] of BREAKS) {
        generate(
          two.folder,
          'change',
          '--add',
          2,
          '--modify',
          2,
          '--delete',
          1,
          '--seed',
          10 + calls,
          '--tag',
          `${calls}`,
        )
        peer.put(`peer-${calls}-${reaches}`, card(`Peer ${calls} ${reaches}`))
        const broken = { ports: (keyStore: KeyStore) => linePorts(keyStore, fetch, calls, reaches) }
        await two.sync(broken).catch((cause: unknown) => expect(cause).toMatchObject({ code: 'network.unreachable' }))
        expect(await two.sync(whole)).toMatchObject({ failedCount: 0 })
        expect(differences('contact', itemsOf(two.folder), peer.contacts())).toEqual(nothing)
      }
      expect(await two.sync(whole)).toMatchObject({ mode: 'two-way', sent: none, received: none })
    } finally {
      close()
      two.dispose()
    }
  })

  it('[DC-63] sends and takes contacts in parts, in WBXML and in XML', async () => {
    writeFileSync(join(folder, 'large.vcf'), card('Large', 'note '.repeat(80_000)))
    peer.put('large-there', card('Large There', 'there '.repeat(60_000)))
    expect(await agent.do('sync', 'run')).toMatchObject({ failedCount: 0, sent: { added: 1 } })
    equal()
    const { fetch, close } = createNodeFetch()
    try {
      for (const form of [{}, { codec: xmlCodec, basic: true }]) {
        const small = { serverUrl: peer.url, maxMsgSize: 20_000, ...form }
        const two = new SyncFolder(undefined, 'nf-two', { remote: 'addressbook', peer: small })
        try {
          const line = { ports: (keyStore: KeyStore) => linePorts(keyStore, fetch, Number.POSITIVE_INFINITY, false) }
          expect(await two.sync(line)).toMatchObject({ mode: 'slow', failedCount: 0 })
          two.put(card('Large Two', 'again '.repeat(60_000)))
          expect(await two.sync(line)).toMatchObject({ sent: { added: 1 }, failedCount: 0 })
          expect(differences('contact', itemsOf(two.folder), peer.contacts())).toEqual(nothing)
        } finally {
          two.dispose()
        }
      }
    } finally {
      close()
    }
  })
})

/** After how many requests the line breaks, and whether the next one still reaches the server. */
const BREAKS = [
  [1, false],
  [1, true],
  [2, false],
  [2, true],
] as const

/** A line that is dead for good after `calls` requests, and a clock that does not wait for it. */
function linePorts(keyStore: KeyStore, fetch: Fetch, calls: number, reaches: boolean): SessionPorts {
  const silent = () => undefined
  let count = 0
  return {
    keyStore,
    clock: { now: () => Date.now(), sleep: async () => undefined },
    random: nodeRandom,
    log: { debug: silent, info: silent, warn: silent },
    fetch: async (url, init) => {
      count += 1
      if (count <= calls) return fetch(url, init)
      if (count === calls + 1 && reaches) await (await fetch(url, init)).bytes()
      throw new Error('connection lost')
    },
  }
}

async function openAgent(root: string, name: string, peer: SyncEvolutionServer, folder: string): Promise<AgentProcess> {
  const agent = createAgentProcess(join(root, `home-${name}`), { NIGHTFERRY_PASSWORD: 'secret' })
  const [source, server] = [`vdir:${folder}`, peer.url]
  const login = ['--server', server, '--remote', 'addressbook', '--user', 'alice', '--device-id', `nf-${name}`]
  await agent.do('sync', 'add', '--app', 'contacts', '--source', source, ...login)
  return agent
}

/** Four contacts more, six others, two fewer. */
function editPeer(peer: SyncEvolutionServer): void {
  for (let i = 0; i < 4; i++) peer.put(`peer-${i}`, card(`Peer ${i}`))
  const held = peer.contacts().filter(({ name }) => !name.startsWith('peer-'))
  // From the end: the edits on the other side begin at the front.
  for (const { name } of held.slice(-2)) peer.remove(name)
  for (const { name, octets } of held.slice(-8, -2)) {
    const rest = Buffer.from(octets)
      .toString()
      .replace(/^NICKNAME:.*\r?\n/m, '')
    peer.put(name, rest.replace('END:VCARD', 'NICKNAME:Edited there\r\nEND:VCARD'))
  }
}

function card(name: string, note = ''): string {
  return `BEGIN:VCARD\r\nVERSION:3.0\r\nN:${name};Test;;;\r\nFN:Test ${name}\r\nNOTE:${note.trim()}\r\nEND:VCARD\r\n`
}

function generate(folder: string, verb: string, ...words: readonly (string | number)[]): void {
  execFileSync(process.execPath, [
    join(sharedDir ?? '', 'syncevo', 'gen-vcards.mjs'),
    verb,
    folder,
    ...words.map(String),
  ])
}

function itemsOf(folder: string): HeldItems {
  const names = readdirSync(folder).filter((name) => !name.startsWith('.'))
  return names.sort().map((name) => ({ name, octets: readFileSync(join(folder, name)) }))
}
