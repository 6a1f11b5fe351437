/** `nightferry device trace` and `nightferry trace show`: the messages of one device, for a while. */

import { type CommandInput, textOf } from '../../../schemas/cli/commandTable.ts'
import { formatTime } from '../../../schemas/cli/formatTable.ts'
import { CodedError } from '../../../schemas/errors.ts'
import type { TracedExchange } from '../../../schemas/http/operator.ts'
import { MAX_TRACE_HOURS } from '../../../schemas/limits.ts'
import { findDevice } from '../findDevice.ts'
import { type ServerCommand, WHERE_OPTIONS, withOperatorApi } from '../serverContext.ts'
import { deviceArgument } from './device.ts'

export const deviceTrace: ServerCommand = {
  spec: {
    name: 'device trace',
    summary: "note a device's messages for a while, without what is the user's",
    args: [deviceArgument, { name: 'STATE', summary: 'on or off', choices: ['on', 'off'] }],
    options: [{ name: 'hours', value: 'HOURS', summary: 'when it ends by itself', default: '1' }, ...WHERE_OPTIONS],
  },
  run: (context, input) =>
    withOperatorApi(context, input, async (api) => {
      const hours = textOf(input, 'STATE') === 'on' ? readHours(input) : 0
      const device = await findDevice(api, textOf(input, 'DEVICE') ?? '')
      const { since, until } = await api.setTrace(device, hours)
      const text = hours === 0 ? `${device.name} is not traced` : `${device.name} is traced until ${formatTime(until)}`
      return { json: { device: device.deviceId, traced: hours > 0, since, until }, text: `${text}\n` }
    }),
}

export const traceShow: ServerCommand = {
  spec: {
    name: 'trace show',
    summary: 'show the messages of a device that was traced',
    args: [deviceArgument],
    options: WHERE_OPTIONS,
  },
  run: (context, input) =>
    withOperatorApi(context, input, async (api) => {
      const device = await findDevice(api, textOf(input, 'DEVICE') ?? '')
      const trace = await api.readTrace(device)
      const text = trace.messages.map(formatMessage).join('\n') || 'no message was noted\n'
      return { json: { device: device.deviceId, ...trace }, text }
    }),
}

/** @throws {CodedError} `config.invalid`. */
function readHours(input: CommandInput): number {
  const text = textOf(input, 'hours') ?? ''
  const hours = /^\d{1,2}$/.test(text) ? Number(text) : 0
  if (hours >= 1 && hours <= MAX_TRACE_HOURS) return hours
  throw new CodedError('config.invalid', `not a number of hours: ${text}`, { next: `Give 1 to ${MAX_TRACE_HOURS}.` })
}

function formatMessage({
  at,
  direction,
  sessionId,
  msgId,
  encoding,
  remoteAddress,
  sizeBytes,
  xml,
  cut,
}: TracedExchange) {
  const way = direction === 'received' ? `received from ${remoteAddress}` : `sent to ${remoteAddress}`
  const head = `${formatTime(at)} session ${sessionId} message ${msgId}, ${way}, ${sizeBytes} octets of ${encoding}`
  const rest = cut ? `[${xml === '' ? 'it cannot be shown' : 'there was more'}]\n` : ''
  return `${head}\n${xml}${xml === '' || xml.endsWith('\n') ? '' : '\n'}${rest}`
}
