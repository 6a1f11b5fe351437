/**
 * Notes the messages of devices that are traced (TR-2, TR-5), and switches traces (TR-1, TR-6).
 */

import { CodedError } from '../../schemas/errors.ts'
import type { DeviceTrace, TracedExchange } from '../../schemas/http/operator.ts'
import { MAX_TRACED_CHARS, MAX_TRACED_DEVICES } from '../../schemas/limits.ts'
import type { Logger } from '../logger.ts'
import type { TraceFiles, TraceOwner } from './traceFiles.ts'
import type { TraceRow, Traces } from './traces.ts'

/** How old the word about who is traced may be. */
const FRESH_MS = 1000

/** Exchanges that may wait to be noted. */
const MAX_WAITING = 64

/** How long messages stay after their trace ended. */
export const TRACE_KEPT_MS = 7 * 24 * 3_600_000

/** One message of a client, and what it was answered. */
export interface Exchange {
  /** As the message claims. */
  readonly deviceId: string
  readonly sessionId: string
  readonly msgId: number
  readonly remoteAddress: string
  readonly encoding: 'xml' | 'wbxml'
  readonly received: Uint8Array
  /** Absent if there was no SyncML to answer with. */
  readonly sent?: Uint8Array
}

export interface TracerParts {
  readonly traces: Traces
  readonly files: TraceFiles
  /** A message as text, redacted. @throws {CodedError} if it cannot be read. */
  show(bytes: Uint8Array, from: string): Promise<string>
  /** Milliseconds since 1970. */
  readonly clock: () => number
  readonly log: Logger
}

export interface Tracer {
  /** Notes an exchange if its device is traced. Returns at once and never throws. */
  note(exchange: Exchange): void
  /**
   * Traces a device from now on for `durationMs`; 0 ends it.
   *
   * @throws {CodedError} `trace.limited` if as many devices are traced as may be.
   */
  set(owner: TraceOwner, durationMs: number): Promise<TraceRow>
  /** What is kept of a device's trace. */
  read(owner: TraceOwner): Promise<DeviceTrace>
  /** Removes what nobody can read any more. */
  sweep(): Promise<void>
  /** Fulfilled when all that waited is noted. */
  idle(): Promise<void>
}

export function createTracer(parts: TracerParts): Tracer {
  const { traces, files, clock, log } = parts
  let known: { readonly rows: readonly TraceRow[]; readonly readAt: number } | undefined
  let last: Promise<void> = Promise.resolve()
  let waiting = 0
  const rowsNow = async (): Promise<readonly TraceRow[]> => {
    const now = clock()
    if (known === undefined || Math.abs(now - known.readAt) >= FRESH_MS)
      known = { rows: await traces.list(), readAt: now }
    return known.rows.filter(({ until }) => now < until)
  }
  const noteOne = async (exchange: Exchange, at: number): Promise<void> => {
    for (const row of (await rowsNow()).filter(({ deviceId }) => deviceId === exchange.deviceId)) {
      await files.add(row, await describe(parts, exchange, 'received', exchange.received, at))
      if (exchange.sent) await files.add(row, await describe(parts, exchange, 'sent', exchange.sent, at))
    }
  }
  return {
    note: (exchange) => {
      // Most of the time nobody is traced, and that was looked at just now.
      if (waiting >= MAX_WAITING || (known?.rows.length === 0 && clock() - known.readAt < FRESH_MS)) return
      waiting += 1
      const at = clock()
      last = last
        .then(() => noteOne(exchange, at))
        .catch((error: unknown) => log.warn('a message could not be traced', { error }))
        .finally(() => {
          waiting -= 1
        })
    },
    set: async (owner, durationMs) => {
      const now = clock()
      const held = await traces.get(owner.accountId, owner.deviceId)
      const active = held !== undefined && now < held.until
      if (
        !active &&
        durationMs > 0 &&
        (await traces.list()).filter(({ until }) => now < until).length >= MAX_TRACED_DEVICES
      )
        throw new CodedError('trace.limited', `${MAX_TRACED_DEVICES} devices are traced already`)
      // Ending it keeps what was noted readable; beginning anew leaves the old behind.
      const since = active || durationMs === 0 ? (held?.since ?? now) : now
      const row = { accountId: owner.accountId, deviceId: owner.deviceId, since, until: now + durationMs }
      await traces.put(row)
      known = undefined
      return row
    },
    read: async (owner) => {
      const row = await traces.get(owner.accountId, owner.deviceId)
      if (row === undefined) return { since: 0, until: 0, messages: [] }
      return { since: row.since, until: row.until, messages: await files.list(owner, row.since) }
    },
    sweep: async () => {
      for (const row of await traces.list()) {
        const over = row.until + TRACE_KEPT_MS <= clock()
        await files.removeBefore(row, over ? Number.POSITIVE_INFINITY : row.since)
        if (over) await traces.remove(row.accountId, row.deviceId)
      }
    },
    idle: () => last,
  }
}

async function describe(
  { show }: TracerParts,
  exchange: Exchange,
  direction: TracedExchange['direction'],
  bytes: Uint8Array,
  at: number,
): Promise<TracedExchange> {
  const { sessionId, msgId, encoding, remoteAddress } = exchange
  const head = { at, direction, sessionId, msgId, encoding, remoteAddress, sizeBytes: bytes.length }
  try {
    const xml = await show(bytes, remoteAddress)
    return { ...head, xml: xml.slice(0, MAX_TRACED_CHARS), cut: xml.length > MAX_TRACED_CHARS }
  } catch (cause) {
    // That it cannot be read, or not now, is worth a line too.
    if (cause instanceof CodedError) return { ...head, xml: '', cut: true }
    throw cause
  }
}
