/**
 * Keeps a request at the server that waits for a notification, and obeys what it gets (DC-80 to DC-83). Nothing else
 * waits for it: where there is no server, or an older one, it tries again after growing pauses.
 */

import { CodedError, errorEntry } from '../../schemas/errors.ts'
import type { CallOf } from '../../schemas/http/api.ts'
import { fromBase64 } from '../../schemas/syncml/base64.ts'
import { ha1 } from '../../schemas/syncml/credential.ts'
import type { AlertedSync } from '../../schemas/syncml/notification.ts'
import { decodeUtf8 } from '../../schemas/utf8.ts'
import type { AgentRecords } from '../agentRecords.ts'
import { type DeviceToken, openDeviceToken } from '../deviceToken.ts'
import type { Clock, Fetch, Log, Random } from '../ports.ts'
import { restOctets } from '../restCall.ts'
import { judgeNotification } from './judgeNotification.ts'

const pollPath: CallOf<'awaitNotification'>['path'] = '/api/v1/notifications'

/** How long the server is asked to wait, seconds. */
const WAIT_S = 50

/** The first pause after a failure and the longest, milliseconds. */
const FIRST_PAUSE_MS = 5000
const LONGEST_PAUSE_MS = 15 * 60_000

export interface NotificationPorts {
  readonly fetch: Fetch
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly records: AgentRecords
}

export interface NotificationHost {
  /**
   * Does what the server asks for; `syncs` empty is everything.
   *
   * @throws {CodedError} if it failed; with a code whose retry is `later` the same notification comes again.
   */
  obey(syncs: readonly AlertedSync[]): Promise<void>
  /** Ends it: at once while it waits, else after the work. */
  readonly stopped: Promise<void>
}

/** Runs until `host.stopped`; never throws. */
export async function followNotifications(ports: NotificationPorts, host: NotificationHost): Promise<void> {
  const { clock, log } = ports
  let stopped = false
  const stopping = host.stopped.then(() => {
    stopped = true
  })
  let failures = 0
  let token: DeviceToken | undefined
  while (!stopped) {
    const askedAt = clock.now()
    try {
      token ??= await openDeviceToken(ports)
      const octets = await Promise.race([poll(ports, token), stopping])
      if (stopped) return
      if (octets) await obey(ports, host, octets)
      failures = 0
    } catch (error) {
      token?.forget()
      failures += 1
      const pauseMs = pauseAfter(failures, ports.random)
      // Once for an outage: what it was that failed rarely changes.
      const say = failures === 1 || isRefusal(error) ? log.warn : log.debug
      say('a notification cannot be taken', { ...describe(error), againInMs: pauseMs })
      await Promise.race([clock.sleep(pauseMs), stopping])
      continue
    }
    // An answer before its time, again and again, would be a request without end: two agents under one id do that.
    const earlyMs = FIRST_PAUSE_MS - (clock.now() - askedAt)
    if (earlyMs > 0) await Promise.race([clock.sleep(earlyMs), stopping])
  }
}

/** The octets of a notification, or undefined if there is none. Says what is done with. */
async function poll({ fetch, records }: NotificationPorts, token: DeviceToken): Promise<Uint8Array | undefined> {
  const after = (await records.lastNotification())?.issuedAt ?? 0
  const answer = await restOctets(fetch, {
    ...{ server: token.server, method: 'GET', path: `${pollPath}?wait=${WAIT_S}&after=${after}` },
    token: await token.read(),
  })
  if (answer.length === 0) return undefined
  const octets = readAnswer(decodeUtf8(answer))
  if (octets !== undefined) return octets
  throw new CodedError('protocol.malformed', "the server's answer holds no notification")
}

function readAnswer(text: string | undefined): Uint8Array | undefined {
  try {
    const answer: unknown = JSON.parse(text ?? '')
    const field = typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'notification') : undefined
    return typeof field === 'string' ? fromBase64(field) : undefined
  } catch {
    return undefined
  }
}

/** What was obeyed is written down afterwards: an agent that dies meanwhile is given it again. */
async function obey({ records, log }: NotificationPorts, host: NotificationHost, octets: Uint8Array): Promise<void> {
  const { user } = await records.identity()
  const key = ha1(user, await records.secret())
  const { serverId, issuedAt, sessionId, syncs } = judgeNotification(octets, key, await records.lastNotification())
  log.info('woken by the server', { sessionId, wanted: syncs.map(({ serverUri }) => serverUri) })
  try {
    await host.obey(syncs)
  } catch (error) {
    if (error instanceof CodedError && errorEntry(error.code).retry === 'later') throw error
    log.warn('what the server asked for failed', describe(error))
  }
  await records.setLastNotification({ serverId, issuedAt })
}

/** Doubles up to the longest; any length between half and whole, so that a fleet does not come at once. */
function pauseAfter(failures: number, random: Random): number {
  const wholeMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 20))
  return Math.round(wholeMs * (0.5 + (random.bytes(1)[0] ?? 0) / 512))
}

/** Somebody sent what is not to be believed: that is said each time. */
function isRefusal(error: unknown): boolean {
  return error instanceof CodedError && error.code === 'auth.invalid' && error.fields.serverId !== undefined
}

function describe(error: unknown): { code: string; detail: string } {
  const code = error instanceof CodedError ? error.code : 'internal'
  return { code, detail: error instanceof Error ? error.message : String(error) }
}
