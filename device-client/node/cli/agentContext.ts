/** What the agent's commands work with. */

import type { AgentRecords } from '../../agentRecords.ts'
import type { DeviceClient } from '../../deviceClient.ts'
import type { Clock, Log } from '../../ports.ts'
import type { Home } from '../home.ts'
import type { CommandModule } from './frame.ts'

export interface AgentContext {
  readonly client: DeviceClient
  readonly records: AgentRecords
  readonly home: Home
  readonly clock: Clock
  readonly log: Log
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Fulfilled when the user or the system asks the agent to end. */
  readonly stopped: Promise<void>
}

/** A command of the agent. */
export type AgentCommand = CommandModule<AgentContext>

/** Runs `work` while no other agent of this home does. @throws {CodedError} `session.busy`. */
export async function withWorkLock<T>(context: AgentContext, work: () => Promise<T>): Promise<T> {
  const held = context.home.lock('work')
  try {
    return await work()
  } finally {
    held.release()
  }
}
