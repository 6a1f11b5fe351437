/** Traces: whose messages are noted, for how long, how many, and that nothing readable rests on disk. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, type TestContext } from 'vitest'
import { CodedError } from '../../../schemas/errors.ts'
import { MAX_TRACE_MESSAGES, MAX_TRACED_CHARS, MAX_TRACED_DEVICES } from '../../../schemas/limits.ts'
import { openCatalogue } from '../../../server/catalogue/sqlite/openCatalogue.ts'
import { sqlTraces } from '../../../server/catalogue/sqlite/traces.ts'
import { openKeyRing } from '../../../server/keys/openKeyRing.ts'
import { openFileStorage } from '../../../server/storage/fileStorage.ts'
import { createTraceFiles } from '../../../server/trace/traceFiles.ts'
import { createTracer, type Exchange, TRACE_KEPT_MS, type TracerParts } from '../../../server/trace/tracer.ts'

const PHONE = { accountId: 'a1', deviceId: 'IMEI:1' }
const HOUR_MS = 3_600_000

async function open({ onTestFinished }: TestContext, show: TracerParts['show'] = async (bytes) => String(bytes)) {
  const folder = mkdtempSync(join(tmpdir(), 'nightferry-tracer-'))
  const { keyRing } = openKeyRing({ dataDir: folder })
  const db = await openCatalogue(folder, keyRing)
  onTestFinished(async () => {
    await db.destroy()
    rmSync(folder, { recursive: true, force: true })
  })
  const time = { now: 1_000_000 }
  const lines: string[] = []
  const line = (message: string): void => void lines.push(message)
  const log = { debug: line, info: line, warn: line, error: line }
  const traces = sqlTraces(db)
  /** A server on the folder; a second one is another process, or this one after a restart. */
  const start = () => {
    const files = createTraceFiles(openFileStorage(join(folder, 'traces')), keyRing)
    return createTracer({ traces, files, show, log, clock: () => time.now })
  }
  const stored = () =>
    readdirSync(join(folder, 'traces'), { recursive: true, withFileTypes: true }).filter((e) => e.isFile())
  return { time, lines, folder, start, stored, tracer: start() }
}

function exchange(received: string, more: Partial<Exchange> = {}): Exchange {
  return {
    ...{ deviceId: PHONE.deviceId, sessionId: '5', msgId: 1, remoteAddress: '10.0.0.1', encoding: 'wbxml' },
    ...{ received: Buffer.from(received), ...more },
  }
}

describe('a trace', () => {
  it('[TR-1, TR-2] notes both ways of the one device, until it ends by itself', async (context) => {
    const { tracer, time } = await open(context)
    tracer.note(exchange('before'))
    await tracer.idle()
    expect(await tracer.set(PHONE, HOUR_MS)).toEqual({ ...PHONE, since: time.now, until: time.now + HOUR_MS })
    tracer.note(exchange('question', { sent: Buffer.from('answer') }))
    tracer.note(exchange('other', { deviceId: 'IMEI:2' }))
    time.now += HOUR_MS - 1
    tracer.note(exchange('late'))
    await tracer.idle()
    time.now += 1
    tracer.note(exchange('too late'))
    await tracer.idle()
    const { messages } = await tracer.read(PHONE)
    expect(messages.map(({ direction, xml }) => [direction, xml])).toEqual([
      ['received', 'question'],
      ['sent', 'answer'],
      ['received', 'late'],
    ])
    expect(messages[0]).toEqual({
      ...{ at: 1_000_000, direction: 'received', sessionId: '5', msgId: 1, encoding: 'wbxml', xml: 'question' },
      ...{ remoteAddress: '10.0.0.1', sizeBytes: 8, cut: false },
    })
  })

  it('[TR-1] is switched by another process within a second, and outlives a restart', async (context) => {
    const { tracer, start, time } = await open(context)
    tracer.note(exchange('nobody is traced'))
    await tracer.idle()
    await start().set(PHONE, HOUR_MS)
    time.now += 1000
    tracer.note(exchange('one'))
    await tracer.idle()
    time.now += 1
    const restarted = start()
    restarted.note(exchange('two'))
    await restarted.idle()
    await start().set(PHONE, 0)
    time.now += 1000
    restarted.note(exchange('three'))
    await restarted.idle()
    expect((await tracer.read(PHONE)).messages.map(({ xml }) => xml)).toEqual(['one', 'two'])
  })

  it('[TR-1] is one of a few', async (context) => {
    const { tracer, time } = await open(context)
    for (let index = 0; index < MAX_TRACED_DEVICES; index++)
      await tracer.set({ ...PHONE, deviceId: `IMEI:${index}` }, HOUR_MS)
    const another = { ...PHONE, deviceId: 'another' }
    await expect(tracer.set(another, HOUR_MS)).rejects.toMatchObject({ code: 'trace.limited' })
    await tracer.set({ ...PHONE, deviceId: 'IMEI:3' }, 2 * HOUR_MS)
    time.now += HOUR_MS
    await tracer.set(another, HOUR_MS)
  })

  it('[TR-6] can be read for a week after its end, and is forgotten when it begins anew', async (context) => {
    const { tracer, time, stored } = await open(context)
    const texts = async () => (await tracer.read(PHONE)).messages.map(({ xml }) => xml)
    await tracer.set(PHONE, HOUR_MS)
    tracer.note(exchange('first'))
    await tracer.idle()
    time.now += 2 * HOUR_MS
    await tracer.sweep()
    expect(await texts()).toEqual(['first'])
    await tracer.set(PHONE, HOUR_MS)
    tracer.note(exchange('second'))
    await tracer.idle()
    expect(await texts()).toEqual(['second'])
    await tracer.sweep()
    expect(stored()).toHaveLength(1)
    time.now += HOUR_MS + TRACE_KEPT_MS
    await tracer.sweep()
    expect(stored()).toHaveLength(0)
    expect(await tracer.read(PHONE)).toEqual({ since: 0, until: 0, messages: [] })
  })
})

