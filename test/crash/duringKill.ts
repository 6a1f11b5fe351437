/** Does some work while a process is killed: at a step it passes, or at a moment of the time such work takes. */

import type { CrashAgent } from './crashAgent.ts'
import { type CrashServer, orderKill } from './crashServer.ts'
import { type Kill, orderedVictim, type Scene } from './scenes.ts'

/** How long a scene took lately, so that a random moment lies within it. */
const typicalMs = new Map<Scene, number>()
const FIRST_GUESS_MS = 150

/** Carries out `work` with the kill in it; the server listens again afterwards. @returns whether the kill came. */
export async function duringKill(
  kill: Kill,
  server: CrashServer,
  agent: CrashAgent,
  work: () => Promise<void>,
): Promise<boolean> {
  const happened =
    kill.step === undefined
      ? await atMoment(kill, server, agent, work)
      : await atStep(kill, kill.step, server.killFile, work)
  await server.ready()
  return happened
}

async function atStep(kill: Kill, step: string, killFile: string, work: () => Promise<void>): Promise<boolean> {
  const order = orderKill(killFile, step, kill.count, orderedVictim(kill))
  await work()
  return order.cancel()
}

async function atMoment(
  kill: Kill,
  server: CrashServer,
  agent: CrashAgent,
  work: () => Promise<void>,
): Promise<boolean> {
  let happened = false
  const typical = typicalMs.get(kill.scene) ?? FIRST_GUESS_MS
  const timer = setTimeout(
    () => {
      happened = strike(kill, server, agent)
    },
    Math.floor((kill.moment ?? 0) * typical),
  )
  const startedAt = Date.now()
  await work()
  clearTimeout(timer)
  if (!happened) typicalMs.set(kill.scene, (3 * typical + Date.now() - startedAt) / 4)
  return happened
}

function strike({ victim }: Kill, server: CrashServer, agent: CrashAgent): boolean {
  try {
    if (victim === 'agent') return agent.kill()
    if (victim === 'server') server.kill()
    else {
      const [worker] = server.workers()
      if (worker === undefined) return false
      process.kill(worker, 'SIGKILL')
    }
    return true
  } catch (cause) {
    // It ended by itself a moment ago.
    if ((cause as { code?: unknown }).code === 'ESRCH') return false
    throw cause
  }
}
