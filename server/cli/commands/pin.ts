/** `nightferry pin` and `unpin`: a restore point stays, or may go again. */

import { textOf } from '../../../schemas/cli/commandTable.ts'
import { formatTime } from '../../../schemas/cli/formatTable.ts'
import { choosePoint } from '../choosePoint.ts'
import { findDevice } from '../findDevice.ts'
import { type ServerCommand, WHERE_OPTIONS, withOperatorApi } from '../serverContext.ts'
import { deviceArgument } from './device.ts'

const args = [
  deviceArgument,
  { name: 'DATABASE', summary: 'name of the database' },
  { name: 'POINT', summary: 'name or number of a restore point, a time, or latest' },
]

export const pin: ServerCommand = {
  spec: {
    name: 'pin',
    summary: 'keep a restore point, whatever the policy says',
    args,
    options: [...WHERE_OPTIONS, { name: 'reason', value: 'TEXT', summary: 'why, as the lists show it' }],
  },
  run: (context, input) => change(context, input, true),
}

export const unpin: ServerCommand = {
  spec: { name: 'unpin', summary: 'leave a restore point to the policy again', args, options: WHERE_OPTIONS },
  run: (context, input) => change(context, input, false),
}

const change = (
  context: Parameters<ServerCommand['run']>[0],
  input: Parameters<ServerCommand['run']>[1],
  pinned: boolean,
): ReturnType<ServerCommand['run']> =>
  withOperatorApi(context, input, async (api) => {
    const device = await findDevice(api, textOf(input, 'DEVICE') ?? '')
    const database = textOf(input, 'DATABASE') ?? ''
    const point = await choosePoint(api, device, database, textOf(input, 'POINT') ?? '')
    const reason = textOf(input, 'reason')
    const found = await api.setPin(device, database, { point, pinned, ...(reason !== undefined && { reason }) })
    const name = `point ${found.point} of ${formatTime(found.takenAt)} (number ${found.number})`
    return {
      json: { device: device.deviceId, database, ...found },
      text: `${database}: ${name} is ${pinned ? 'pinned' : 'left to the policy'}\n`,
    }
  })
