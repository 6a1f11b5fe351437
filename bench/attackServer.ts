/** The server of the attack bench, and the honest device that is measured. */

import { randomBytes } from 'node:crypto'
import { hostileDevice } from '../test/hostile/hostileServer.ts'
import { fileOf, HONEST_SQL, honestDelta } from '../test/hostile/material.ts'
import { startServer } from '../test/support/startServer.ts'

/** `nightferry serve` on a folder of its own. */
export const openBenchServer = () =>
  startServer({ args: ['--log-level', 'silent', '--worker-timeout-ms', '20000', '--request-timeout-ms', '10000'] })

/** A new account with one device, by the calls that anybody makes. */
export async function newDevice(url: string) {
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

const measured = new Map<string, Awaited<ReturnType<typeof newDevice>>>()

/** Small backups (two rows) one after the other for `windowMs`; the milliseconds each took. */
export async function honestNights(url: string, windowMs: number): Promise<number[]> {
  const device = measured.get(url) ?? (await newDevice(url))
  measured.set(url, device)
  const times: number[] = []
  const end = performance.now() + windowMs
  let night = 8
  const file = fileOf(HONEST_SQL)
  while (performance.now() < end) {
    // Seven nights, then the chain begins again with a full backup, which is not measured.
    if (night > 6) {
      const begun = await device.sendFile(file)
      if (begun.item !== 200) throw new Error(`no full backup: ${JSON.stringify(begun)}`)
      night = 1
    }
    const started = performance.now()
    const answer = await device.sendChain(honestDelta(device, [night, night + 1]), [night, night + 1])
    times.push(performance.now() - started)
    if (answer.item !== 200) throw new Error(`no backup: ${JSON.stringify(answer)}`)
    night++
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return times
}
