/** The operator's gateway, a real HTTP server that obeys or not, and what it is asked again. */

import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest'
import { decodeMessage } from '../../../schemas/syncml/codec.ts'
import { decodeNotification } from '../../../schemas/syncml/notification.ts'
import { openWakeUp } from '../../../schemas/syncml/wakeUp.ts'
import { createDispatcher, PUSH_LIFE_MS, PUSH_PAUSES_MS } from '../../../server/push/dispatch.ts'
import { SIGNATURE_HEADER, signBody } from '../../../server/push/signedPost.ts'
import { createWebhook } from '../../../server/push/webhook.ts'
import { DEVICE, HA1, openPushBench, type PushBench } from './pushParts.ts'

const secret = 's'.repeat(32)

interface Form {
  readonly version: string
  readonly type: string
  readonly digest: string
  readonly data: string
}

/** A gateway that keeps what it was sent and answers as `answer` says. */
async function openGateway(context: Pick<TestContext, 'onTestFinished'>, answer: (response: ServerResponse) => void) {
  const received: { readonly body: string; readonly request: IncomingMessage }[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += String(chunk)
    })
    request.on('end', () => {
      received.push({ body, request })
      answer(response)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/wake`, received }
}

function connect(bench: PushBench, url: string, timeoutMs?: number) {
  const { notifications, knownLogins, clock, log } = bench
  const stop = new AbortController()
  const webhook = createWebhook({
    ...{ url, secret, knownLogins, clock, serverId: 'srv', pushServerId: 'http://sync.example/omads' },
    ...{ stopped: stop.signal, ...(timeoutMs !== undefined && { timeoutMs }) },
  })
  const longPoll = { push: async () => undefined }
  return { webhook, stop, dispatch: createDispatcher({ notifications, longPoll, webhook, clock, log }) }
}

describe('the webhook', () => {
  it('[PU-6, PU-8] gives all forms of the notification, signed', async (context) => {
    const bench = await openPushBench(context)
    const { url, received } = await openGateway(context, (response) => response.writeHead(202).end('thanks'))
    const { dispatch } = connect(bench, url)
    const syncs = [{ type: 206, contentType: 7, serverUri: 'card' }] as const
    const issued = await bench.notifications.issue({ ...DEVICE, sessionId: 7, syncs }, bench.time.now)
    await dispatch()
    await dispatch()
    expect(received).toHaveLength(1)
    const [{ body, request } = { body: '', request: undefined }] = received
    const expected = createHmac('sha256', secret).update(`${bench.time.now}.${body}`).digest('hex')
    expect(request?.headers[SIGNATURE_HEADER]).toBe(`t=${bench.time.now},v1=${expected}`)
    expect(signBody('another', bench.time.now, body)).not.toContain(expected)
    const { forms, ...head } = JSON.parse(body) as { forms: readonly Form[] }
    expect(head).toEqual({ ...DEVICE, accountName: 'anna', issuedAt: issued.issuedAt })
    expect(forms.map(({ version, digest, type }) => [version, digest, type])).toEqual([
      ['1.2', 'device', 'application/vnd.syncml.ds.notification'],
      ['1.2', 'none', 'application/vnd.syncml.ds.notification'],
      ['1.1', 'none', 'application/vnd.syncml+wbxml'],
      ['1.1', 'none', 'application/vnd.syncml+xml'],
    ])
    const [own, plain, wbxml, xml] = forms.map(({ data }) => new Uint8Array(Buffer.from(data, 'base64')))
    expect(openWakeUp(own as Uint8Array, HA1)).toMatchObject({ serverId: 'srv', sessionId: 7, syncs })
    expect(Buffer.from((plain as Uint8Array).subarray(0, 16)).equals(Buffer.alloc(16))).toBe(true)
    expect(decodeNotification(plain as Uint8Array)).toEqual({
      ...{ version: 12, uiMode: 'background', initiator: 'server', sessionId: 7 },
      ...{ serverId: 'http://sync.example/omads', syncs },
    })
    const message = decodeMessage(wbxml as Uint8Array, 'wbxml')
    expect(message).toEqual(decodeMessage(xml as Uint8Array, 'xml'))
    expect(message.header).toMatchObject({ sessionId: '7', target: { locUri: DEVICE.deviceId } })
    expect((await bench.notifications.get(DEVICE))?.pushedAt).toBe(bench.time.now)
  })

  it('[PU-8] has no form of 1.1 where no datastore is named', async (context) => {
    const bench = await openPushBench(context)
    const { url, received } = await openGateway(context, (response) => response.writeHead(200).end())
    await bench.notifications.issue({ ...DEVICE, sessionId: 7, syncs: [] }, bench.time.now)
    await connect(bench, url).dispatch()
    expect((JSON.parse(received[0]?.body ?? '') as { forms: readonly Form[] }).forms).toHaveLength(2)
  })

  it.each([
    ['answers 500', (response: ServerResponse) => response.writeHead(500).end()],
    ['sends elsewhere', (response: ServerResponse) => response.writeHead(302, { location: '/wake' }).end()],
    ['hangs up', (response: ServerResponse) => response.destroy()],
    ['does not answer', () => undefined],
    ['answers without end', (response: ServerResponse) => response.writeHead(503).write('x'.repeat(100_000))],
  ])('[PU-6] a gateway that %s has not taken it, and was asked once', async (_what, answer) => {
    const context = { onTestFinished }
    const bench = await openPushBench(context)
    const { url, received } = await openGateway(context, answer)
    const { webhook } = connect(bench, url, 300)
    const issued = await bench.notifications.issue({ ...DEVICE, sessionId: 7, syncs: [] }, bench.time.now)
    await expect(webhook.push(issued)).rejects.toMatchObject({ code: 'network.unreachable' })
    expect(received).toHaveLength(1)
  })

  it('[PU-7] is asked again with growing pauses, then no more, and again for a newer notification', async (context) => {
    const bench = await openPushBench(context)
    const { url, received } = await openGateway(context, (response) => response.writeHead(500).end())
    const { dispatch } = connect(bench, url)
    await bench.notifications.issue({ ...DEVICE, sessionId: 7, syncs: [] }, bench.time.now)
    await dispatch()
    for (const [index, pauseMs] of PUSH_PAUSES_MS.entries()) {
      bench.time.now += pauseMs - 1
      await dispatch()
      expect(received).toHaveLength(index + 1)
      bench.time.now += 1
      await dispatch()
      expect(received).toHaveLength(index + 2)
    }
    bench.time.now += 3_600_000
    await dispatch()
    expect(received).toHaveLength(PUSH_PAUSES_MS.length + 1)
    expect(bench.lines.filter((line) => line.startsWith('notification given up'))).toHaveLength(1)
    await bench.notifications.issue({ ...DEVICE, sessionId: 8, syncs: [] }, bench.time.now)
    await dispatch()
    expect(received).toHaveLength(PUSH_PAUSES_MS.length + 2)
  })

  it('[PU-7] is not asked for what the device took, or for what is too old', async (context) => {
    const bench = await openPushBench(context)
    const { url, received } = await openGateway(context, (response) => response.writeHead(200).end())
    const { dispatch } = connect(bench, url)
    const { issuedAt } = await bench.notifications.issue({ ...DEVICE, sessionId: 7, syncs: [] }, bench.time.now)
    await bench.notifications.take(DEVICE, issuedAt, bench.time.now)
    await dispatch()
    await bench.notifications.issue({ ...DEVICE, sessionId: 8, syncs: [] }, bench.time.now)
    bench.time.now += PUSH_LIFE_MS + 10
    await dispatch()
    expect(received).toHaveLength(0)
  })

  it('[PU-4] one that hangs keeps no request waiting', async (context) => {
    const bench = await openPushBench(context)
    const { url } = await openGateway(context, () => undefined)
    const { webhook, stop } = connect(bench, url)
    const { notifications, clock, log } = bench
    const told: number[] = []
    const longPoll = { push: async ({ sessionId }: { sessionId: number }) => void told.push(sessionId) }
    const dispatch = createDispatcher({ notifications, longPoll, webhook, clock, log })
    await notifications.issue({ ...DEVICE, sessionId: 7, syncs: [] }, bench.time.now)
    const hanging = dispatch()
    while (told.length === 0) await new Promise(setImmediate)
    await notifications.issue({ ...DEVICE, sessionId: 8, syncs: [] }, bench.time.now)
    const second = dispatch()
    while (!told.includes(8)) await new Promise(setImmediate)
    stop.abort()
    await Promise.all([hanging, second])
    expect((await notifications.get(DEVICE))?.sessionId).toBe(8)
  })
})
