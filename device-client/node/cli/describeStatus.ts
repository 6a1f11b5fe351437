/** What `status` shows: how safe each database is now, and when its next backup comes. Rule DC-43. */

import type { CommandOutcome } from '../../../schemas/cli/commandTable.ts'
import { formatAge, formatTable } from '../../../schemas/cli/formatTable.ts'
import type { Health } from '../../../schemas/health.ts'
import { GUARD_PIN_MS } from '../../../schemas/limits.ts'
import type { DatabaseStatus } from '../../deviceClient.ts'
import { judgeSafety } from '../../schedule/judgeSafety.ts'
import { type AgentState, type NextRun, nextRun } from '../../schedule/nextRun.ts'
import { ownTimeZone } from '../../schedule/wallClock.ts'
import { describeStored } from '../../session/advice.ts'
import { parseCron } from '../cron.ts'
import type { AgentContext } from './agentContext.ts'
import { readScheduleState } from './scheduleHost.ts'

interface DatabaseLine extends DatabaseStatus, Health {
  readonly nextRun: NextRun
  /** True if there is no backup, or a planned one is overdue. */
  readonly stale: boolean
}

/** The status of every database of this home. */
export async function describeStatus(context: AgentContext): Promise<CommandOutcome> {
  const found = await context.client.status()
  const watching = context.home.isLocked('watch')
  const now = context.clock.now()
  const databases: DatabaseLine[] = []
  for (const database of found.databases) {
    databases.push(await describeDatabase(context, database, found.deviceId, watching, now))
  }
  const heading = `${found.device} of ${found.user} at ${found.server}\n`
  const idle = watching ? '' : 'The schedule is not running: start "nightferry-device watch".\n'
  const table = formatTable(
    ['NAME', 'STATE', 'LAST BACKUP', 'LAST ATTEMPT', 'VERIFIED', 'NEXT RUN', ''],
    databases.map((line) => rowOf(line, now)),
    'no database is added yet',
  )
  return { json: { ...found, watching, databases }, text: heading + table + idle }
}

async function describeDatabase(
  context: AgentContext,
  database: DatabaseStatus,
  deviceId: string,
  watching: boolean,
  now: number,
): Promise<DatabaseLine> {
  const state = (await readScheduleState(context.records, database.name)) ?? { doneUntil: now }
  // Without a watching agent every run that has passed was missed because of that.
  const agent: AgentState = { runningSince: watching ? 0 : now, deviceId, timeZone: ownTimeZone() }
  const next = nextRun(database.preferences, parseCron(database.preferences.cron), state, agent, now)
  const health = judgeSafety(database, next, now)
  return { ...database, nextRun: next, ...health, stale: health.state === 'never' || health.state === 'late' }
}

function rowOf(line: DatabaseLine, now: number): string[] {
  const ago = (at: number | undefined) => (at === undefined ? 'never' : `${formatAge(now - at)} ago`)
  const notes = [
    line.state === 'never' ? '' : line.reason,
    describeGuard(line, now),
    describeQuota(line),
    describeClone(line, now),
  ].filter((note) => note !== '')
  const next = formatNext(line.nextRun, now)
  const word = line.state === 'ok' ? 'ok' : line.state.toUpperCase()
  return [
    line.name,
    word,
    ago(line.lastSuccessAt),
    ago(line.lastAttempt?.at),
    verifiedOf(line, now),
    next,
    notes.join('; '),
  ]
}

/** That a table was emptied shows as long as the server is sure to keep the state before. */
function describeGuard({ lastGuard }: DatabaseStatus, now: number): string {
  if (lastGuard === undefined || now - lastGuard.at > GUARD_PIN_MS) return ''
  return `a table lost most of its rows ${formatAge(now - lastGuard.at)} ago: point ${lastGuard.point}`
}

/** Somebody who has a copy of this home tried to back up with it. */
function describeClone({ advice }: DatabaseStatus, now: number): string {
  if (advice?.clonedAt === undefined) return ''
  return `another installation presented this identity ${formatAge(now - advice.clonedAt)} ago`
}

/** Share of a quota from which it is shown. */
const QUOTA_SHARE = 0.9

function describeQuota({ advice }: DatabaseStatus): string {
  const stored = advice?.stored
  return stored && stored.used >= stored.limit * QUOTA_SHARE ? `quota: ${describeStored(stored)}` : ''
}

/** When it was last compared with the server's copy, and whether it was the same. */
function verifiedOf({ lastVerified }: DatabaseLine, now: number): string {
  if (lastVerified === undefined) return 'never'
  const { at, form, differences } = lastVerified
  const part = form === 'part' ? ' (a part)' : ''
  return `${formatAge(now - at)} ago${part}${differences > 0 ? `: ${differences} DIFFERENCES` : ''}`
}

function formatNext(next: NextRun, now: number): string {
  if (next.kind === 'never') return 'off'
  const when = next.at <= now ? 'now' : `in ${formatAge(next.at - now)}`
  return next.kind === 'planned' ? when : `${when} (missed: ${next.reason})`
}
