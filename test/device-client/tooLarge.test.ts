/** What the server refuses: changes too large for a Delta go as a whole file, and every Status has a meaning. */

import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { DeviceClient } from '../../device-client/deviceClient.ts'
import { openHome } from '../../device-client/node/home.ts'
import { openNodeClient } from '../../device-client/node/openNodeClient.ts'
import { DELTA_TYPE } from '../../schemas/delta/contentTypes.ts'
import { contentTypeOf, decodeMessage, encodeMessage } from '../../schemas/syncml/codec.ts'
import type { Message } from '../../schemas/syncml/message.ts'
import { startServer, type TestServer } from '../support/startServer.ts'

let folder: string
let server: TestServer
let opened: { readonly client: DeviceClient; close(): void }
let database: Database.Database
/** The Status of Deltas; 0 lets them through. */
let status = 0

/** A proxy that refuses Deltas as the server would. */
const proxy = createServer((request, response) => void handle(request, response).catch(() => response.destroy()))

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = 'GET', url = '/', headers } = request
  const body = Buffer.concat(await request.toArray())
  const type = { 'content-type': headers['content-type'] ?? 'application/json' }
  if (status !== 0 && url.startsWith('/omads')) {
    const message = decodeMessage(body, 'wbxml')
    if (carriesDelta(message)) {
      response.writeHead(200, { 'content-type': contentTypeOf('wbxml') })
      return void response.end(encodeMessage(refusalOf(message), 'wbxml'))
    }
  }
  const { authorization } = headers
  const init = { method, headers: { ...type, ...(authorization && { authorization }) } }
  const answer = await fetch(new URL(url, server.url), body.length > 0 ? { ...init, body } : init)
  response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
  response.end(Buffer.from(await answer.arrayBuffer()))
}

const carriesDelta = ({ commands }: Message): boolean =>
  commands.some(
    (c) =>
      c.name === 'Sync' &&
      c.commands.some((i) => 'items' in i && i.items.some((item) => item.meta?.type === DELTA_TYPE)),
  )

function refusalOf({ header }: Message): Message {
  const { sessionId, msgId, source, target } = header
  const refs = { targetRefs: [target.locUri], sourceRefs: [source.locUri] }
  return {
    header: { verDtd: '1.2', verProto: 'SyncML/1.2', sessionId, msgId: '1', target: source, source: target },
    commands: [
      { name: 'Status', cmdId: '1', msgRef: msgId, cmdRef: '0', cmd: 'SyncHdr', ...refs, data: status, items: [] },
    ],
    final: true,
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-too-large-'))
  server = await startServer()
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const home = openHome(join(folder, 'home'))
  mkdirSync(home.imageDirectory, { recursive: true })
  opened = openNodeClient(home, { debug: () => {}, info: () => {}, warn: () => {} }, '0')
  const { user, password } = await server.createAccount()
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  await opened.client.init({ server: url, user, password, device: 'one' })
  const path = join(folder, 'app.db')
  database = new Database(path)
  database.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES (1, 1)')
  await opened.client.add({ path, name: 'app' })
  expect(await opened.client.backup('app')).toMatchObject({ mode: 'full' })
})
beforeEach(() => {
  status = 0
  database.exec('UPDATE t SET x = x + 1')
})
afterAll(async () => {
  database.close()
  opened.close()
  proxy.closeAllConnections()
  proxy.close()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

it.each([413, 416])('[DC-19] a Delta refused with %i goes as the whole file, with the reason', async (refusal) => {
  status = refusal
  expect(await opened.client.backup('app')).toMatchObject({
    mode: 'full',
    reason: expect.stringContaining('too large'),
  })
  status = 0
  database.exec('UPDATE t SET x = x + 1')
  const next = await opened.client.backup('app')
  expect(next.mode).toBe('delta')
  expect(next).not.toHaveProperty('reason')
})

it.each([
  [408, 'session.busy'],
  [417, 'session.busy'],
  [420, 'storage.full'],
  [500, 'storage.unavailable'],
  [511, 'storage.unavailable'],
  [599, 'storage.unavailable'],
])('[DC-19] Status %i is %s, and the next night goes on', async (refusal, code) => {
  status = refusal
  await expect(opened.client.backup('app')).rejects.toMatchObject({ code })
  status = 0
  expect(await opened.client.backup('app')).toMatchObject({ mode: 'delta' })
})
