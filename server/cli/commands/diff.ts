/** `nightferry diff`: what differs between two restore points of a device's database. */

import { textOf } from '../../../schemas/cli/commandTable.ts'
import { DIFF_OPTIONS, formatDiff, readDiffOptions } from '../../../schemas/cli/formatDiff.ts'
import { choosePoint } from '../choosePoint.ts'
import { findDevice } from '../findDevice.ts'
import { type ServerCommand, WHERE_OPTIONS, withOperatorApi } from '../serverContext.ts'
import { deviceArgument } from './device.ts'

export const diff: ServerCommand = {
  spec: {
    name: 'diff',
    summary: 'say what differs between two restore points',
    args: [
      deviceArgument,
      { name: 'DATABASE', summary: 'name of the database' },
      { name: 'A', summary: 'name or number of a restore point, a time, or latest' },
      { name: 'B', summary: 'likewise' },
    ],
    options: [...WHERE_OPTIONS, ...DIFF_OPTIONS],
  },
  run: (context, input) =>
    withOperatorApi(context, input, async (api) => {
      const device = await findDevice(api, textOf(input, 'DEVICE') ?? '')
      const database = textOf(input, 'DATABASE') ?? ''
      const { values, ...options } = readDiffOptions(input)
      const from = await choosePoint(api, device, database, textOf(input, 'A') ?? '')
      const to = await choosePoint(api, device, database, textOf(input, 'B') ?? '')
      const report = await api.diff(device, database, { ...options, from, to, values: values ? 'yes' : 'no' })
      return { json: { device: device.deviceId, database, ...report }, text: formatDiff(report) }
    }),
}
