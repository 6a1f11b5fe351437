/** `nightferry device fence` and `device unfence`: stops a device that is lost or stolen, and lets it go on again. */

import { textOf } from '../../../schemas/cli/commandTable.ts'
import { findDevice } from '../findDevice.ts'
import { type ServerCommand, WHERE_OPTIONS, withOperatorApi } from '../serverContext.ts'
import { deviceArgument } from './device.ts'

export const deviceFence: ServerCommand = {
  spec: {
    name: 'device fence',
    summary: 'stop a device: it can neither back up nor restore any more, what it has stays',
    args: [deviceArgument],
    options: [...WHERE_OPTIONS, { name: 'reason', value: 'TEXT', summary: 'why, for people (default: lost)' }],
  },
  run: (context, input) =>
    withOperatorApi(context, input, async (api) => {
      const device = await findDevice(api, textOf(input, 'DEVICE') ?? '')
      const reason = textOf(input, 'reason') ?? 'lost'
      await api.setFence(device, reason)
      const report = { device: device.deviceId, account: device.accountName, reason }
      return { json: report, text: `${device.name} of ${device.accountName} is fenced: ${reason}\n` }
    }),
}

export const deviceUnfence: ServerCommand = {
  spec: {
    name: 'device unfence',
    summary: 'let a fenced device go on',
    args: [deviceArgument],
    options: WHERE_OPTIONS,
  },
  run: (context, input) =>
    withOperatorApi(context, input, async (api) => {
      const device = await findDevice(api, textOf(input, 'DEVICE') ?? '')
      await api.setFence(device, null)
      const report = { device: device.deviceId, account: device.accountName, reason: null }
      return { json: report, text: `${device.name} of ${device.accountName} is not fenced any more\n` }
    }),
}
