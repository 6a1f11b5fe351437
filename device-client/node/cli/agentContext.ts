/** What the agent's commands work with. */

import type { CommandModule } from '../../../schemas/cli/frame.ts'
import type { AgentRecords } from '../../agentRecords.ts'
import type { DeviceClient } from '../../deviceClient.ts'
import type { Clock, Log } from '../../ports.ts'
import type { SyncClient } from '../../sync/createSyncClient.ts'
import type { Home } from '../home.ts'
import type { FollowLog } from '../log.ts'

export interface AgentContext {
  readonly client: DeviceClient
  openSyncs(): Promise<SyncClient>
  readonly records: AgentRecords
  readonly home: Home
  readonly clock: Clock
  readonly log: Log
  /** Hands on each line of the log, whatever its level, until the returned function is called. */
  readonly followLog: FollowLog
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Takes over SIGINT and SIGTERM; fulfilled when one of them asks the agent to end. */
  readonly stopped: () => Promise<void>
}

/** A command of the agent. */
export type AgentCommand = CommandModule<AgentContext>

/** Runs `work` while no other agent of this home does. @throws {CodedError} `session.busy`. */
export async function withWorkLock<T>(context: Pick<AgentContext, 'home'>, work: () => Promise<T>): Promise<T> {
  const held = context.home.lock('work')
  try {
    return await work()
  } finally {
    held.release()
  }
}
