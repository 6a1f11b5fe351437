/** `nightferry points`: the moments a device's database can be restored to. */

import { textOf } from '../../../schemas/cli/commandTable.ts'
import { formatPin } from '../../../schemas/cli/formatPin.ts'
import { formatBytes, formatTable, formatTime } from '../../../schemas/cli/formatTable.ts'
import { findDevice } from '../findDevice.ts'
import { type ServerCommand, WHERE_OPTIONS, withOperatorApi } from '../serverContext.ts'
import { deviceArgument } from './device.ts'

export const points: ServerCommand = {
  spec: {
    name: 'points',
    summary: 'list the moments a database can be restored to',
    args: [deviceArgument, { name: 'DATABASE', summary: 'name of the database' }],
    options: WHERE_OPTIONS,
  },
  run: (context, input) =>
    withOperatorApi(context, input, async (api) => {
      const device = await findDevice(api, textOf(input, 'DEVICE') ?? '')
      const database = textOf(input, 'DATABASE') ?? ''
      const found = await api.listPoints(device, database)
      const rows = found.map((entry) => [
        entry.point,
        formatTime(entry.takenAt),
        String(entry.number),
        formatBytes(entry.sizeBytes),
        formatPin(entry.pin),
      ])
      const text = formatTable(['POINT', 'TAKEN', 'NUMBER', 'SIZE', 'PINNED'], rows, 'no restore point yet')
      return { json: { device: device.deviceId, database, points: found }, text }
    }),
}
