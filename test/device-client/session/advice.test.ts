/** What a device hears beside the protocol: a busy server that says when to come again, and quotas. */

import { describe, expect, it } from 'vitest'
import type { FetchReply } from '../../../device-client/ports.ts'
import { quotaError } from '../../../device-client/session/advice.ts'
import { PATIENCE_MS } from '../../../device-client/session/exchange.ts'
import { runSession } from '../../../device-client/session/runSession.ts'
import { content, requestOf, sending } from '../../support/deviceSession.ts'
import { lossyNetwork, memoryKeyStore, sessionPorts } from '../../support/lossyFetch.ts'
import { omadsServer } from '../../support/omadsPeer.ts'

const busy = (afterS: string): FetchReply => ({
  status: 503,
  header: (name) => (name === 'retry-after' ? afterS : null),
  bytes: async () => new Uint8Array(),
})

/** A session whose first `answers` are those of a server that is busy. */
async function session(answers: readonly string[]) {
  const server = omadsServer()
  const network = lossyNetwork(server)
  const waiting = [...answers]
  const told: string[] = []
  const ports = sessionPorts(server, network, memoryKeyStore())
  const from = server.time
  const run = runSession(
    {
      ...ports,
      log: { ...ports.log, info: (message) => void told.push(message) },
      fetch: async (url, init) => {
        const after = waiting.shift()
        return after === undefined ? network.fetch(url, init) : busy(after)
      },
    },
    requestOf(sending(content(1000))),
  )
  const result = await run.catch((error: unknown) => error)
  return { result, waitedMs: server.time - from, told }
}

describe('a server that has too much to do', () => {
  it('[DC-124, WF-38] is asked again when it says, which is no failed try', async () => {
    const { result, waitedMs, told } = await session(Array.from({ length: 20 }, () => '30'))
    expect(result).toMatchObject({ outcome: 'accepted' })
    expect(waitedMs).toBe(20 * 30_000)
    expect(told).toHaveLength(20)
  })

  it('[DC-124] is not waited for longer than 15 minutes in all', async () => {
    const { result, waitedMs } = await session(Array.from({ length: 1000 }, () => '60'))
    expect(result).toMatchObject({ code: 'session.busy' })
    expect(waitedMs).toBe(PATIENCE_MS)
    expect((await session(['100000'])).result).toMatchObject({ code: 'session.busy' })
    const hasty = await session(Array.from({ length: 5000 }, () => '0'))
    expect([hasty.waitedMs, hasty.result]).toEqual([PATIENCE_MS, expect.objectContaining({ code: 'session.busy' })])
  })

  it('[DC-124] a gateway that does not say when is tried as ever', async () => {
    const { result } = await session(Array.from({ length: 7 }, () => 'Fri, 21 Nov 2026 00:00:00 GMT'))
    expect(result).toMatchObject({ code: 'network.unreachable' })
  })
})

describe('[DC-123] a refusal', () => {
  const stored = { used: 950, limit: 1000, of: 'account' as const }
  const over = { used: 1300, limit: 1000, of: 'device' as const }
  const databases = { used: 5, limit: 5, of: 'device' as const }
  const sessions = { used: 60, limit: 60, of: 'device' as const }
  it.each([
    ['what is stored', { stored: over }, [420], 10, over],
    ['what would be stored', { stored }, [416], 60, stored],
    ['what would be stored, but it fits', { stored }, [416], 50, undefined],
    ['databases', { stored, databases }, [420], 10, databases],
    ['both', { stored: over, databases }, [420], 10, over],
    ['sessions', { sessions }, [417], 10, sessions],
    ['an upload', { uploadBytes: 100 }, [416, 416], 101, { used: 101, limit: 100, of: 'device' }],
    ['an upload within the quota', { uploadBytes: 100 }, [413], 100, undefined],
    ['a disk of the server that is full', {}, [420], 10, undefined],
    ['anything else', { stored: over, databases, sessions, uploadBytes: 1 }, [510, undefined], 10, undefined],
  ])('for %s says so', (_what, advice, statuses, sizeBytes, use) => {
    const error = quotaError(advice, { statuses, sizeBytes })
    expect(error?.fields).toEqual(use)
    expect(error?.code).toBe(use && 'quota.exceeded')
  })
})
