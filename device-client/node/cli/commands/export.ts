/** `nightferry-device export`: any state of a database as a file for other programs. */

import { resolve } from 'node:path'
import { textOf } from '../../../../schemas/cli/commandTable.ts'
import { CodedError } from '../../../../schemas/errors.ts'
import { type AgentCommand, withWorkLock } from '../agentContext.ts'
import { parseAt } from '../parseAt.ts'

export const exportDatabase: AgentCommand = {
  spec: {
    name: 'export',
    summary: 'write any state of a database as SQLite, SQL or CSV',
    args: [{ name: 'DATABASE', summary: 'name of the backup' }],
    options: [
      { name: 'format', value: 'FORMAT', summary: 'how', required: true, choices: ['sqlite', 'sql', 'csv'] },
      { name: 'to', value: 'PATH', summary: 'a file; for CSV of all tables a folder', required: true, path: true },
      {
        name: 'at',
        value: 'TIME|POINT',
        summary: 'a restore point, or the last one before a time (default: the latest)',
      },
      { name: 'table', value: 'TABLE', summary: 'only this table, as SQL or CSV' },
      { name: 'overwrite', summary: 'also over what is there' },
    ],
  },
  run: (context, input) =>
    withWorkLock(context, async () => {
      const [at, table, format] = [textOf(input, 'at'), textOf(input, 'table'), textOf(input, 'format')]
      const path = resolve(textOf(input, 'to') ?? '')
      if (format === 'sqlite' && table !== undefined)
        throw new CodedError('config.invalid', 'a table alone is no database', { next: 'Use --format sql or csv.' })
      const held = await context.client.list()
      if (held.some(({ name, kind }) => name === textOf(input, 'DATABASE') && kind === 'files'))
        throw new CodedError('restore.mismatch', 'a set of files is no database', {
          next: 'Use "nightferry-device restore" to get its files.',
        })
      if (held.some((entry) => entry.path === path))
        throw new CodedError('restore.target-exists', `${path} is a database that the agent looks after`, {
          next: 'Use "nightferry-device restore" to put an older state in its place.',
        })
      const { refuseOld, writeCsv, writeSql } = await import('../../exportFile.ts')
      refuseOld(path, input.overwrite === true)
      const { createScratchFile } = await import('../../scratchFile.ts')
      const scratch = createScratchFile(context.home.imageDirectory)
      const database = textOf(input, 'DATABASE') ?? ''
      try {
        const to = format === 'sqlite' ? path : scratch.path
        const wanted = { database, to, aside: true, ...(at !== undefined && { at: parseAt(at) }) }
        const { point, bytesReceived } = await context.client.restore(wanted)
        let files = [path]
        if (format !== 'sqlite') {
          const { openDeviceDatabase } = await import('../../betterSqlite.ts')
          const opened = openDeviceDatabase(scratch.path)
          try {
            files = await (format === 'sql' ? writeSql : writeCsv)(opened, path, table)
          } finally {
            opened.close()
          }
        }
        return {
          json: { database, format, point, files, bytesReceived },
          text: files.map((file) => `${file}\n`).join('') || 'there is no table\n',
        }
      } finally {
        await scratch.remove()
      }
    }),
}
