/** `nightferry-device verify`: compares a database with the server's copy of it. */

import { type CommandOutcome, textOf } from '../../../../schemas/cli/commandTable.ts'
import { exitCodeOfError, formatError, reportError } from '../../../../schemas/cli/errorReport.ts'
import { EXIT, type ExitCode } from '../../../../schemas/cli/exitCode.ts'
import { formatBytes, formatTime } from '../../../../schemas/cli/formatTable.ts'
import type { VerifyDifference, VerifyReport } from '../../../deviceClient.ts'
import { type AgentCommand, type AgentContext, withWorkLock } from '../agentContext.ts'
import { nothingAdded } from '../chooseDatabase.ts'

export const verify: AgentCommand = {
  spec: {
    name: 'verify',
    summary: "compare databases with the server's copies",
    args: [],
    options: [
      { name: 'database', value: 'NAME', summary: 'only this database (default: all)' },
      { name: 'full', summary: 'compare everything (default: the next part)' },
      { name: 'repair', summary: 'send what differs with the next backup' },
    ],
  },
  run: (context, input) =>
    withWorkLock(context, async () => {
      const named = textOf(input, 'database')
      const names = named === undefined ? await comparable(context) : [named]
      if (names.length === 0) throw nothingAdded()
      const options = { full: input.full === true, repair: input.repair === true }
      const only = names.length === 1 ? names[0] : undefined
      if (only !== undefined) {
        const report = await context.client.verify(only, options)
        return { json: { ...report }, text: formatReport(report), exitCode: exitCodeOf(report) }
      }
      return verifyAll(names, (name) => context.client.verify(name, options))
    }),
}

/** Sets of files have no rows: only who names one hears so (FS-14). */
async function comparable({ client }: AgentContext): Promise<string[]> {
  return (await client.list()).filter(({ kind }) => kind !== 'files').map(({ name }) => name)
}

/** One failure does not keep the others from their turn; the report has an entry for each. */
async function verifyAll(
  names: readonly string[],
  verifyOne: (name: string) => Promise<VerifyReport>,
): Promise<CommandOutcome> {
  const databases: object[] = []
  const texts: string[] = []
  const codes: ExitCode[] = []
  for (const database of names) {
    try {
      const report = await verifyOne(database)
      databases.push(report)
      texts.push(formatReport(report))
      codes.push(exitCodeOf(report))
    } catch (error) {
      codes.push(exitCodeOfError(error))
      databases.push({ database, ...reportError(error) })
      texts.push(`${database}: ${formatError(error)}`)
    }
  }
  const [first = EXIT.ok] = codes
  const failed = codes.every((code) => code === first) ? first : EXIT.partial
  // A difference is what the command is asked for: it is told before anything else.
  return {
    json: { databases },
    text: texts.join(''),
    exitCode: codes.includes(EXIT.integrity) ? EXIT.integrity : failed,
  }
}

function exitCodeOf({ differences }: VerifyReport): ExitCode {
  return differences.length > 0 ? EXIT.integrity : EXIT.ok
}

function formatReport(report: VerifyReport): string {
  const { database, rows, tables, number, pending, skipped, differences, complete, completeAt } = report
  const round = complete
    ? 'everything is compared'
    : `goes on with the next run; last complete: ${completeAt === undefined ? 'never' : formatTime(completeAt)}`
  const left = pending === 0 ? '' : `, ${pending} changed since the last backup`
  const cost = `${formatBytes(report.bytesSent + report.bytesReceived)} in ${report.exchanges} exchanges, ${report.durationMs} ms`
  const result = differences.length === 0 ? 'as the server has it' : 'DIFFERS from the copy'
  const lines = [
    `${database}: ${result} at number ${number}; ${rows} rows of ${tables} tables${left}; ${round}; ${cost}`,
    ...(skipped.length > 0 ? [`  not compared: ${skipped.join(', ')}`] : []),
    ...differences.map((difference) => `  ${describe(difference)}`),
    ...(differences.length === 0 ? [] : [`  ${nextStep(report)}`]),
  ]
  return `${lines.join('\n')}\n`
}

const MEANING: Readonly<Record<VerifyDifference['kind'], string>> = {
  changed: 'rows differ',
  missing: 'rows are only here',
  extra: 'rows are only at the server',
  more: 'more rows differ',
  table: 'its rows, which have no key, differ',
  schema: 'objects of the schema differ',
  header: 'properties of the file differ',
  position: 'the server or this database is in an older state',
}

function describe({ kind, table, count, keys }: VerifyDifference): string {
  const where = table === undefined ? '' : `${table}: `
  const number = kind === 'table' || kind === 'position' ? '' : `${count} `
  return `${where}${number}${MEANING[kind]}${keys.length > 0 ? ` (${keys.join(', ')}${count > keys.length ? ', …' : ''})` : ''}`
}

function nextStep({ repair, differences }: VerifyReport): string {
  if (repair) return 'The next backup sends what differs.'
  const position = differences.some(({ kind }) => kind === 'position')
  return position ? 'The next backup settles it.' : 'Run it with --repair, then "nightferry-device backup".'
}
