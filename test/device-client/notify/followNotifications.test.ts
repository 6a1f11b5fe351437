/** The agent's side of notifications, against a server made by hand and a clock that jumps to the end of each wait. */

import { describe, expect, it } from 'vitest'
import { createAgentRecords } from '../../../device-client/agentRecords.ts'
import { followNotifications } from '../../../device-client/notify/followNotifications.ts'
import { judgeNotification, wantedBackups } from '../../../device-client/notify/judgeNotification.ts'
import type { FetchReply, Log } from '../../../device-client/ports.ts'
import { CodedError, type ErrorCode } from '../../../schemas/errors.ts'
import { ha1 } from '../../../schemas/syncml/credential.ts'
import type { AlertedSync } from '../../../schemas/syncml/notification.ts'
import { encodeWakeUp } from '../../../schemas/syncml/wakeUp.ts'
import { memoryKeyStore } from '../../support/lossyFetch.ts'

const key = ha1('anna', 'the secret')
const syncs: readonly AlertedSync[] = [{ type: 207, contentType: 0, serverUri: './databases/app' }]

function octetsOf(issuedAt: number, more: { serverId?: string; key?: string } = {}): Uint8Array {
  const wakeUp = { serverId: more.serverId ?? 'srv', sessionId: 9, issuedAt, syncs }
  return encodeWakeUp(wakeUp, more.key ?? key)
}

const reply = (status: number, body?: unknown): FetchReply => ({
  status,
  header: () => null,
  bytes: async () => (body === undefined ? new Uint8Array() : new Uint8Array(Buffer.from(JSON.stringify(body)))),
})
const notice = (octets: Uint8Array) => reply(200, { issuedAt: 0, notification: Buffer.from(octets).toString('base64') })
const problem = (status: number, code: ErrorCode) => reply(status, { code })

/**
 * Follows until all `answers` of the server were given; one that is a number takes so many milliseconds and gives nothing.
 * `obey` may throw.
 */
async function follow(answers: readonly (FetchReply | number | Error)[], obey: () => void = () => undefined) {
  const records = createAgentRecords(memoryKeyStore())
  await records.setIdentity({ server: 'http://h', user: 'anna', device: 'd', deviceId: 'd1' })
  await records.setSecret('the secret')
  const stop = Promise.withResolvers<void>()
  const world = {
    now: 0,
    queries: [] as string[],
    obeyed: [] as unknown[],
    lines: [] as string[],
    sleeps: [] as number[],
  }
  const line =
    (level: string): Log['info'] =>
    (message, fields) =>
      void world.lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
  const rest = [...answers]
  await followNotifications(
    {
      records,
      random: { bytes: (length) => new Uint8Array(length).fill(255) },
      log: { debug: line('debug'), info: line('info'), warn: line('warn') },
      clock: {
        now: () => world.now,
        sleep: async (ms) => {
          world.sleeps.push(ms)
          world.now += ms
        },
      },
      fetch: async (url) => {
        if (url.endsWith('/login')) return reply(200, { accessToken: 't', expiresIn: 600 })
        world.queries.push(url.replace(/^.*\?/, ''))
        const answer = rest.shift()
        if (rest.length === 0) stop.resolve()
        if (answer instanceof Error) throw answer
        if (typeof answer === 'object') return answer
        world.now += answer ?? 0
        return reply(204)
      },
    },
    {
      stopped: stop.promise,
      obey: async (wanted) => {
        world.obeyed.push(wanted)
        obey()
      },
    },
  )
  return { ...world, last: await records.lastNotification() }
}

const away = new CodedError('network.unreachable', 'away')

describe('the agent', () => {
  it('[DC-80, DC-83] waits, obeys, and says by the next request what is done with', async () => {
    const { queries, obeyed, last } = await follow([50_000, notice(octetsOf(7)), 50_000, 50_000])
    expect(queries).toEqual(['wait=50&after=0', 'wait=50&after=0', 'wait=50&after=7', 'wait=50&after=7'])
    expect(obeyed).toEqual([syncs])
    expect(last).toEqual({ serverId: 'srv', issuedAt: 7 })
  })

  it('[DC-80] tries again after growing pauses while the server is away, and says so once', async () => {
    const unknown = problem(404, 'protocol.unknown-path')
    const { sleeps, lines } = await follow([away, unknown, reply(502), ...Array(8).fill(away), 50_000, away, 1, 1])
    expect(sleeps.map((ms) => Math.round(ms / 1000))).toEqual([
      ...[5, 10, 20, 40, 80, 160, 319, 639, 898, 898, 898],
      ...[5, 5],
    ])
    expect(lines.filter((text) => text.startsWith('warn'))).toHaveLength(2)
  })

  it('[DC-80] pauses after an answer before its time', async () => {
    const { sleeps } = await follow([0, 2000, 5000, 50_000, 1])
    expect(sleeps).toEqual([5000, 3000])
  })

  it('[DC-81] obeys nobody but its own server, each word once, and says so each time', async () => {
    const answers = [
      notice(octetsOf(5, { key: ha1('anna', 'another') })),
      notice(octetsOf(6, { key: ha1('anna', 'another') })),
      notice(octetsOf(7)),
      notice(octetsOf(7)),
      notice(octetsOf(6)),
      notice(octetsOf(8, { serverId: 'another' })),
      notice(octetsOf(9).subarray(0, 20)),
      reply(200, { notification: '?' }),
      reply(200, []),
      notice(octetsOf(10)),
      50_000,
    ]
    const { obeyed, lines, last } = await follow(answers)
    expect(obeyed).toHaveLength(2)
    expect(last).toEqual({ serverId: 'srv', issuedAt: 10 })
    const said = lines.filter((text) => /obeyed before|another server|digest/.test(text))
    expect(said.map((text) => text.split(' ')[0])).toEqual(['warn', 'warn', 'warn', 'warn', 'warn'])
    for (const [octets, before] of [
      [octetsOf(7), { serverId: 'srv', issuedAt: 7 }],
      [octetsOf(8, { serverId: 'x' }), { serverId: 'srv', issuedAt: 7 }],
    ] as const)
      expect(() => judgeNotification(octets, key, before)).toThrow(CodedError)
  })

  it('[DC-83] what failed for a reason that passes comes again; any other failure is done with', async () => {
    const failures = [new CodedError('database.locked', 'held'), new CodedError('database.invalid', 'damaged')]
    const { obeyed, last, sleeps } = await follow([notice(octetsOf(7)), notice(octetsOf(7)), 50_000, 1], () => {
      const failure = failures.shift()
      if (failure) throw failure
    })
    expect([obeyed.length, last?.issuedAt, Math.round((sleeps[0] ?? 0) / 1000)]).toEqual([2, 7, 5])
  })

  it('[DC-82] takes from a notification what it has: everything, or databases by name, whole or not', () => {
    const of = (type: AlertedSync['type'], serverUri: string): AlertedSync => ({ type, contentType: 0, serverUri })
    const databases = ['app', 'my app']
    expect(wantedBackups([], databases)).toEqual([
      { database: 'app', full: false },
      { database: 'my app', full: false },
    ])
    expect(wantedBackups([of(208, './databases/my%20app'), of(207, './databases/gone')], databases)).toEqual([
      { database: 'my app', full: true },
    ])
    expect(wantedBackups([of(206, './databases/app'), of(210, './databases/app')], databases)).toEqual([])
  })
})
