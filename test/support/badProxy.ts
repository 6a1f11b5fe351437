/**
 * A proxy on loopback that treats HTTP as a bad network does: requests and answers are lost, come late, or reach the
 * server again, at once or after others. What it did follows from its chance.
 */

import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What happens to one exchange. */
export type Misfortune = 'none' | 'lose-request' | 'lose-answer' | 'twice' | 'again-later' | 'late' | 'cut-answer'

export interface BadProxy {
  readonly url: string
  /** How often what happened. */
  readonly counts: Map<Misfortune, number>
  /** Waits for what is still to arrive again. */
  settled(): Promise<void>
  close(): Promise<void>
}

const LATE_MS = 150
const LATER_MS = 700

/** A proxy before the server at `target`; `next` says what happens to the next exchange. */
export async function openBadProxy(target: string, next: () => Misfortune): Promise<BadProxy> {
  const counts = new Map<Misfortune, number>()
  const pending = new Set<Promise<unknown>>()
  const forward = (
    message: IncomingMessage,
    body: Buffer,
  ): Promise<{ status: number; headers: object; body: Buffer }> =>
    new Promise((resolve, reject) => {
      const { method = 'GET', url = '/', headers } = message
      const sent = request(new URL(url, target), { method, headers }, (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 502, headers: answer.headers, body: Buffer.concat(chunks) }),
        )
        answer.on('error', reject)
      })
      sent.on('error', reject)
      sent.end(body)
    })
  const again = (message: IncomingMessage, body: Buffer, afterMs: number): void => {
    const work = sleep(afterMs)
      .then(() => forward(message, body))
      .catch(() => undefined)
      .finally(() => pending.delete(work))
    pending.add(work)
  }
  const handle = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = Buffer.concat(await message.toArray())
    const fate = next()
    counts.set(fate, (counts.get(fate) ?? 0) + 1)
    if (fate === 'lose-request') return void response.destroy()
    if (fate === 'twice') again(message, body, 0)
    if (fate === 'again-later') again(message, body, LATER_MS)
    if (fate === 'late') await sleep(LATE_MS)
    const answer = await forward(message, body)
    if (fate === 'lose-answer') return void response.destroy()
    response.writeHead(answer.status, { ...answer.headers })
    if (fate !== 'cut-answer') return void response.end(answer.body)
    response.write(answer.body.subarray(0, answer.body.length / 2), () => response.destroy())
  }
  const server = createServer((message, response) => void handle(message, response).catch(() => response.destroy()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts,
    settled: async () => {
      await Promise.all(pending)
    },
    close: async () => {
      await Promise.all(pending)
      server.closeAllConnections()
      server.close()
    },
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
