/** `nightferry-device restore`: brings a database back as one file. */

import { resolve } from 'node:path'
import { textOf } from '../../../../schemas/cli/commandTable.ts'
import { formatBytes } from '../../../../schemas/cli/formatTable.ts'
import { CodedError } from '../../../../schemas/errors.ts'
import { type AgentCommand, type AgentContext, withWorkLock } from '../agentContext.ts'
import { bringRowsBack, ROWS_OPTIONS } from '../bringRowsBack.ts'
import { ownerPassword, PASSWORD_OPTION } from '../ownerPassword.ts'
import { parseAt } from '../parseAt.ts'

export const restore: AgentCommand = {
  spec: {
    name: 'restore',
    summary: 'bring a database back as one file, files as their folder, or rows of a table into the database here',
    args: [],
    options: [
      { name: 'database', value: 'NAME', summary: 'name of the backup', required: true },
      { name: 'to', value: 'PATH', summary: 'where the file or folder shall lie', path: true },
      { name: 'file', value: 'PATH', summary: 'of files: only this file or folder' },
      { name: 'from-device', value: 'NAME', summary: 'the device whose copy is wanted (default: this one)' },
      {
        name: 'at',
        value: 'TIME|POINT',
        summary: 'a restore point, or the last one before a time (default: the latest)',
      },
      { name: 'lost', summary: 'that device is lost: fence it first' },
      PASSWORD_OPTION,
      ...ROWS_OPTIONS,
      { name: 'trust-new-key', summary: 'the server was set up anew: take its signing key as it is now' },
    ],
  },
  run: (context, input) =>
    withWorkLock(context, async () => {
      if (textOf(input, 'table') !== undefined) return bringRowsBack(context, input)
      const to = textOf(input, 'to')
      if (to === undefined)
        throw new CodedError('config.invalid', 'it is not said where the file shall lie', {
          next: 'Give --to PATH; or --table TABLE for rows of a table.',
        })
      const fromDevice = textOf(input, 'from-device')
      const at = textOf(input, 'at')
      const file = textOf(input, 'file')
      const owner = await ownerPassword(context, input, fromDevice)
      if (input.lost === true) await fenceLost(context, fromDevice, owner.password)
      const report = await context.client.restore({
        database: textOf(input, 'database') ?? '',
        to: resolve(to),
        ...(fromDevice === undefined ? {} : { fromDevice }),
        ...(file === undefined ? {} : { file }),
        ...owner,
        ...(at === undefined ? {} : { at: parseAt(at) }),
        trustNewKey: input['trust-new-key'] === true,
      })
      const size = `${formatBytes(report.sizeBytes)} (${formatBytes(report.bytesReceived)} received)`
      const kept = report.keptAside === undefined ? '' : `what lay there before: ${report.keptAside}\n`
      return {
        json: { ...report },
        text: `${report.database} is restored to ${report.path}: ${size}, point ${report.point}, ${report.durationMs} ms\n${kept}`,
      }
    }),
}

/** Before anything is restored: whoever has the device may be at work. Its copies and points stay. */
async function fenceLost(
  { client, records }: Pick<AgentContext, 'client' | 'records'>,
  lost: string | undefined,
  password: string | undefined,
): Promise<void> {
  if (lost === undefined || password === undefined)
    throw new CodedError('config.invalid', '--lost needs --from-device with another device of the account')
  const { device } = await records.identity()
  await client.fence({ device: lost, password, reason: `lost, replaced by ${device}`.slice(0, 200) })
}
