/**
 * B6: what other devices feel while one attacks. Starts the server as its operator does; an honest device takes small
 * backups one after the other, alone and beside each class of attack. Prints a table and, with `--json`, the figures.
 *
 * The attacker stands for another machine: it runs on this one at the lowest priority (nice 19), so that what is measured
 * is the server's work for it, not its own.
 *
 *   node bench/attack.ts [--attack NAME[,NAME]] [--seconds 20] [--backups 500] [--json]
 */

import { parseArgs } from 'node:util'
import { ATTACKS } from './attacks.ts'
import { type AttackFigures, attackTable } from './attackTable.ts'
import { runAttacks } from './runAttacks.ts'

const { values } = parseArgs({
  options: {
    attack: { type: 'string', default: ATTACKS.join(',') },
    seconds: { type: 'string', default: '20' },
    backups: { type: 'string', default: '500' },
    json: { type: 'boolean', default: false },
  },
})

const figures: AttackFigures[] = await runAttacks({
  attacks: values.attack.split(',').filter((name) => name !== ''),
  leastMs: Number(values.seconds) * 1000,
  leastBackups: Number(values.backups),
  report: (line) => void process.stderr.write(`${line}\n`),
})
process.stdout.write(values.json ? `${JSON.stringify(figures)}\n` : `${attackTable(figures).join('\n')}\n`)
