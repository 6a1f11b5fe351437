/** The figures of attacks, and how they are shown. Pure. */

import type { AttackName } from './attacks.ts'

export interface AttackFigures {
  readonly attack: AttackName
  /** Honest backups measured beside the attack. */
  readonly backups: number
  readonly calmMedianMs: number
  readonly calmP99Ms: number
  readonly medianMs: number
  readonly p99Ms: number
  /** p99 beside the attack, divided by the calm one. */
  readonly ratio: number
  readonly blowsPerSecond: number
  /** Processor time of the server's first process for one blow: what the honest backups cost is taken off. */
  readonly cpuMsPerBlow: number
  /** The longest the server's event loop was late, beside the attack and in the calm. */
  readonly lateMs: number
  readonly calmLateMs: number
  readonly answers: Readonly<Record<string, number>>
  /** The server was ready afterwards. */
  readonly alive: boolean
}

/** The figures as a Markdown table, the head first. */
export function attackTable(figures: readonly AttackFigures[]): string[] {
  return [
    '| attack | blows/s | answers | server CPU per blow | backups | calm median / p99 | beside it | p99 ratio | loop late at most (calm) | ready |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...figures.map((each) => {
      const ms = (value: number): string => value.toFixed(1)
      const cells = [
        each.attack,
        each.blowsPerSecond.toFixed(1),
        Object.entries(each.answers)
          .toSorted(([, a], [, b]) => b - a)
          .map(([answer, count]) => `${answer} × ${count}`)
          .join(', '),
        `${ms(each.cpuMsPerBlow)} ms`,
        each.backups,
        `${ms(each.calmMedianMs)} / ${ms(each.calmP99Ms)} ms`,
        `${ms(each.medianMs)} / ${ms(each.p99Ms)} ms`,
        each.ratio.toFixed(2),
        `${each.lateMs.toFixed(0)} (${each.calmLateMs.toFixed(0)}) ms`,
        each.alive ? 'yes' : 'no',
      ]
      return `| ${cells.join(' | ')} |`
    }),
  ]
}