describe('what is kept', () => {
  it('[TR-3] is sealed: nothing of it is readable, and nothing can be changed or moved', async (context) => {
    const { tracer, folder, stored } = await open(context)
    await tracer.set(PHONE, HOUR_MS)
    tracer.note(exchange('addressbook?name=Ann'))
    tracer.note(exchange('second'))
    await tracer.idle()
    const paths = stored()
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
    const [first = '', second = ''] = paths
    for (const path of [...paths, folder]) expect(path).not.toContain('IMEI')
    expect(readFileSync(first, 'latin1')).not.toMatch(/Ann|received|IMEI/)
    const sealed = readFileSync(first)
    writeFileSync(first, readFileSync(second))
    await expect(tracer.read(PHONE)).rejects.toMatchObject({ code: 'storage.corrupt' })
    writeFileSync(first, sealed.with(20, (sealed[20] ?? 0) ^ 1))
    await expect(tracer.read(PHONE)).rejects.toMatchObject({ code: 'storage.corrupt' })
    writeFileSync(first, '')
    await expect(tracer.read(PHONE)).rejects.toMatchObject({ code: 'storage.corrupt' })
  })

  it('[TR-4] is the newest, also after a restart, each cut to what can be looked at', async (context) => {
    const { tracer, start, stored, time } = await open(context)
    await tracer.set(PHONE, HOUR_MS)
    const note = async (by: typeof tracer, from: number, to: number): Promise<void> => {
      for (let index = from; index < to; index++) {
        time.now += 1
        by.note(exchange(String(index)))
        await by.idle()
      }
    }
    await note(tracer, 0, MAX_TRACE_MESSAGES)
    const restarted = start()
    await note(restarted, MAX_TRACE_MESSAGES, MAX_TRACE_MESSAGES + 3)
    const texts = (await tracer.read(PHONE)).messages.map(({ xml }) => Number(xml))
    expect(texts).toEqual(Array.from({ length: MAX_TRACE_MESSAGES }, (_, index) => index + 3))
    expect(stored()).toHaveLength(MAX_TRACE_MESSAGES)
    time.now += 1
    restarted.note(exchange('x'.repeat(MAX_TRACED_CHARS + 1)))
    await restarted.idle()
    const last = (await tracer.read(PHONE)).messages.at(-1)
    expect([last?.xml.length, last?.cut, last?.sizeBytes]).toEqual([MAX_TRACED_CHARS, true, MAX_TRACED_CHARS + 1])
  })

  it('[TR-4] is 8 MiB at most', async (context) => {
    const { tracer, stored, time } = await open(context)
    await tracer.set(PHONE, HOUR_MS)
    for (let index = 0; index < 150; index++) {
      time.now += 1
      tracer.note(exchange('x'.repeat(MAX_TRACED_CHARS)))
      await tracer.idle()
    }
    expect(stored().length).toBe(127)
  })
})

describe('tracing', () => {
  it('[TR-5] keeps nobody waiting: what is too much is left out, what cannot be shown is said', async (context) => {
    const gate = Promise.withResolvers<void>()
    const { tracer, time } = await open(context, async (bytes) => {
      await gate.promise
      if (String(bytes) === 'broken') throw new CodedError('protocol.malformed', 'no message')
      return String(bytes)
    })
    await tracer.set(PHONE, HOUR_MS)
    tracer.note(exchange('broken'))
    for (let index = 0; index < 100; index++) tracer.note(exchange(String(index)))
    gate.resolve()
    await tracer.idle()
    const { messages } = await tracer.read(PHONE)
    expect(messages).toHaveLength(64)
    expect(messages[0]).toMatchObject({ xml: '', cut: true, sizeBytes: 6 })
    time.now += 1
    tracer.note(exchange('again'))
    await tracer.idle()
    expect((await tracer.read(PHONE)).messages).toHaveLength(65)
  })

  it('[TR-5] that fails is logged, and the next message is noted', async (context) => {
    let broken = true
    const { tracer, lines } = await open(context, async (bytes) => {
      if (broken) throw new Error('our mistake')
      return String(bytes)
    })
    await tracer.set(PHONE, HOUR_MS)
    tracer.note(exchange('one'))
    await tracer.idle()
    broken = false
    tracer.note(exchange('two'))
    await tracer.idle()
    expect(lines).toEqual(['a message could not be traced'])
    expect((await tracer.read(PHONE)).messages.map(({ xml }) => xml)).toEqual(['two'])
  })
})
