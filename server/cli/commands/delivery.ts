/** `nightferry delivery …`: one image to several devices that share the download (DL-18, DL-23). */

import { type CommandInput, listOf, textOf } from '../../../schemas/cli/commandTable.ts'
import { formatDelivery, STRATEGY_NAMES } from '../../../schemas/cli/formatDelivery.ts'
import type { DevicePreference } from '../../../schemas/delivery/preferences.ts'
import { CodedError } from '../../../schemas/errors.ts'
import type { DeliverySteering, DeliverySummary } from '../../../schemas/http/deliveries.ts'
import { DELIVERY_SEGMENTS } from '../../../schemas/limits.ts'
import { choosePoint } from '../choosePoint.ts'
import { findDevice } from '../findDevice.ts'
import type { AccountDevice, OperatorApi } from '../operatorApi.ts'
import { type ServerCommand, WHERE_OPTIONS, withOperatorApi } from '../serverContext.ts'
import { deviceArgument } from './device.ts'

export const deliveryCreate: ServerCommand = {
  spec: {
    name: 'delivery create',
    summary: 'bring a backup to several devices that share the download',
    args: [deviceArgument, { name: 'DATABASE', summary: 'name of the database' }],
    options: [
      ...WHERE_OPTIONS,
      { name: 'to', value: 'DEVICE', summary: 'a device that gets it; give it for each', required: true, repeat: true },
      {
        name: 'strategy',
        value: 'NAME',
        summary: 'how they share',
        choices: Object.keys(STRATEGY_NAMES),
        default: 'shortest-time',
      },
      { name: 'at', value: 'TIME|POINT', summary: 'a restore point, or the last one before a time' },
      { name: 'limit', value: 'DEVICE=MB', summary: 'what a device may draw from the server', repeat: true },
      { name: 'ask-on-loss', summary: 'ask the others before they take over what a lost device was to fetch' },
      { name: 'wait', value: 'SECONDS', summary: 'how long the first device waits for the others', default: '30' },
    ],
  },
  run: (context, input) =>
    withOperatorApi(context, input, async (api) => {
      const source = await findDevice(api, textOf(input, 'DEVICE') ?? '')
      const database = textOf(input, 'DATABASE') ?? ''
      const at = textOf(input, 'at')
      const point = at === undefined ? undefined : await choosePoint(api, source, database, at)
      const created = await api.createDelivery(source.accountName, {
        database,
        fromDeviceId: source.deviceId,
        ...(point !== undefined && { point }),
        preferences: {
          strategy: STRATEGY_NAMES[textOf(input, 'strategy') ?? ''] ?? 'shortestTime',
          devices: await readDevices(api, input, source),
          onLoss: input['ask-on-loss'] === true ? 'ask' : 'take-over',
        },
        waitS: wholeOf(textOf(input, 'wait') ?? '30', 'wait'),
        segments: DELIVERY_SEGMENTS,
      })
      return { json: { ...created }, text: formatDelivery(created) }
    }),
}

export const deliveryStatus: ServerCommand = {
  spec: {
    name: 'delivery status',
    summary: 'show how far Deliveries are',
    args: [{ name: 'DELIVERY', summary: 'id of one of them', optional: true }],
    options: WHERE_OPTIONS,
  },
  run: (context, input) =>
    withOperatorApi(context, input, async (api) => {
      const wanted = textOf(input, 'DELIVERY')
      if (wanted !== undefined) {
        const { delivery } = await findDelivery(api, wanted)
        return { json: { deliveries: [delivery] }, text: formatDelivery(delivery) }
      }
      const deliveries = (await listAll(api)).map(({ delivery }) => delivery)
      return {
        json: { deliveries },
        text: deliveries.length === 0 ? 'no delivery\n' : deliveries.map(formatDelivery).join('\n'),
      }
    }),
}

export const deliveryPause = steeringCommand('pause', 'let devices fetch no more for now; what they have stays')
export const deliveryResume = steeringCommand('resume', 'let a paused Delivery go on')
export const deliveryCancel = steeringCommand('cancel', 'end a Delivery; files that devices completed stay')

function steeringCommand(action: DeliverySteering, summary: string): ServerCommand {
  return {
    spec: {
      name: `delivery ${action}`,
      summary,
      args: [{ name: 'DELIVERY', summary: 'its id' }],
      options: WHERE_OPTIONS,
    },
    run: (context, input) =>
      withOperatorApi(context, input, async (api) => {
        const { accountName, delivery } = await findDelivery(api, textOf(input, 'DELIVERY') ?? '')
        const steered = await api.steerDelivery(accountName, delivery.deliveryId, action)
        return { json: { ...steered }, text: formatDelivery(steered) }
      }),
  }
}

async function readDevices(api: OperatorApi, input: CommandInput, source: AccountDevice): Promise<DevicePreference[]> {
  const limits = new Map(listOf(input, 'limit').map(readLimit))
  const named = await Promise.all(
    listOf(input, 'to').map(async (name) => ({ name, device: await findOwn(api, source, name) })),
  )
  const unused = [...limits.keys()].find((name) => !named.some((each) => each.name === name))
  if (unused !== undefined) throw new CodedError('config.invalid', `--limit names ${unused}, but --to does not`)
  return named.map(({ name, device }) => {
    const dataLimitBytes = limits.get(name)
    return { deviceId: device.deviceId, ...(dataLimitBytes !== undefined && { dataLimitBytes }) }
  })
}

/** Names are unique within an account: the one of the source is meant. */
async function findOwn(api: OperatorApi, { accountName }: AccountDevice, name: string): Promise<AccountDevice> {
  const own = (await api.listDevices()).find((device) => device.accountName === accountName && device.name === name)
  return own ?? findDevice(api, name)
}

function readLimit(text: string): [string, number] {
  const [, name = '', megabytes = ''] = /^(.+)=(\d{1,9})$/.exec(text) ?? []
  if (name !== '') return [name, Number(megabytes) * 1_000_000]
  throw new CodedError('config.invalid', `not a limit: ${text}`, { next: 'Give it like tablet=100, in megabytes.' })
}

function wholeOf(text: string, name: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw new CodedError('config.invalid', `--${name} is no whole number: ${text}`)
}

interface FoundDelivery {
  readonly accountName: string
  readonly delivery: DeliverySummary
}

async function listAll(api: OperatorApi): Promise<FoundDelivery[]> {
  const found: FoundDelivery[] = []
  for (const { name } of await api.listAccounts())
    for (const delivery of await api.listDeliveries(name)) found.push({ accountName: name, delivery })
  return found
}

/** @throws {CodedError} `delivery.unknown`. */
async function findDelivery(api: OperatorApi, deliveryId: string): Promise<FoundDelivery> {
  const found = (await listAll(api)).find(({ delivery }) => delivery.deliveryId === deliveryId)
  if (found !== undefined) return found
  throw new CodedError('delivery.unknown', `there is no Delivery ${deliveryId}`, {
    next: 'Run "nightferry delivery status" to see them.',
  })
}
