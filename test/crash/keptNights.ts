/** Devices whose every night is written down, so that each restore point can be compared with the night it is of. */

import { rmSync } from 'node:fs'
import { canonicalDump } from '../support/canonicalDump.ts'
import type { AgentReply } from './agentChild.ts'
import { type CrashWorld, openCrashWorld, type WorldDevice } from './world.ts'

/** Points of each database that the server keeps when it drops the others. */
export const KEPT = 4

const SEED_ROWS = 400
/** Each night one of these, by turns; `$` is the night. */
const NIGHTS = [
  "UPDATE t SET x = 'night $' WHERE id % 7 = $ % 7",
  'DELETE FROM t WHERE id % 11 = $ % 11; INSERT INTO t(x) VALUES(randomblob(3000))',
  "ALTER TABLE t ADD COLUMN c$; UPDATE t SET c$ = $ WHERE id < 50; INSERT INTO t(x) VALUES('')",
  'CREATE TABLE n$(a PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO n$ SELECT id, x FROM t WHERE id < 40',
  "CREATE INDEX i$ ON t(x, id + $); UPDATE t SET x = x || '$' WHERE id < 30",
  'DROP TABLE IF EXISTS n$; UPDATE t SET x = NULL WHERE id BETWEEN 20 AND 60',
]

export interface Point {
  readonly point: string
  readonly takenAt: number
}

export interface Refusal {
  readonly code: string
  readonly message: string
}

export interface NightlyDevice {
  /** Changes something and backs it up; the state is written down. */
  night(): Promise<void>
  /** What a restore of the point ends with: `equal` to its night, or the code and text of a refusal. @throws Error if it differs. */
  look(point: Point): Promise<'equal' | Refusal>
  points(): Promise<readonly Point[]>
  /**
   * Restores points: the newest {@link KEPT}, and as many of the others, by chance; all there are by default.
   * @throws Error if one is not its night. @returns the times that all points are of.
   */
  compare(others?: number): Promise<readonly number[]>
  /** Times of the newest {@link KEPT} nights. */
  keptTimes(): readonly number[]
}

export interface NightlyWorld extends CrashWorld {
  readonly devices: readonly NightlyDevice[]
}

/** A server that keeps {@link KEPT} points of each database, and devices with `names` that were backed up once. */
export async function openNightlyWorld(names: readonly string[]): Promise<NightlyWorld> {
  // Its own nightly dropping would come between a list of points and their restores.
  const hour = String((new Date().getHours() + 12) % 24)
  const world = await openCrashWorld({ args: ['--keep', `last=${KEPT}`, '--night-hour', hour] })
  const devices: NightlyDevice[] = []
  for (const name of names) devices.push(await nightly(await world.device(name)))
  return { ...world, devices }
}

async function nightly(device: WorldDevice): Promise<NightlyDevice> {
  /** Dumps by the server's time of their point. */
  const states = new Map<number, string>()
  let nights = 0
  device.app(
    `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n < ${SEED_ROWS}) ` +
      'INSERT INTO t(x) SELECT hex(randomblob(40)) FROM c',
  )
  const points = async (): Promise<readonly Point[]> =>
    Object.values(reportOf(await device.agent.run({ name: 'points', args: ['app'] }))) as Point[]
  const night = async (): Promise<void> => {
    nights += 1
    // Rows wear away over the nights, and a night without a change would be none.
    device.app('INSERT INTO t(x) VALUES(hex(randomblob(40)))')
    device.app(NIGHTS[nights % NIGHTS.length]?.replaceAll('$', String(nights)) ?? '')
    // Now and then a whole file: the copy it replaces is put aside.
    const mode = await device.backUp(nights % 5 === 0)
    if (mode !== 'delta' && mode !== 'full') throw new Error(`night ${nights} was not backed up: ${mode}`)
    states.set((await points())[0]?.takenAt ?? 0, canonicalDump(device.path))
  }
  const look = async ({ point, takenAt }: Point): Promise<'equal' | Refusal> => {
    const to = `${device.path}.look`
    rmSync(to, { force: true })
    const outcome = await device.agent.run({ name: 'restore', args: [{ database: 'app', to, at: point }] })
    if (outcome === 'killed') throw new Error('the agent was killed')
    if (!outcome.ok) return outcome
    if (canonicalDump(to) !== states.get(takenAt)) throw new Error(`${point} of ${takenAt} is not its night`)
    return 'equal'
  }
  await night()
  return {
    night,
    look,
    points,
    keptTimes: () => [...states.keys()].slice(-KEPT).reverse(),
    async compare(others = Number.POSITIVE_INFINITY) {
      const found = await points()
      const older = found.slice(KEPT).map((point) => ({ point, by: Math.random() }))
      const chosen = older.toSorted((a, b) => a.by - b.by).slice(0, others)
      for (const point of [...found.slice(0, KEPT), ...chosen.map((one) => one.point)]) {
        const outcome = await look(point)
        if (outcome !== 'equal') throw new Error(`refused: ${JSON.stringify(outcome)}`)
      }
      return found.map(({ takenAt }) => takenAt)
    },
  }
}

function reportOf(outcome: AgentReply | 'killed'): Readonly<Record<string, unknown>> {
  if (outcome === 'killed' || !outcome.ok) throw new Error(`refused: ${JSON.stringify(outcome)}`)
  return outcome.report
}
