/**
 * Fetches from the server what the map assigns to this device, over each of its links; and, when nobody else will bring
 * it, what was assigned to others (DV-4). Measures each link while it is busy.
 */

import { parsePacketHeader } from '../../schemas/delivery/packetHeader.ts'
import type { Flight, LinkProgress } from '../../schemas/delivery/progress.ts'
import { numbersOf } from '../../schemas/delivery/segmentRanges.ts'
import { CodedError } from '../../schemas/errors.ts'
import type { SegmentEntry } from '../../schemas/restore/segmentMap.ts'
import type { Fetch, Random } from '../ports.ts'
import { isListed } from '../restore/fetchSegments.ts'
import type { DeliveryCalls } from './deliveryCalls.ts'
import { isOpen, isWhole, type Run } from './run.ts'

/** Segments on their way over one link at once: the next one waits behind the one that comes. */
const PARALLEL = 2
/** How long nothing may come, with peers in reach and without, before a device fetches what others were to fetch. */
const STALLED_MS = { withPeers: 10_000, alone: 2000 } as const
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5000
const LOOK_MS = 250

export interface OpenedLink {
  readonly linkId: string
  readonly fetch: Fetch
}

export interface LinkFetching {
  /** Octets and busy time of each link since it was asked last. */
  takeProgress(): readonly LinkProgress[]
  /** Puts back what could not be told. */
  putBack(progress: readonly LinkProgress[]): void
  flights(): readonly Flight[]
  /** Ends with the run. @throws {CodedError} what no repeat can help. */
  readonly done: Promise<void>
}

interface Meter {
  bytes: number
  busyMs: number
  /** Requests under way, and since when there is one. */
  count: number
  since: number
}

export interface FetchLimits {
  readonly dataLimitBytes?: number
  readonly maxBytesPerSecond?: number
}

export function fetchByLinks(
  run: Run,
  links: readonly OpenedLink[],
  calls: Pick<DeliveryCalls, 'readSegment'>,
  random: Random,
  limits: FetchLimits,
): LinkFetching {
  const meters = new Map(links.map(({ linkId }): [string, Meter] => [linkId, newMeter()]))
  const flying = new Map<number, Flight>()
  let drawnBytes = run.serverBytes
  let nextAt = 0
  const fetchOne = async ({ linkId, fetch }: OpenedLink, { entry, isOwn }: Next): Promise<void> => {
    const meter = meters.get(linkId) ?? newMeter()
    let leftBytes = entry.sizeBytes
    const fly = (): void => void flying.set(entry.number, { linkId, segment: entry.number, leftBytes })
    fly()
    begin(meter, run.clock.now())
    try {
      const { bytes, packet } = await calls.readSegment(fetch, run.deliveryId, entry.number, (sizeBytes) => {
        meter.bytes += sizeBytes
        leftBytes = Math.max(0, leftBytes - sizeBytes)
        fly()
      })
      const said = parsePacketHeader(packet)
      if (said?.segment !== entry.number || said.set !== run.map.imageId || !(await isListed(bytes, entry)))
        throw new CodedError('integrity.mismatch', `segment ${entry.number} is not the one that the map lists`)
      await run.keep(entry, bytes, isOwn ? 'server' : 'instead')
    } finally {
      end(meter, run.clock.now())
      flying.delete(entry.number)
    }
  }
  const work = async (link: OpenedLink): Promise<void> => {
    let pauseMs = FIRST_PAUSE_MS
    while (!run.over) {
      const next = isWhole(run) ? undefined : nextFor(run, link.linkId, random, limits, drawnBytes)
      if (next === undefined) {
        await run.changed(LOOK_MS)
        continue
      }
      const { entry } = next
      run.taking.add(entry.number)
      try {
        drawnBytes += entry.sizeBytes
        const [now, beginAt] = [run.clock.now(), Math.max(nextAt, run.clock.now())]
        nextAt = beginAt + (entry.sizeBytes * 1000) / (limits.maxBytesPerSecond ?? Number.POSITIVE_INFINITY)
        if (beginAt > now) await run.clock.sleep(beginAt - now)
        await fetchOne(link, next)
        pauseMs = FIRST_PAUSE_MS
      } catch (cause) {
        drawnBytes -= entry.sizeBytes
        if (!isWorthARetry(cause)) throw cause
        await run.clock.sleep(pauseMs)
        pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs)
      } finally {
        run.taking.delete(entry.number)
      }
    }
  }
  return {
    takeProgress: () =>
      links.map(({ linkId }) => {
        const meter = meters.get(linkId) ?? newMeter()
        // What is under way counts up to now.
        tick(meter, run.clock.now())
        const told = { linkId, bytes: meter.bytes, busyMs: Math.min(86_400_000, Math.round(meter.busyMs)) }
        meter.bytes = 0
        meter.busyMs = 0
        return told
      }),
    putBack: (progress) => {
      for (const { linkId, bytes, busyMs } of progress) {
        const meter = meters.get(linkId)
        if (meter === undefined) continue
        meter.bytes += bytes
        meter.busyMs += busyMs
      }
    },
    flights: () => [...flying.values()],
    done: Promise.all(links.flatMap((link) => Array.from({ length: PARALLEL }, () => work(link)))).then(
      () => undefined,
    ),
  }
}

interface Next {
  readonly entry: SegmentEntry
  /** The map assigns it to this link. */
  readonly isOwn: boolean
}

/** The next segment of this link: its own by the map; what nobody brings, after a while. */
function nextFor(
  run: Run,
  linkId: string,
  random: Random,
  { dataLimitBytes = Number.POSITIVE_INFINITY }: FetchLimits,
  drawnBytes: number,
): Next | undefined {
  if (run.phase !== 'running' || run.plan === undefined) return undefined
  const fits = (entry: SegmentEntry | undefined): entry is SegmentEntry =>
    entry !== undefined && isOpen(run, entry.number) && drawnBytes + entry.sizeBytes <= dataLimitBytes
  for (const { deviceId, linkId: assigned, segments } of run.plan.map.assignments) {
    if (deviceId !== run.deviceId || assigned !== linkId) continue
    for (const number of numbersOf(segments)) {
      const entry = run.map.segments[number]
      if (fits(entry)) return { entry, isOwn: true }
    }
  }
  const stalledMs = run.clock.now() - run.progressAt
  if (stalledMs < (run.reachable > 0 ? STALLED_MS.withPeers : STALLED_MS.alone)) return undefined
  const open = run.map.segments.filter(fits)
  // Others may be in the same plight: each begins elsewhere.
  const [low = 0, high = 0] = random.bytes(2)
  const entry = open[(low + 256 * high) % Math.max(1, open.length)]
  return entry && { entry, isOwn: false }
}

function isWorthARetry(cause: unknown): boolean {
  const codes = ['network.unreachable', 'storage.unavailable', 'integrity.mismatch', 'session.busy', 'delivery.ended']
  return cause instanceof CodedError && codes.includes(cause.code)
}

function newMeter(): Meter {
  return { bytes: 0, busyMs: 0, count: 0, since: 0 }
}

function begin(meter: Meter, now: number): void {
  tick(meter, now)
  meter.count += 1
}

function end(meter: Meter, now: number): void {
  tick(meter, now)
  meter.count -= 1
}

function tick(meter: Meter, now: number): void {
  if (meter.count > 0) meter.busyMs += now - meter.since
  meter.since = now
}
