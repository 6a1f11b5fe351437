/**
 * The operator's command line: its table of commands, and one run of it. The server it works on is given by whoever
 * starts it: `main.ts`, or a test.
 */

import { readFileSync } from 'node:fs'
import * as commander from 'commander'
import type { ProgramSpec } from '../../schemas/cli/commandTable.ts'
import { createCompletion } from '../../schemas/cli/completionCommand.ts'
import { type ProgramOutput, runProgram } from '../../schemas/cli/frame.ts'
import { accountAdd, accountAppPassword, accountDisable, accountList } from './commands/account.ts'
import { accountDelete, accountReceipts } from './commands/accountDelete.ts'
import { alertTest } from './commands/alert.ts'
import { datastoreList, datastorePassword } from './commands/datastore.ts'
import { deliveryCancel, deliveryCreate, deliveryPause, deliveryResume, deliveryStatus } from './commands/delivery.ts'
import { demo } from './commands/demo.ts'
import { deviceAllowEmpty, deviceList, deviceServerPassword, deviceShow } from './commands/device.ts'
import { deviceTrace, traceShow } from './commands/deviceTrace.ts'
import { diff } from './commands/diff.ts'
import { epochCommand } from './commands/epoch.ts'
import { deviceFence, deviceUnfence } from './commands/fence.ts'
import { keysRotate, keysStatus } from './commands/keys.ts'
import { keysKit, keysRestoreFromKit } from './commands/keysKit.ts'
import { keysReencrypt } from './commands/keysReencrypt.ts'
import { operatorToken } from './commands/operatorToken.ts'
import { pin, unpin } from './commands/pin.ts'
import { points } from './commands/points.ts'
import { prune } from './commands/prune.ts'
import { quotaSet, quotaShow } from './commands/quota.ts'
import { accountsServe, serve } from './commands/serve.ts'
import { backupServerCommand, restoreServerCommand } from './commands/serverBackup.ts'
import { start } from './commands/start.ts'
import { traceDecode } from './commands/trace.ts'
import { verify } from './commands/verify.ts'
import { deviceWake } from './commands/wake.ts'
import type { ServerOpeners } from './openedServer.ts'
import type { ServerContext } from './serverContext.ts'

const modules = [
  serve,
  accountsServe,
  accountAdd,
  accountList,
  accountDisable,
  accountDelete,
  accountReceipts,
  accountAppPassword,
  deviceList,
  deviceShow,
  deviceFence,
  deviceUnfence,
  deviceAllowEmpty,
  deviceServerPassword,
  datastorePassword,
  datastoreList,
  deviceWake,
  deviceTrace,
  points,
  deliveryCreate,
  deliveryStatus,
  deliveryPause,
  deliveryResume,
  deliveryCancel,
  diff,
  pin,
  unpin,
  verify,
  prune,
  quotaShow,
  quotaSet,
  alertTest,
  backupServerCommand,
  restoreServerCommand,
  epochCommand,
  keysStatus,
  keysRotate,
  keysReencrypt,
  keysKit,
  keysRestoreFromKit,
  operatorToken,
  traceDecode,
  traceShow,
  demo,
  start,
  createCompletion(() => SERVER_PROGRAM),
]

/** The operator's command table. */
export const SERVER_PROGRAM: ProgramSpec = {
  name: 'nightferry',
  summary: 'The Nightferry backup server and its operator commands.',
  version: (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string })
    .version,
  options: [
    { name: 'json', summary: 'print exactly one JSON object on stdout' },
    { name: 'quiet', summary: 'no progress on stderr' },
  ],
  commands: modules.map((module) => module.spec),
}

export interface ServerRun {
  readonly argv: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly output: ProgramOutput
  readonly stopped: () => Promise<void>
  readonly openers: ServerOpeners
}

/** Runs one command of the operator and gives its exit code. */
export function runServerProgram(run: ServerRun): Promise<number> {
  return runProgram(commander, SERVER_PROGRAM, modules, run.argv, run.output, async (input) => {
    const context: ServerContext = {
      openers: run.openers,
      environment: run.environment,
      notice: (text) => void (input.quiet === true || run.output.stderr(text)),
      announce: (json) => void (input.json === true && run.output.stdout(`${JSON.stringify(json)}\n`)),
      json: input.json === true,
      stopped: run.stopped,
    }
    return { context, close: async () => undefined }
  })
}
