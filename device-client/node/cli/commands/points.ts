/** `nightferry-device points`: the moments a database can be restored to. */

import { textOf } from '../../../../schemas/cli/commandTable.ts'
import { formatPin } from '../../../../schemas/cli/formatPin.ts'
import { formatBytes, formatTable, formatTime } from '../../../../schemas/cli/formatTable.ts'
import type { AgentCommand } from '../agentContext.ts'
import { chooseDatabase } from '../chooseDatabase.ts'
import { ownerPassword, PASSWORD_OPTION } from '../ownerPassword.ts'

export const points: AgentCommand = {
  spec: {
    name: 'points',
    summary: 'list the moments a database can be restored to',
    args: [],
    options: [
      { name: 'database', value: 'NAME', summary: 'name of the backup (default: the only one)' },
      { name: 'from-device', value: 'NAME', summary: 'the device whose copy is meant (default: this one)' },
      PASSWORD_OPTION,
    ],
  },
  run: async (context, input) => {
    const database = await chooseDatabase(context, textOf(input, 'database'))
    const fromDevice = textOf(input, 'from-device')
    const found = await context.client.points(database, {
      ...(fromDevice === undefined ? {} : { fromDevice }),
      ...(await ownerPassword(context, input, fromDevice)),
    })
    const rows = found.map((entry) => [
      entry.point,
      formatTime(entry.takenAt),
      String(entry.number),
      formatBytes(entry.sizeBytes),
      formatPin(entry.pin),
    ])
    return {
      json: { database, points: found },
      text: formatTable(['POINT', 'TAKEN', 'NUMBER', 'SIZE', 'PINNED'], rows, 'no restore point yet'),
    }
  },
}
