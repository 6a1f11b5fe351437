/**
 * Carries out the schedule: waits for the next run of any database, backs it up, remembers what became of it.
 * All decisions are those of `nextRun`; this only waits and writes down (DC-34).
 */

import { CodedError, type ErrorCode } from '../../schemas/errors.ts'
import type { Clock, Log } from '../ports.ts'
import type { ScheduleState } from './nextRun.ts'
import { type AgentState, type CronTimes, type MissedReason, type NextRun, nextRun, settledUntil } from './nextRun.ts'
import type { BackupPreferences } from './preferences.ts'

export interface ScheduledDatabase {
  readonly name: string
  readonly preferences: BackupPreferences
}

/** What the schedule works on. */
export interface ScheduleHost {
  databases(): Promise<readonly ScheduledDatabase[]>
  /** @throws {CodedError} `config.invalid` for an expression that is none. */
  parseCron(expression: string): CronTimes
  readState(database: string): Promise<ScheduleState | undefined>
  writeState(database: string, state: ScheduleState): Promise<void>
  /** Backs up one database; a throw is a failed attempt. */
  backup(database: string): Promise<void>
}

export interface ScheduleOptions {
  readonly deviceId: string
  readonly timeZone: string
  /** Ends the schedule: at once while it waits, else after the backup at work. */
  readonly stopped: Promise<void>
}

/** Waits no longer than this at a time: preferences may change meanwhile, and a machine may have slept. */
const LONGEST_WAIT_MS = 30_000

interface Planned {
  readonly database: ScheduledDatabase
  readonly cron: CronTimes
  readonly state: ScheduleState
  readonly next: Exclude<NextRun, { kind: 'never' }>
}

/** Runs until `options.stopped`. A failing database never keeps the others from their turn. */
export async function runSchedule(host: ScheduleHost, clock: Clock, log: Log, options: ScheduleOptions): Promise<void> {
  const agent: AgentState = { runningSince: clock.now(), deviceId: options.deviceId, timeZone: options.timeZone }
  const announced = new Map<string, string>()
  let stopped = false
  const stopping = options.stopped.then(() => {
    stopped = true
  })
  let busyUntil: number | undefined
  while (!stopped) {
    const plan = await planAll(host, busyUntil === undefined ? agent : { ...agent, busyUntil }, clock.now(), log)
    for (const planned of plan) announce(planned, announced, log)
    const first = plan[0]
    const waitMs = first === undefined ? LONGEST_WAIT_MS : first.next.at - clock.now()
    if (first === undefined || waitMs > 0) {
      await Promise.race([clock.sleep(Math.min(waitMs, LONGEST_WAIT_MS)), stopping])
      continue
    }
    await runOne(host, clock, log, options.timeZone, first)
    busyUntil = clock.now()
  }
}

/** What every database waits for, the earliest first. */
async function planAll(host: ScheduleHost, agent: AgentState, now: number, log: Log): Promise<Planned[]> {
  const plan: Planned[] = []
  for (const database of await host.databases()) {
    try {
      const cron = host.parseCron(database.preferences.cron)
      let state = await host.readState(database.name)
      if (state === undefined) {
        // A schedule begins when it is first seen: nights before it were never promised.
        state = { doneUntil: now }
        await host.writeState(database.name, state)
      }
      const next = nextRun(database.preferences, cron, state, agent, now)
      if (next.kind !== 'never') plan.push({ database, cron, state, next })
    } catch (error) {
      log.warn('a database cannot be scheduled', { database: database.name, ...describe(error) })
    }
  }
  return plan.toSorted((a, b) => a.next.at - b.next.at)
}

function announce({ database, next }: Planned, announced: Map<string, string>, log: Log): void {
  const key = next.kind === 'planned' ? `planned ${next.at}` : `catch-up ${next.plannedAt} ${next.reason}`
  if (announced.get(database.name) === key) return
  announced.set(database.name, key)
  const fields = { database: database.name, at: new Date(next.at).toISOString() }
  if (next.kind === 'planned') log.info('backup planned', fields)
  else {
    const { plannedAt, reason, waitsForWindow } = next
    log.warn('backup missed', { ...fields, plannedAt: new Date(plannedAt).toISOString(), reason, waitsForWindow })
  }
}

async function runOne(host: ScheduleHost, clock: Clock, log: Log, timeZone: string, planned: Planned): Promise<void> {
  const { database, cron, state, next } = planned
  try {
    await host.backup(database.name)
    await host.writeState(database.name, { doneUntil: settledUntil(cron, timeZone, next.slot, clock.now()) })
  } catch (error) {
    const failure = {
      at: clock.now(),
      reason: reasonOf(error),
      attempts: (state.failure?.attempts ?? 0) + 1,
    }
    log.warn('backup failed', { database: database.name, reason: failure.reason, ...describe(error) })
    await host.writeState(database.name, { doneUntil: state.doneUntil, failure })
  }
}

const reasons: Partial<Readonly<Record<ErrorCode, MissedReason>>> = {
  'network.unreachable': 'server-unreachable',
  'storage.unavailable': 'server-unreachable',
  'session.busy': 'server-busy',
  'worker.limit': 'server-busy',
  'quota.exceeded': 'quota-exceeded',
  'database.locked': 'database-locked',
}

/** Why an attempt failed, in the schedule's words. */
export function reasonOf(error: unknown): MissedReason {
  return (error instanceof CodedError ? reasons[error.code] : undefined) ?? 'failed'
}

function describe(error: unknown): { code: string; detail: string } {
  const code = error instanceof CodedError ? error.code : 'internal'
  return { code, detail: error instanceof Error ? error.message : String(error) }
}
