/** A session over real HTTP: the agent's own fetch, a socket on 127.0.0.1, and a server that goes away in between. */

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createNodeFetch } from '../../../device-client/node/fetch.ts'
import { runSession } from '../../../device-client/session/runSession.ts'
import { content, requestOf, sending, stored } from '../../support/deviceSession.ts'
import { lossyNetwork, memoryKeyStore, sessionPorts } from '../../support/lossyFetch.ts'
import { type OmadsServer, omadsServer } from '../../support/omadsPeer.ts'

let http: Server | undefined
const closers: (() => void)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) close()
  http?.closeAllConnections()
  await new Promise((done) => (http ? http.close(done) : done(undefined)))
})

/** Serves the engine; after the requests `cutAt` the socket is cut instead of answered. */
async function listen(server: OmadsServer, cutAt: readonly number[]): Promise<string> {
  let requests = 0
  http = createServer(async (request, response) => {
    const parts: Uint8Array[] = []
    for await (const part of request) parts.push(part as Uint8Array)
    requests += 1
    const answer = await server.omads({
      bytes: new Uint8Array(Buffer.concat(parts)),
      contentType: request.headers['content-type'] ?? '',
      url: request.url ?? '',
      host: request.headers.host ?? '',
      remoteAddress: request.socket.remoteAddress ?? '',
    })
    if (cutAt.includes(requests)) return request.socket.destroy()
    response.writeHead(answer.status, { 'content-type': answer.contentType ?? 'text/plain' }).end(answer.bytes)
    return response
  })
  await new Promise<void>((done) => http?.listen(0, '127.0.0.1', done))
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}/omads`
}

describe('[DC-12] over HTTP', () => {
  it.each([[[]], [[1, 3]], [[2, 3, 5]]])('requests %j are cut, the Item arrives', async (cutAt) => {
    const server = omadsServer()
    const serverUrl = await listen(server, cutAt)
    const { fetch, close } = createNodeFetch()
    closers.push(close)
    const ports = { ...sessionPorts(server, lossyNetwork(server), memoryKeyStore()), fetch }
    const whole = content(2_500_000)
    const result = await runSession(ports, { ...requestOf(sending(whole, 203, 65_536)), serverUrl })
    expect(result).toMatchObject({ outcome: 'accepted', itemStatus: 201 })
    expect(stored(server).equals(Buffer.from(whole))).toBe(true)
    expect(server.store.events).toEqual(['put delta', 'finish'])
    expect(server.errors).toEqual([])
  })
})
