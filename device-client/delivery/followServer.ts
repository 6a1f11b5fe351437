/**
 * Tells the server how far this device is, every second, and hears what is new: phase, map, peers, questions. A server that
 * is away is asked again; what is under way with peers goes on (DV-6).
 */

import { rangesOf } from '../../schemas/delivery/segmentRanges.ts'
import { CodedError } from '../../schemas/errors.ts'
import type { DeliveryDevice, DeliveryNews } from '../../schemas/http/deliveries.ts'
import { MAX_DEVICE_FLIGHTS, MAX_REPORTED_RANGES } from '../../schemas/limits.ts'
import type { Exchange } from '../peers/exchangeSegments.ts'
import type { Log } from '../ports.ts'
import type { DeliverParts } from './deliverDatabase.ts'
import type { DeliveryCalls } from './deliveryCalls.ts'
import type { LinkFetching } from './fetchByLinks.ts'
import { isWhole, type Run } from './run.ts'

const REPORT_MS = 1000
/** How long the server keeps a device waiting for news. */
const NEWS_S = 10
const AGAIN_MS = 1000

export interface FollowParts extends Pick<DeliverParts, 'deliveryId' | 'about' | 'takesOver' | 'onProgress'> {
  readonly calls: DeliveryCalls
  readonly log: Log
  readonly run: Run
  readonly fetching: LinkFetching
  readonly exchange: Exchange
  takeMap(signed: string): Promise<void>
  readonly addresses: readonly string[]
  /** What came with the ticket. */
  readonly news: DeliveryNews
}

export interface Following {
  /** Reports now. */
  tell(): void
  devices(): readonly DeliveryDevice[]
  beganAt(): number | undefined
  readonly done: Promise<void>
}

export function followServer(parts: FollowParts): Following {
  const { run, calls, deliveryId } = parts
  let known = parts.news
  let began: number | undefined
  let answer: boolean | undefined
  let asked = ''
  const take = async (news: DeliveryNews): Promise<void> => {
    known = news
    if (news.map !== undefined) await parts.takeMap(news.map)
    if (news.phase === 'running' && began === undefined) {
      began = run.clock.now()
      run.progressAt = began
    }
    run.phase = news.phase
    run.peers = news.peers
    parts.exchange.follow(news.peers)
    parts.onProgress(news.devices)
    ask(news.lost)
    run.wake()
  }
  /** A query is put to the user beside the work, and answered with the next report. */
  const ask = (lost: readonly string[] | undefined): void => {
    const question = (lost ?? []).join()
    if (question === asked) return
    asked = question
    if (lost === undefined) return
    void parts.takesOver(lost).then((takesOver) => {
      answer = takesOver
    })
  }
  const report = async (): Promise<void> => {
    const links = parts.fetching.takeProgress()
    const takesOver = answer
    answer = undefined
    const ranges = rangesOf(run.held)
    const from = ranges.length <= MAX_REPORTED_RANGES ? 0 : run.clock.now() % (ranges.length - MAX_REPORTED_RANGES)
    try {
      const news = await calls.report(deliveryId, {
        held: ranges.slice(from, from + MAX_REPORTED_RANGES),
        ...{ serverBytes: run.serverBytes, peerBytes: run.peerBytes, links, addresses: parts.addresses },
        inFlight: parts.fetching.flights().slice(0, MAX_DEVICE_FLIGHTS),
        revision: run.plan?.map.revision ?? 0,
        ...(takesOver !== undefined && { takesOver }),
      })
      await take(news)
      // The others ended while this device was taken for lost: it goes on by itself.
      if (news.phase === 'complete' && !isWhole(run)) await joinAgain()
    } catch (cause) {
      parts.fetching.putBack(links)
      answer ??= takesOver
      throw cause
    }
  }
  const joinAgain = async (): Promise<void> => {
    const held = rangesOf(run.held).map(([from, to]): [number, number] => [from, to])
    const ticket = await calls.join(deliveryId, { ...parts.about, addresses: [...parts.addresses], held })
    run.plan = undefined
    await take(ticket.news)
  }
  const isAway = async (cause: unknown): Promise<void> => {
    const codes = ['network.unreachable', 'storage.unavailable', 'session.busy', 'account.unavailable']
    if (!(cause instanceof CodedError) || !codes.includes(cause.code)) throw cause
    parts.log.debug('the server does not answer', { code: cause.code })
    await run.changed(AGAIN_MS)
  }
  let isUrgent = false
  const reporting = async (): Promise<void> => {
    await take(parts.news)
    while (!run.over) {
      isUrgent = false
      await report().catch(isAway)
      const until = run.clock.now() + REPORT_MS
      while (!run.over && !isUrgent && run.clock.now() < until) await run.changed(until - run.clock.now())
    }
  }
  const listening = async (): Promise<void> => {
    while (!run.over) {
      const revision = run.plan?.map.revision ?? 0
      const told = calls.await(deliveryId, { news: known.news, revision, waitS: NEWS_S }).then(take)
      // What ends the run does not wait for the server.
      await Promise.race([told, over(run)]).catch(isAway)
    }
  }
  return {
    tell: () => {
      isUrgent = true
      run.wake()
    },
    devices: () => known.devices,
    beganAt: () => began,
    done: Promise.all([reporting(), listening()]).then(() => undefined),
  }
}

async function over(run: Run): Promise<void> {
  while (!run.over) await run.changed(1000)
}
