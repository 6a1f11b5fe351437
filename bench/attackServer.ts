/** The server of the attack bench, and the honest device that is measured. */

import { randomBytes } from 'node:crypto'
import { type HostileDevice, hostileDevice } from '../test/hostile/hostileServer.ts'
import { fileOf, HONEST_SQL, honestDelta } from '../test/hostile/material.ts'
import { startServer } from '../test/support/startServer.ts'

/** `nightferry serve` on a folder of its own. */
export const openBenchServer = () =>
  startServer({
    args: [
      '--log-level',
      'silent',
      '--worker-timeout-ms',
      '20000',
      '--request-timeout-ms',
      '10000',
      '--quota-device-sessions',
      '0',
    ],
  })

/** A new account with one device, by the calls that anybody makes. */
export async function newDevice(url: string): Promise<HostileDevice> {
  const name = `bench-${randomBytes(5).toString('hex')}`
  const password = randomBytes(9).toString('base64url')
  const post = async (path: string, body: object, token?: string) => {
    const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
    const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as Record<string, string>
  }
  const { accountId = '' } = await post('/accounts', { name, password })
  const { accessToken } = await post('/accounts/login', { name, password })
  const deviceId = `device-${randomBytes(8).toString('hex')}`
  const { secret = '' } = await post('/accounts/devices', { name: 'device', deviceId }, accessToken)
  return hostileDevice(url, { name, password, accountId, deviceId, secret })
}

/** How long to go on: at least so long, and at least so often. */
export interface Window {
  readonly leastMs: number
  readonly leastBackups: number
}

/** However slow the server is, a window ends. */
const MOST_WINDOWS = 4
const PAUSE_MS = 5

/** A device of `url` that takes small backups (two rows) one after the other; each call gives the milliseconds of each. */
export async function honestNights(url: string): Promise<(window: Window) => Promise<number[]>> {
  const device = await newDevice(url)
  const file = fileOf(HONEST_SQL)
  const nights = device.tokens.length - 2
  let night = nights + 1
  return async ({ leastMs, leastBackups }) => {
    const times: number[] = []
    const startedAt = performance.now()
    for (;;) {
      const tookMs = performance.now() - startedAt
      if (tookMs > MOST_WINDOWS * leastMs || (tookMs > leastMs && times.length >= leastBackups)) return times
      // So many nights, then the chain begins again with a full backup, which is not measured.
      if (night > nights) {
        const begun = await device.sendFile(file)
        if (begun.item !== 200) throw new Error(`no full backup: ${JSON.stringify(begun)}`)
        night = 1
      }
      const sentAt = performance.now()
      const answer = await device.sendChain(honestDelta(device, [night, night + 1]), [night, night + 1])
      times.push(performance.now() - sentAt)
      if (answer.item !== 200) throw new Error(`no backup: ${JSON.stringify(answer)}`)
      night++
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  }
}

/** What the server tells about its own process since the last look. */
export interface ServerLook {
  /** Processor time of the process that answers, its threads included, its workers not. */
  readonly cpuMs: number
  /** The longest the event loop was late, milliseconds. */
  readonly lateMs: number
}

/** How often the server's own clock looks: so much of its lateness is none. */
const LAG_RESOLUTION_MS = 10

/** Reads `/metrics`. */
export async function lookAtServer(url: string): Promise<ServerLook> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN)
  return {
    cpuMs: 1000 * value('process_cpu_seconds_total'),
    lateMs: Math.max(0, 1000 * value('nodejs_eventloop_lag_max_seconds') - LAG_RESOLUTION_MS),
  }
}

/** True if everything the server needs answers, within a second. */
export async function isReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(1000) }).catch(() => undefined)
  return response?.status === 200
}
