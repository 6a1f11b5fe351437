/** `nightferry-device deliver join`: takes part in a download that several devices share (DV-1). */

import { resolve } from 'node:path'
import { type CommandInput, listOf, textOf } from '../../../../schemas/cli/commandTable.ts'
import { EXIT } from '../../../../schemas/cli/exitCode.ts'
import { formatShare } from '../../../../schemas/cli/formatDelivery.ts'
import { formatBytes, formatTable } from '../../../../schemas/cli/formatTable.ts'
import { CodedError } from '../../../../schemas/errors.ts'
import type { DeliveryDevice } from '../../../../schemas/http/deliveries.ts'
import type { DeliverReport } from '../../../delivery/deliverEntry.ts'
import { type AgentCommand, type AgentContext, withWorkLock } from '../agentContext.ts'
import { askTakeOver } from '../askTakeOver.ts'
import { PASSWORD_OPTION } from '../ownerPassword.ts'
import { DEFAULT_LINK, parseLink } from '../parseLink.ts'
import { readSecret } from '../readSecret.ts'

const PROGRESS_MS = 1000

export const deliverJoin: AgentCommand = {
  spec: {
    name: 'deliver join',
    summary: 'take part in a download that several devices share, until all have it',
    args: [{ name: 'DELIVERY', summary: 'its id (default: the only one that names this device)', optional: true }],
    options: [
      { name: 'to', value: 'PATH', summary: 'where the file shall lie', required: true, path: true },
      {
        name: 'link',
        value: 'NAME[,type=TYPE][,mbit=N][,cost=N][,from=ADDRESS]',
        summary: 'a link to the server: its type, speed, cost per gigabyte, and the address of this device on it',
        repeat: true,
      },
      { name: 'place', value: 'NAME', summary: 'devices that name the same place sit together' },
      { name: 'network', value: 'NAME', summary: 'devices that name a network in common sit together', repeat: true },
      { name: 'listen', value: 'ADDRESS', summary: 'where peers reach this device (default: all)', repeat: true },
      { name: 'peer-port', value: 'PORT', summary: 'port for peers (default: a free one)', default: '0' },
      {
        name: 'take-over',
        value: 'yes|no|ask',
        summary: 'whether to fetch what a lost device was to fetch',
        choices: ['yes', 'no', 'ask'],
        default: 'yes',
      },
      { name: 'unnamed', summary: 'the Delivery does not name this device: join with the password of the account' },
      PASSWORD_OPTION,
      { name: 'trust-new-key', summary: 'the server was set up anew: take its signing key as it is now' },
    ],
  },
  run: (context, input) =>
    withWorkLock(context, async () => {
      const deliveryId = textOf(input, 'DELIVERY')
      const place = textOf(input, 'place')
      const links = listOf(input, 'link').map(parseLink)
      const report = await context.client.deliver({
        ...(deliveryId !== undefined && { deliveryId }),
        to: resolve(textOf(input, 'to') ?? ''),
        links: links.length === 0 ? [DEFAULT_LINK] : links,
        ...(place !== undefined && { place }),
        ...{ networks: listOf(input, 'network'), listen: listOf(input, 'listen'), port: portOf(input) },
        ...(input.unnamed === true && { password: await ownPassword(context, input) }),
        trustNewKey: input['trust-new-key'] === true,
        takesOver: (lost) => askTakeOver(context.log, textOf(input, 'take-over') ?? 'yes', lost),
        onProgress: showProgress(context),
        stopped: context.stopped(),
      })
      return { json: { ...report }, text: formatReport(report), ...(!report.complete && { exitCode: EXIT.partial }) }
    }),
}

function portOf(input: CommandInput): number {
  const text = textOf(input, 'peer-port') ?? '0'
  if (/^\d{1,5}$/.test(text) && Number(text) < 65_536) return Number(text)
  throw new CodedError('config.invalid', `not a port: ${text}`)
}

async function ownPassword(context: AgentContext, input: CommandInput): Promise<string> {
  const { user } = await context.records.identity()
  return readSecret(`Password of ${user}`, textOf(input, 'password-file'), context.environment)
}

/** Live progress of all devices, a line a second. */
function showProgress({ log, clock }: AgentContext): (devices: readonly DeliveryDevice[]) => void {
  let shownAt = 0
  let shown = ''
  return (devices) => {
    const line = devices.map((device) => `${device.name} ${formatShare(device)}`).join(', ')
    if (line === shown || clock.now() - shownAt < PROGRESS_MS) return
    shownAt = clock.now()
    shown = line
    log.info(`delivery: ${line}`)
  }
}

function formatReport({ database, path, phase, complete, sizeBytes, devices }: DeliverReport): string {
  const rows = devices.map((device) => [
    device.name,
    device.complete ? 'complete' : device.state,
    formatBytes(device.serverBytes),
    formatBytes(device.peerBytes),
  ])
  const state = complete ? `${formatBytes(sizeBytes)} are in ${path}` : `not complete, the Delivery is ${phase}`
  return `${database}: ${state}\n${formatTable(['DEVICE', 'STATE', 'FROM SERVER', 'FROM PEERS'], rows, 'no device')}`
}
