/** `nightferry-device backup`: backs up one database, or all of them. */

import { type CommandOutcome, textOf } from '../../../../schemas/cli/commandTable.ts'
import { exitCodeOfError, formatError, reportError } from '../../../../schemas/cli/errorReport.ts'
import { EXIT } from '../../../../schemas/cli/exitCode.ts'
import { formatBytes } from '../../../../schemas/cli/formatTable.ts'
import type { BackupReport } from '../../../deviceClient.ts'
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
    ],
  },
  run: (context, input) => backUp(context, textOf(input, 'database'), input.full === true),
}

/** Backs up `database`, or all of them. */
export function backUp(context: AgentContext, database: string | undefined, full: boolean): Promise<CommandOutcome> {
  return withWorkLock(context, async () => {
    const names = database === undefined ? (await context.client.list()).map((entry) => entry.name) : [database]
    const [only] = names
    if (only === undefined) throw nothingAdded()
    if (names.length > 1) return await backupAll(context, names, { full })
    const report = await context.client.backup(only, { full })
    return { json: { ...report }, text: formatReport(report) }
  })
}

/** One failure does not keep the others from their backup; the report has an entry for each. */
async function backupAll(
  context: AgentContext,
  names: readonly string[],
  options: { readonly full: boolean },
): Promise<CommandOutcome> {
  const databases: object[] = []
  const texts: string[] = []
  const failures: unknown[] = []
  for (const database of names) {
    try {
      const report = await context.client.backup(database, options)
      databases.push(report)
      texts.push(formatReport(report))
    } catch (error) {
      failures.push(error)
      databases.push({ database, ...reportError(error) })
      texts.push(`${database}: ${formatError(error)}`)
    }
  }
  const allFailed = failures.length === names.length
  const exitCode = failures.length === 0 ? EXIT.ok : allFailed ? exitCodeOfError(failures[0]) : EXIT.partial
  return { json: { databases }, text: texts.join(''), exitCode }
}

function formatReport(report: BackupReport): string {
  if (report.mode === 'none') return `${report.database}: nothing has changed\n`
  const changes = `${report.puts} rows put, ${report.deletes} deleted, ${report.schemaChanges} schema changes`
  const why = report.reason === undefined ? '' : ` (${report.reason})`
  const what = report.mode === 'full' ? `full backup${why}` : `changes ${report.from} to ${report.to} (${changes})`
  const cost = `${formatBytes(report.bytesSent)} sent in ${report.exchanges} exchanges, ${report.durationMs} ms`
  return `${report.database}: ${what}, ${cost}\n${formatGuard(report)}`
}

function formatGuard({ database, guard }: BackupReport): string {
  if (guard === undefined) return ''
  return `${database}: LOST MOST ROWS OF A TABLE: ${guard.reason}; the server keeps that state: restore point ${guard.point}\n`
}
