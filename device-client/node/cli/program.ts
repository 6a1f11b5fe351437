/**
 * The agent's command line: its table of commands, and one run of it. What the commands work with is given by
 * whoever starts it: `main.ts`, or a test.
 */

import { readFileSync } from 'node:fs'
import * as commander from 'commander'
import { type CommandInput, type ProgramSpec, textOf } from '../../../schemas/cli/commandTable.ts'
import { createCompletion } from '../../../schemas/cli/completionCommand.ts'
import { type ProgramOutput, runProgram } from '../../../schemas/cli/frame.ts'
import { createAgentRecords } from '../../agentRecords.ts'
import type { DeviceClient } from '../../deviceClient.ts'
import type { Log } from '../../ports.ts'
import type { SyncClient } from '../../sync/createSyncClient.ts'
import { chooseHome } from '../chooseHome.ts'
import { nodeClock } from '../clock.ts'
import { type Home, openHome } from '../home.ts'
import { createStderrLog } from '../log.ts'
import type { AgentContext } from './agentContext.ts'
import { add } from './commands/add.ts'
import { backup } from './commands/backup.ts'
import { claim } from './commands/claim.ts'
import { configure } from './commands/configure.ts'
import { deliverJoin } from './commands/deliverJoin.ts'
import { deliverStatus } from './commands/deliverStatus.ts'
import { diff } from './commands/diff.ts'
import { exportDatabase } from './commands/export.ts'
import { fence, unfence } from './commands/fence.ts'
import { init } from './commands/init.ts'
import { list } from './commands/list.ts'
import { pin } from './commands/pin.ts'
import { points } from './commands/points.ts'
import { remove } from './commands/remove.ts'
import { restore } from './commands/restore.ts'
import { status } from './commands/status.ts'
import { syncAdd } from './commands/syncAdd.ts'
import { syncRemove } from './commands/syncRemove.ts'
import { syncRun } from './commands/syncRun.ts'
import { syncStatus } from './commands/syncStatus.ts'
import { verify } from './commands/verify.ts'
import { watch } from './commands/watch.ts'

const modules = [
  init,
  add,
  list,
  configure,
  remove,
  backup,
  restore,
  exportDatabase,
  deliverJoin,
  deliverStatus,
  points,
  pin,
  diff,
  fence,
  unfence,
  claim,
  verify,
  status,
  watch,
  syncAdd,
  syncRun,
  syncStatus,
  syncRemove,
  createCompletion(() => AGENT_PROGRAM),
]

/** The agent's command table. */
export const AGENT_PROGRAM: ProgramSpec = {
  name: 'nightferry-device',
  summary: 'Backs up SQLite databases of this device and brings them back; synchronizes folders and tables.',
  version: (JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string })
    .version,
  options: [
    {
      name: 'home',
      value: 'DIR',
      summary: "the agent's state (default: ~/.nightferry)",
      env: 'NIGHTFERRY_HOME',
      path: true,
    },
    { name: 'json', summary: 'print exactly one JSON object on stdout' },
    { name: 'quiet', summary: 'only warnings on stderr' },
    { name: 'verbose', summary: 'everything on stderr' },
  ],
  commands: modules.map((module) => module.spec),
}

/** How a run gets its client. `close` ends connections. */
export type OpenClient = (
  home: Home,
  log: Log,
) => { readonly client: DeviceClient; openSyncs(): Promise<SyncClient>; close(): void }

export interface AgentRun {
  readonly argv: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly output: ProgramOutput
  readonly stopped: () => Promise<void>
  readonly openClient: OpenClient
}

/** Runs one command of the agent and gives its exit code. */
export function runAgent(run: AgentRun): Promise<number> {
  return runProgram(commander, AGENT_PROGRAM, modules, run.argv, run.output, async (input) => openContext(run, input))
}

function openContext(run: AgentRun, input: CommandInput): { context: AgentContext; close(): Promise<void> } {
  const home = openHome(chooseHome(textOf(input, 'home'), run.environment))
  const level = input.verbose === true ? 'debug' : input.quiet === true ? 'warn' : 'info'
  const log = createStderrLog(level, run.output.stderr)
  const opened = run.openClient(home, log)
  return {
    context: {
      client: opened.client,
      openSyncs: opened.openSyncs,
      records: createAgentRecords(home.keyStore),
      home,
      clock: nodeClock,
      log,
      followLog: log.follow,
      environment: run.environment,
      stopped: run.stopped,
    },
    close: async () => opened.close(),
  }
}
