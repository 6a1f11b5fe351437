/**
 * Messages that real clients sent, replayed: each gets a well-formed answer, and whole sessions of SyncEvolution
 * leave their items in the datastore.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { decodeMessage } from '../../schemas/syncml/codec.ts'
import type { Command, Encoding, Message } from '../../schemas/syncml/message.ts'
import type { SyncType } from '../../server/datastore/datastore.ts'
import { type OmadsServer, omadsServer, statuses } from '../support/omadsPeer.ts'
import { sharedDir } from '../support/sharedDir.ts'
import { registryOf, storingDatastore } from '../support/storingDatastore.ts'

const captures = join(sharedDir ?? '', 'captures')
const missing = existsSync(captures) ? '' : ' (skipped: no captures beside the checkout)'

interface Capture {
  readonly name: string
  readonly encoding: Encoding
  readonly bytes: Uint8Array
}

function read(path: string): Capture {
  const encoding = path.endsWith('.wbxml') ? 'wbxml' : 'xml'
  return { name: path, encoding, bytes: new Uint8Array(readFileSync(join(captures, path))) }
}

/** All requests of a recorded session, in order. */
function requests(folder: string): Capture[] {
  if (missing) return []
  const files = readdirSync(join(captures, folder)).filter((f) => /^\d+-request\.(xml|wbxml)$/.test(f))
  return files.sort().map((file) => read(join(folder, file)))
}

function firstMessages(): Capture[] {
  if (missing) return []
  const sessions = readdirSync(join(captures, 'syncevolution'))
  const recorded = sessions.flatMap((folder) => requests(join('syncevolution', folder)).slice(0, 1))
  const horde = readdirSync(join(captures, 'horde+SyncMl')).map((f) => join('horde+SyncMl', f, 'syncml_client_10.xml'))
  const others = [
    'pohly+syncevolution/client-package1.xml',
    'smn+txsyncml/client_sync_init.wbxml',
    'smn+txsyncml/client_sync_init.xml',
    'smn+txsyncml/sony-ericsson-k800i-package1.xml',
  ]
  return [...recorded, ...[...horde, ...others].filter((path) => existsSync(join(captures, path))).map(read)]
}

async function post(server: OmadsServer, capture: Capture): Promise<Message> {
  const contentType = `application/vnd.syncml+${capture.encoding}`
  const request = { bytes: capture.bytes, contentType, url: '/omads', host: 'sync.example', remoteAddress: '127.0.0.1' }
  const answer = await server.omads(request)
  expect(answer.status).toBe(200)
  expect(answer.contentType).toBe(contentType)
  server.restart()
  expect(Buffer.compare((await server.omads(request)).bytes, answer.bytes)).toBe(0)
  return decodeMessage(answer.bytes, capture.encoding)
}

function all(commands: readonly Command[]): Command[] {
  return commands.flatMap((c) => (c.name === 'Sync' ? [c, ...c.commands] : [c]))
}

describe(`first messages of real clients${missing}`, () => {
  const found = firstMessages()
  it.skipIf(missing !== '')('there are many', () => expect(found.length).toBeGreaterThan(40))

  it.skipIf(missing !== '').each(found.map((capture) => [capture.name, capture] as const))(
    '[OM-5] %s',
    async (_, capture) => {
      const server = omadsServer()
      const sent = decodeMessage(capture.bytes, capture.encoding)
      const answer = await post(server, capture)
      const got = statuses(answer)
      expect(got[0]).toMatchObject({ cmd: 'SyncHdr', cmdRef: '0', msgRef: sent.header.msgId })
      expect(answer.header.sessionId).toBe(sent.header.sessionId)
      expect(server.errors).toEqual([])
      if (got[0]?.data === 400 || got[0]?.data === 408) return
      const expected = all(sent.commands).filter((c) => c.name !== 'Status' && !c.noResp)
      expect(got.slice(1).map((s) => s.cmdRef)).toEqual(expected.map((c) => c.cmdId))
      if (got[0]?.data !== 212) {
        expect([401, 407]).toContain(got[0]?.data)
        expect(got[0]?.chal).toBeDefined()
        return
      }
      // These stores are not ours: each is refused by itself, the device information is there all the same.
      const alertCodes = got.filter((s) => s.cmd === 'Alert').map((s) => s.data)
      expect(alertCodes.every((code) => code === 404)).toBe(true)
      const gets = sent.commands.filter((c) => c.name === 'Get')
      expect(answer.commands.filter((c) => c.name === 'Results')).toHaveLength(gets.length)
    },
  )
})

const TYPES: readonly SyncType[] = [200, 201, 202, 203, 204, 205]

describe(`whole sessions of SyncEvolution${missing}`, () => {
  const sessions: [string, number][] = [
    ['syncevolution/xml-md5-slow-first', 1],
    ['syncevolution/wbxml-basic-slow-first', 1],
    ['syncevolution/syncml-1.0-slow-first', 1],
    ['syncevolution/syncml-1.1-slow-first', 1],
    ['syncevolution/multi-message-client-xml', 20],
    ['syncevolution/large-object-client-xml', 1],
  ]
  it.skipIf(missing !== '').each(sessions)('%s stores its items', async (folder, least) => {
    const server = omadsServer()
    const store = storingDatastore('./addressbook', TYPES, server.spool)
    Object.assign(server.deps, { registry: registryOf(store) })
    server.restart()
    let last: Message | undefined
    let adds = 0
    for (const capture of requests(folder)) {
      const sent = decodeMessage(capture.bytes, capture.encoding)
      adds += all(sent.commands).filter((c) => c.name === 'Add' && !c.items.some((i) => i.moreData)).length
      last = await post(server, capture)
      const bad = statuses(last).filter((s) => s.data >= 300)
      expect(bad.map((s) => `${s.cmd}:${s.data}`)).toEqual([])
    }
    expect(last?.final).toBe(true)
    expect(adds).toBeGreaterThanOrEqual(least)
    expect(store.items.size).toBe(adds)
    expect(store.events.at(-1)).toBe('finish')
    expect(server.errors).toEqual([])
    expect(server.spool.ids()).toEqual([])
  })
})
