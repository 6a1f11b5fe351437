/** Runs an agent that stays (`agentChild.ts`) and starts it anew when it was killed. */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { PACKED } from '../support/programs.ts'
import type { AgentOrder, AgentReply } from './agentChild.ts'

const CHILD = join(PACKED, 'test/crash/agentChild.ts')
/** Where compiled code is kept, so that an agent starts at a third of the cost. */
const COMPILED = join(PACKED, 'node_modules/.cache/nightferry')
export const KILLER = new URL('./killAtStep.ts', import.meta.url).href

/** `killed`: the agent died before it answered. */
export type Outcome = AgentReply | 'killed'

export interface CrashAgent {
  readonly home: string
  /** Carries out an order; the process is started if none runs. */
  run(order: AgentOrder): Promise<Outcome>
  /** SIGKILL now; false if no process runs. */
  kill(): boolean
  close(): Promise<void>
}

/** The agent of `home`; `killFile` names the step at which it dies. */
export function createCrashAgent(home: string, killFile: string): CrashAgent {
  let child: ChildProcess | undefined
  const started = (): ChildProcess => {
    if (child && child.exitCode === null && child.signalCode === null) return child
    child = fork(CHILD, [home], {
      execArgv: ['--import', KILLER],
      env: { ...process.env, NODE_COMPILE_CACHE: COMPILED, NIGHTFERRY_KILL_FILE: killFile },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    return child
  }
  return {
    home,
    async run(order) {
      const process = started()
      const ended = new AbortController()
      const { signal } = ended
      const replied = once(process, 'message', { signal }).then(([reply]) => reply as AgentReply)
      const died = once(process, 'exit', { signal }).then(() => 'killed' as const)
      process.send(order)
      try {
        return await Promise.race([replied, died])
      } finally {
        ended.abort()
        await Promise.allSettled([replied, died])
      }
    },
    kill: () => child?.kill('SIGKILL') ?? false,
    async close() {
      if (!child || child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    },
  }
}
