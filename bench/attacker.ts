/**
 * One attacker: a process of its own, at the lowest priority, that repeats one attack without pause, `LANES` at a time,
 * until it is told to stop; then it says how often it struck and what it was answered.
 *
 * node bench/attacker.ts URL ATTACK
 */

import { constants, setPriority } from 'node:os'
import { fileOf, HONEST_SQL } from '../test/hostile/material.ts'
import { blowsOf } from './attackBlows.ts'
import { newDevice } from './attackServer.ts'
import { isAttack } from './attacks.ts'

/** What the attacker tells at the end. */
export interface AttackerReport {
  readonly blows: number
  /** How often each answer came; `cut` is a connection that ended without one. */
  readonly answers: Readonly<Record<string, number>>
}

const LANES = 2
const [url = '', attack = ''] = process.argv.slice(2)
if (!isAttack(attack)) throw new Error(`there is no attack ${attack}`)
setPriority(constants.priority.PRIORITY_LOW)
const device = await newDevice(url)
if ((await device.sendFile(fileOf(HONEST_SQL))).item !== 200) throw new Error('the attacker has no copy')
const blow = blowsOf(device)[attack]

const answers: Record<string, number> = {}
let blows = 0
process.once('message', () => {
  const report: AttackerReport = { blows, answers }
  process.send?.(report, () => process.exit(0))
})
process.once('disconnect', () => process.exit(0))
process.send?.('begun')
await Promise.all(
  Array.from({ length: LANES }, async () => {
    for (;;) {
      const answer = await blow().catch(() => 'cut')
      answers[answer] = (answers[answer] ?? 0) + 1
      blows += 1
    }
  }),
)
