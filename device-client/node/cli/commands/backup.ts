/** `nightferry-device backup`: backs up one database, or all of them. */

import { type CommandInput, type CommandOutcome, textOf } from '../../../../schemas/cli/commandTable.ts'
import { exitCodeOfError, formatError, reportError } from '../../../../schemas/cli/errorReport.ts'
import { EXIT } from '../../../../schemas/cli/exitCode.ts'
import { formatBytes } from '../../../../schemas/cli/formatTable.ts'
import type { BackupOptions, BackupReport } from '../../../deviceClient.ts'
import { type AgentCommand, type AgentContext, withWorkLock } from '../agentContext.ts'
import { nothingAdded } from '../chooseDatabase.ts'

export const backup: AgentCommand = {
  spec: {
    name: 'backup',
    summary: 'back up now',
    args: [],
    options: [
      { name: 'database', value: 'NAME', summary: 'only this database (default: all)' },
      { name: 'full', summary: 'send the whole file' },
      { name: 'checksum', summary: 'of files: read every one, whatever its times say' },
      { name: 'allow-empty', summary: 'of files: believe a folder that is suddenly empty' },
    ],
  },
  run: (context, input) => backUp(context, textOf(input, 'database'), readOptions(input)),
}

function readOptions(input: CommandInput): BackupOptions {
  const { full, checksum } = input
  return { full: full === true, checksum: checksum === true, allowEmpty: input['allow-empty'] === true }
}

/** Backs up `database`, or all of them. */
export function backUp(
  context: AgentContext,
  database: string | undefined,
  options: BackupOptions,
): Promise<CommandOutcome> {
  return withWorkLock(context, async () => {
    const names = database === undefined ? (await context.client.list()).map((entry) => entry.name) : [database]
    const [only] = names
    if (only === undefined) throw nothingAdded()
    if (names.length > 1) return await backupAll(context, names, options)
    const report = await context.client.backup(only, options)
    return { json: { ...report }, text: formatReport(report), exitCode: isWhole(report) ? EXIT.ok : EXIT.partial }
  })
}

/** One failure does not keep the others from their backup; the report has an entry for each. */
async function backupAll(
  context: AgentContext,
  names: readonly string[],
  options: BackupOptions,
): Promise<CommandOutcome> {
  const databases: object[] = []
  const texts: string[] = []
  const failures: unknown[] = []
  let whole = true
  for (const database of names) {
    try {
      const report = await context.client.backup(database, options)
      databases.push(report)
      texts.push(formatReport(report))
      whole &&= isWhole(report)
    } catch (error) {
      failures.push(error)
      databases.push({ database, ...reportError(error) })
      texts.push(`${database}: ${formatError(error)}`)
    }
  }
  const allFailed = failures.length === names.length
  const some = whole && failures.length === 0 ? EXIT.ok : EXIT.partial
  return { json: { databases }, text: texts.join(''), exitCode: allFailed ? exitCodeOfError(failures[0]) : some }
}

/** False if some of a set's files could not be read. */
function isWhole({ files }: BackupReport): boolean {
  return files === undefined || files.unread.length === 0
}

function formatReport(report: BackupReport): string {
  if (report.mode === 'none') return `${report.database}: nothing has changed\n${formatNotes(report)}`
  const changes = `${report.puts} rows put, ${report.deletes} deleted, ${report.schemaChanges} schema changes`
  const why = report.reason === undefined ? '' : ` (${report.reason})`
  const what = report.mode === 'full' ? `full backup${why}` : `changes ${report.from} to ${report.to} (${changes})`
  const cost = `${formatBytes(report.bytesSent)} sent in ${report.exchanges} exchanges, ${report.durationMs} ms`
  return `${report.database}: ${what}, ${cost}\n${formatGuard(report)}${formatNotes(report)}`
}

function formatNotes({ files }: BackupReport): string {
  const { unread = [], skipped = [] } = files ?? {}
  return [
    ...unread.map(({ path, reason }) => `  not read: ${path || '.'} (${reason})\n`),
    ...skipped.map(({ path, reason }) => `  left out: ${path} (${reason})\n`),
  ].join('')
}

function formatGuard({ database, guard }: BackupReport): string {
  if (guard === undefined) return ''
  return `${database}: LOST MOST ROWS OF A TABLE: ${guard.reason}; the server keeps that state: restore point ${guard.point}\n`
}
