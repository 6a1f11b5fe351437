/**
 * What became of the kills, by process and step. With NIGHTFERRY_KILLS_FILE it is kept in that file after each life,
 * and a run that ended early goes on where it was.
 */

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { AGENT_STEPS } from '../../device-client/steps.ts'
import { SERVER_STEPS } from '../../server/steps.ts'
import type { LifeCounts } from './lifePlan.ts'
import type { Kill } from './scenes.ts'

export interface KillRow extends LifeCounts {
  /** The kill came, or its step or moment did not come. */
  kills: number
  missed: number
}

export interface KillTally {
  nextSeed: number
  readonly rows: Record<string, KillRow>
}

export function openTally(file: string | undefined, firstSeed: number): KillTally {
  if (file === undefined || !existsSync(file)) return { nextSeed: firstSeed, rows: {} }
  return JSON.parse(readFileSync(file, 'utf8')) as KillTally
}

export function keepTally(file: string | undefined, tally: KillTally): void {
  if (file === undefined) return
  writeFileSync(`${file}.new`, `${JSON.stringify(tally, null, 1)}\n`)
  renameSync(`${file}.new`, file)
}

export function countKill(tally: KillTally, kill: Kill, happened: boolean, counts: LifeCounts): void {
  const name = `${kill.victim} ${kill.step ?? `at random in ${kill.scene}`}`
  tally.rows[name] ??= { kills: 0, missed: 0, restores: 0, deltas: 0, fulls: 0, nones: 0 }
  const row = tally.rows[name]
  row[happened ? 'kills' : 'missed'] += 1
  row.restores += counts.restores
  row.deltas += counts.deltas
  row.fulls += counts.fulls
  row.nones += counts.nones
}

export function totalKills(tally: KillTally): number {
  return Object.values(tally.rows).reduce((sum, row) => sum + row.kills, 0)
}

/** Kills at random moments. */
export function randomKills(tally: KillTally): number {
  return Object.entries(tally.rows).reduce((sum, [name, row]) => sum + (name.includes('at random') ? row.kills : 0), 0)
}

/** Steps at which fewer than `least` kills came, whoever died there. */
export function neglectedSteps(tally: KillTally, least: number): string[] {
  const kills = (side: RegExp, step: string): number =>
    Object.entries(tally.rows)
      .filter(([name]) => side.test(name) && name.endsWith(` ${step}`))
      .reduce((sum, [, row]) => sum + row.kills, 0)
  return [
    ...SERVER_STEPS.filter((step) => kills(/^(server|worker)/, step) < least).map((step) => `server ${step}`),
    ...AGENT_STEPS.filter((step) => kills(/^agent/, step) < least).map((step) => `agent ${step}`),
  ]
}

/** One line per process and step. */
export function tallyTable({ rows }: KillTally): string {
  const head = ['process and step', 'kills', 'missed', 'restores checked', 'Deltas', 'whole files', 'nothing new']
  const lines = Object.entries(rows)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, row]) => [name, row.kills, row.missed, row.restores, row.deltas, row.fulls, row.nones])
  return [head, ...lines].map((cells) => cells.map((cell) => String(cell)).join(' | ')).join('\n')
}
