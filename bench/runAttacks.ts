/**
 * Runs attacks one after the other against one server: before and after each a calm window, since a shared machine does
 * not stay as fast as it was. An attack is compared with the two calm windows around it.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { AttackerReport } from './attacker.ts'
import { honestNights, isReady, lookAtServer, openBenchServer, type Window } from './attackServer.ts'
import { type AttackName, isAttack } from './attacks.ts'
import { type AttackFigures, attackTable } from './attackTable.ts'
import { median, percentile } from './measure/statistics.ts'

export interface AttackOptions extends Window {
  readonly attacks: readonly string[]
  readonly report: (line: string) => void
}

interface Measured {
  readonly times: readonly number[]
  readonly tookMs: number
  readonly cpuMs: number
  readonly lateMs: number
}

/** The figures of each attack. @throws Error if an honest backup is not answered 200. */
export async function runAttacks({ attacks, report, ...window }: AttackOptions): Promise<AttackFigures[]> {
  const unknown = attacks.find((name) => !isAttack(name))
  if (unknown !== undefined) throw new Error(`there is no attack ${unknown}`)
  const server = await openBenchServer()
  const figures: AttackFigures[] = []
  try {
    const nights = await honestNights(server.url)
    const measure = async (): Promise<Measured> => {
      const before = await lookAtServer(server.url)
      const startedAt = performance.now()
      const times = await nights(window)
      const tookMs = performance.now() - startedAt
      const after = await lookAtServer(server.url)
      return { times, tookMs, cpuMs: after.cpuMs - before.cpuMs, lateMs: after.lateMs }
    }
    await nights({ leastMs: window.leastMs / 4, leastBackups: 0 })
    let before = await measure()
    for (const attack of attacks.filter(isAttack)) {
      const attacker = await startAttacker(server.url, attack)
      const during = await measure()
      const told = await endAttacker(attacker)
      const alive = await isReady(server.url)
      // What the attack left at work is not the next calm.
      await new Promise((resolve) => setTimeout(resolve, 2000))
      const after = await measure()
      figures.push(figuresOf(attack, [before, after], during, told, alive))
      report(attackTable(figures).at(-1) ?? '')
      before = after
    }
  } finally {
    await server.stop()
  }
  return figures
}

function figuresOf(
  attack: AttackName,
  calm: readonly Measured[],
  during: Measured,
  told: AttackerReport & { readonly tookMs: number },
  alive: boolean,
): AttackFigures {
  const calmTimes = calm.flatMap(({ times }) => times)
  const cpuOfBackup = calm.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / calmTimes.length
  const { times, cpuMs, lateMs } = during
  const [calmP99Ms, p99Ms] = [percentile(calmTimes, 0.99), percentile(times, 0.99)]
  const blowsPerSecond = (1000 * told.blows) / told.tookMs
  return {
    attack,
    backups: times.length,
    calmMedianMs: median(calmTimes),
    calmP99Ms,
    medianMs: median(times),
    p99Ms,
    ratio: p99Ms / calmP99Ms,
    blowsPerSecond,
    cpuMsPerBlow: (cpuMs - times.length * cpuOfBackup) / Math.max(1, (blowsPerSecond * during.tookMs) / 1000),
    lateMs,
    calmLateMs: Math.max(...calm.map((each) => each.lateMs)),
    answers: told.answers,
    alive,
  }
}

interface Attacker {
  readonly process: ChildProcess
  readonly startedAt: number
}

async function startAttacker(url: string, attack: AttackName): Promise<Attacker> {
  const file = new URL('./attacker.ts', import.meta.url).pathname
  const process = fork(file, [url, attack], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  await Promise.race([
    once(process, 'message'),
    once(process, 'exit').then(() => Promise.reject(new Error('the attacker could not begin'))),
  ])
  const startedAt = performance.now()
  // The first blows fall before the measurement begins.
  await new Promise((resolve) => setTimeout(resolve, 500))
  return { process, startedAt }
}

async function endAttacker({ process, startedAt }: Attacker): Promise<AttackerReport & { readonly tookMs: number }> {
  if (process.exitCode !== null) throw new Error('the attacker ended by itself')
  const tookMs = performance.now() - startedAt
  process.send('end')
  const [told] = (await once(process, 'message')) as [AttackerReport]
  if (process.exitCode === null) await once(process, 'exit')
  return { ...told, tookMs }
}
