/** `nightferry prune`: drops the restore points that the policy does not keep. */

import { textOf } from '../../../schemas/cli/commandTable.ts'
import { EXIT } from '../../../schemas/cli/exitCode.ts'
import { formatBytes, formatTable, formatTime } from '../../../schemas/cli/formatTable.ts'
import { CodedError } from '../../../schemas/errors.ts'
import { type ServerCommand, settingOptions, WHERE_OPTIONS, withOperatorApi } from '../serverContext.ts'

export const prune: ServerCommand = {
  spec: {
    name: 'prune',
    summary: 'drop the restore points that the policy does not keep',
    args: [],
    options: [
      ...WHERE_OPTIONS,
      ...settingOptions('keep'),
      { name: 'dry-run', summary: 'only say which points would be dropped, and what keeps the others' },
    ],
  },
  run: (context, input) => {
    if (textOf(input, 'server') !== undefined && textOf(input, 'keep') !== undefined)
      throw new CodedError('config.invalid', 'a server elsewhere goes by its own policy', {
        next: 'Leave --keep away, or run the command on the machine of the server.',
      })
    return withOperatorApi(context, input, async (api) => {
      const dryRun = input['dry-run'] === true
      const report = await api.prune(dryRun)
      const rows = report.databases.flatMap(({ accountName, deviceId, name, points }) =>
        points.map(({ point, takenAt, number, reasons }) => [
          `${accountName}/${deviceId}/${name}`,
          formatTime(takenAt),
          String(number),
          point,
          reasons.length > 0 ? reasons.join(' ') : dryRun ? 'would be dropped' : 'dropped',
        ]),
      )
      const freedBytes = report.databases.reduce((sum, database) => sum + database.freedBytes, 0)
      const table = formatTable(['DATABASE', 'TAKEN', 'NUMBER', 'POINT', 'KEPT FOR'], rows, 'nothing is to be dropped')
      const failed = report.failed > 0 ? `${report.failed} databases could not be looked at; the log says why\n` : ''
      return {
        json: { dryRun, ...report, freedBytes },
        text: `${table}${failed}${dryRun ? '' : `${formatBytes(freedBytes)} given back or free for what comes\n`}`,
        ...(report.failed > 0 && { exitCode: EXIT.partial }),
      }
    })
  },
}
