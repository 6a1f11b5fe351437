/** `nightferry-device sync run`: synchronizes now. */

import { type CommandInput, type CommandOutcome, textOf } from '../../../../schemas/cli/commandTable.ts'
import { exitCodeOfError, formatError, reportError } from '../../../../schemas/cli/errorReport.ts'
import { EXIT } from '../../../../schemas/cli/exitCode.ts'
import { formatBytes } from '../../../../schemas/cli/formatTable.ts'
import { CodedError } from '../../../../schemas/errors.ts'
import type { RunSyncOptions, SyncClient } from '../../../sync/createSyncClient.ts'
import { SYNC_MODES, type SyncMode } from '../../../sync/syncMode.ts'
import type { ChangeCounts, SyncReport } from '../../../sync/syncReport.ts'
import { type AgentCommand, type AgentContext, withWorkLock } from '../agentContext.ts'
import { readSecret } from '../readSecret.ts'

export const syncRun: AgentCommand = {
  spec: {
    name: 'sync run',
    summary: 'synchronize now',
    args: [{ name: 'NAME', summary: 'name of the sync (default: all)', optional: true }],
    options: [
      { name: 'mode', value: 'MODE', summary: 'which way, this time', choices: Object.keys(SYNC_MODES) },
      { name: 'allow-empty', summary: 'obey a side that is suddenly empty' },
      { name: 'password-file', value: 'FILE', summary: 'read the password from a file', path: true },
    ],
  },
  run: (context, input) =>
    withWorkLock(context, async () => {
      const syncs = await context.openSyncs()
      const options = readOptions(context, input)
      const given = textOf(input, 'NAME')
      const names = given === undefined ? (await syncs.list()).map(({ name }) => name) : [given]
      const [only] = names
      if (only === undefined) throw nothingAdded()
      return names.length > 1 ? runAll(syncs, names, options) : runOne(syncs, only, options)
    }),
}

function nothingAdded(): CodedError {
  return new CodedError('datastore.unknown', 'no sync is set up yet', {
    next: 'Run "nightferry-device sync add" first.',
  })
}

function readOptions(context: AgentContext, input: CommandInput): RunSyncOptions {
  const mode = textOf(input, 'mode') as SyncMode | undefined
  return {
    ...(mode === undefined ? {} : { mode }),
    allowEmpty: input['allow-empty'] === true,
    password: ({ name, user, passwordFile }) => {
      const file = textOf(input, 'password-file') ?? passwordFile
      return readSecret(`Password of ${user} for ${name}`, file, context.environment)
    },
  }
}

async function runOne(syncs: SyncClient, name: string, options: RunSyncOptions): Promise<CommandOutcome> {
  const report = await syncs.run(name, options)
  const exitCode = isWhole(report) ? EXIT.ok : EXIT.partial
  return { json: { ...report }, text: formatReport(report), exitCode }
}

/** One failure does not keep the others from their turn; the report has an entry for each. */
async function runAll(syncs: SyncClient, names: readonly string[], options: RunSyncOptions): Promise<CommandOutcome> {
  const reports: object[] = []
  const texts: string[] = []
  const failures: unknown[] = []
  let whole = true
  for (const name of names) {
    try {
      const report = await syncs.run(name, options)
      whole &&= isWhole(report)
      reports.push(report)
      texts.push(formatReport(report))
    } catch (error) {
      failures.push(error)
      reports.push({ name, ...reportError(error) })
      texts.push(`${name}: ${formatError(error)}`)
    }
  }
  const allFailed = failures.length === names.length
  const exitCode = allFailed ? exitCodeOfError(failures[0]) : failures.length === 0 && whole ? EXIT.ok : EXIT.partial
  return { json: { syncs: reports }, text: texts.join(''), exitCode }
}

function isWhole({ failedCount, refusedDeletes }: SyncReport): boolean {
  return failedCount === 0 && refusedDeletes === 0
}

function formatReport(report: SyncReport): string {
  const { name, mode, sent, received, conflicts, refusedDeletes, failed, failedCount } = report
  const lines = [
    `${name}: ${mode}${report.resumed ? ' (continued)' : ''}, sent ${counts(sent)}, received ${counts(received)}, ` +
      `${conflicts} conflicts, ${formatBytes(report.bytesSent)} out and ${formatBytes(report.bytesReceived)} in, ` +
      `${report.durationMs} ms`,
    ...failed.map(({ luid, status, reason }) => `  not synchronized: ${luid} (${status}: ${reason})`),
  ]
  if (failedCount > failed.length) lines.push(`  and ${failedCount - failed.length} more`)
  if (refusedDeletes > 0)
    lines.push(`  ${refusedDeletes} deletions of the server were not obeyed; if they are meant, run with --allow-empty`)
  return `${lines.join('\n')}\n`
}

/** Added, replaced, deleted. */
function counts({ added, replaced, deleted }: ChangeCounts): string {
  return `+${added} ~${replaced} -${deleted}`
}
