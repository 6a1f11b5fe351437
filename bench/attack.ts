/**
 * B6: what other devices feel while one attacks. Starts the server as its operator does, lets an honest device take small
 * backups one after the other, first alone and then beside each class of attack, and prints medians, p99 and the ratio.
 *
 * node bench/attack.ts [--seconds 8] [--json]
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { openBenchServer } from './attackServer.ts'

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '8' }, json: { type: 'boolean' } } })
const windowMs = Number(values.seconds) * 1000

/** Every class of attack has a name that `attacker.ts` knows. */
const ATTACKS = [
  'none',
  'gzip-bombs',
  'xml-elements',
  'wbxml-commands',
  'unauthenticated',
  'eating-schemas',
  'endless-schemas',
  'hostile-files',
  'password-guessing',
  'endless-objects',
  'slow-bodies',
] as const

export interface Figures {
  readonly attack: string
  readonly backups: number
  /** Without the attack. */
  readonly calmMedianMs: number
  readonly calmP99Ms: number
  readonly medianMs: number
  readonly p99Ms: number
  readonly ratio: number
}

const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN

async function measure(url: string): Promise<number[]> {
  const { honestNights } = await import('./attackServer.ts')
  return (await honestNights(url, windowMs)).sort((x, y) => x - y)
}

function startAttacker(url: string, attack: string): ChildProcess {
  const file = new URL('./attacker.ts', import.meta.url).pathname
  return spawn(process.execPath, [file, url, attack], { stdio: ['ignore', 'inherit', 'inherit'] })
}

const server = await openBenchServer()
const figures: Figures[] = []
try {
  await measure(server.url)
  for (const attack of ATTACKS) {
    // Just before each attack, since a shared machine does not stay as fast as it was.
    const calm = await measure(server.url)
    const [calmMedianMs, calmP99Ms] = [quantile(calm, 0.5), quantile(calm, 0.99)]
    const attacker = attack === 'none' ? undefined : startAttacker(server.url, attack)
    // The first blows fall before the measurement begins.
    if (attacker) await new Promise((resolve) => setTimeout(resolve, 1000))
    const times = await measure(server.url)
    if (attacker) {
      attacker.kill('SIGKILL')
      await once(attacker, 'exit')
    }
    const [medianMs, p99Ms] = [quantile(times, 0.5), quantile(times, 0.99)]
    const ratio = p99Ms / calmP99Ms
    figures.push({ attack, backups: times.length, calmMedianMs, calmP99Ms, medianMs, p99Ms, ratio })
    if (!values.json) {
      const shown = [calmMedianMs, calmP99Ms, medianMs, p99Ms].map((ms) => ms.toFixed(1))
      const cells = [attack.padEnd(20), times.length, ...shown, ratio.toFixed(2)]
      console.log(cells.join('\t'))
    }
  }
} finally {
  await server.stop()
}
if (values.json) console.log(JSON.stringify(figures))
