/** HTTP exchanges against a real server on loopback, well and badly behaved. */

import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import net from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createNodeFetch, type NodeFetchOptions } from '../../../device-client/node/fetch.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

async function serve(handler: http.RequestListener): Promise<{ url: string; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>()
  const server = http.createServer(handler)
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets }
}

function client(options: NodeFetchOptions = {}) {
  const made = createNodeFetch(options)
  closers.push(made.close)
  return made.fetch
}

describe('an exchange', () => {
  it('carries headers and bytes both ways over one connection', async () => {
    const { url, sockets } = await serve((request, response) => {
      const chunks: Uint8Array[] = []
      request.on('data', (chunk) => chunks.push(chunk))
      request.on('end', () => {
        response.writeHead(201, { 'x-echo': request.headers['x-ask'] ?? '' })
        response.end(Buffer.concat(chunks))
      })
    })
    const fetch = client()
    const body = new Uint8Array([0, 1, 254, 255])
    for (let round = 0; round < 3; round++) {
      const reply = await fetch(`${url}/omads`, { method: 'POST', headers: { 'x-ask': 'yes' }, body })
      expect([reply.status, reply.header('X-Echo'), reply.header('absent')]).toEqual([201, 'yes', null])
      expect(await reply.bytes()).toEqual(body)
    }
    expect(sockets.size).toBe(1)
  })

  it('repeats once on a fresh connection when a kept one was closed by the server', async () => {
    const { url, sockets } = await serve((_request, response) => void response.end('ok'))
    const fetch = client()
    await fetch(url, { method: 'GET', headers: {} })
    for (const socket of sockets) socket.destroy()
    expect((await fetch(url, { method: 'GET', headers: {} })).status).toBe(200)
  })

  it('is network.unreachable where nobody listens, nobody answers, or the answer is cut off', async () => {
    const closed = net.createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => closed.once('listening', resolve))
    const port = (closed.address() as AddressInfo).port
    await new Promise((resolve) => closed.close(resolve))
    const unreachable = { code: 'network.unreachable' }
    await expect(client()(`http://127.0.0.1:${port}`, { method: 'GET', headers: {} })).rejects.toMatchObject(
      unreachable,
    )

    const silent = await serve(() => undefined)
    const patient = client({ idleTimeoutMs: 100 })
    await expect(patient(silent.url, { method: 'GET', headers: {} })).rejects.toMatchObject(unreachable)

    const cut = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('half')
      setTimeout(() => response.destroy(), 20)
    })
    await expect(client()(cut.url, { method: 'GET', headers: {} })).rejects.toMatchObject(unreachable)
  })

  it('refuses a body above the limit and an address that is none', async () => {
    const { url } = await serve((_request, response) => void response.end(Buffer.alloc(2000)))
    const small = client({ maxReplyBytes: 1000 })
    await expect(small(url, { method: 'GET', headers: {} })).rejects.toMatchObject({ code: 'protocol.too-large' })
    await expect(small('backup.example', { method: 'GET', headers: {} })).rejects.toMatchObject({
      code: 'config.invalid',
    })
  })
})
