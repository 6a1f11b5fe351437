/**
 * One image to several devices over unequal links, in a network of namespaces: how long until all have it, against the best
 * there could be (octets by the sum of the links), for each strategy, and beside a BitTorrent swarm of aria2c on the same
 * network. Needs the right to make namespaces; without it there are no figures.
 */

import type { StrategyName } from '../schemas/delivery/preferences.ts'
import { type NetworkLab, networkLabs, openNetworkLab } from '../test/support/networkLab.ts'
import {
  openSharedDelivery,
  type SharedDelivery,
  type SharingDevice,
  sha256Of,
} from '../test/support/sharedDelivery.ts'
import { measureSwarm } from './deliverySwarm.ts'

/** Mbit/s to the server. */
const LINKS = { d1: 20, d2: 8.5, d3: 5, d4: 3 } as const
const STRATEGIES: readonly StrategyName[] = ['bandwidthProportional', 'half', 'oddEven', 'full']

export interface DeliveryFigure {
  readonly what: string
  readonly mbit: readonly number[]
  readonly seconds: number
  /** Octets by the sum of the links; where the strategy says otherwise, what it can reach. */
  readonly bestSeconds: number
  /** What the server sent, by the size of the image: octets of segments; of the swarm all that went over the links. */
  readonly fromServer: number
}

export interface DeliveryResult {
  readonly megabytes: number
  readonly figures: readonly DeliveryFigure[]
}

/** @returns undefined where no namespaces can be made. */
export async function runDelivery(
  megabytes: number,
  report: (line: string) => void,
): Promise<DeliveryResult | undefined> {
  const { available, reason } = networkLabs()
  if (!available) {
    report(`delivery ${reason}`)
    return undefined
  }
  const lab = openNetworkLab(LINKS)
  const shared = await openSharedDelivery(Object.keys(LINKS), megabytes, lab.places)
  const figures: DeliveryFigure[] = []
  const add = (figure: DeliveryFigure): void => {
    figures.push(figure)
    report(
      `${figure.what} to ${figure.mbit.length}: ${figure.seconds.toFixed(1)} s, best ${figure.bestSeconds.toFixed(1)} s`,
    )
  }
  try {
    for (const count of [2, 3, 4]) {
      const devices = shared.devices.slice(0, count)
      add(await measure(lab, shared, devices, 'shortestTime'))
      const swarm = await measureSwarm(lab, shared, devices)
      const mbit = devices.map(mbitOf)
      if (swarm !== undefined)
        add({ what: 'aria2c', mbit, ...swarm, bestSeconds: bestOf('shortestTime', swarm.sizeBytes, mbit) })
    }
    for (const strategy of STRATEGIES) add(await measure(lab, shared, shared.devices.slice(0, 2), strategy))
  } finally {
    await shared.close()
    lab.close()
  }
  return { megabytes, figures }
}

/** The section of the report. */
export function deliveryLines({ megabytes, figures }: DeliveryResult): string[] {
  return [
    '',
    '## One download, several devices',
    '',
    `A database of ${megabytes} MB that does not compress, from one server to devices with links of unequal speed, 400 Mbit/s between them: namespaces, veth, tc. From the moment it begins until the last device has the verified file in its place. \`best\`: octets by the sum of the links, or what the strategy can reach. aria2c: the same file and network, the server as web seed, peers found by local discovery; what it drew counts with all headers.`,
    '',
    '| | links, Mbit/s | seconds | best | ratio | drawn from the server, images |',
    '|---|---|---|---|---|---|',
    ...figures.map(({ what, mbit, seconds, bestSeconds, fromServer }) => {
      const times = [seconds.toFixed(1), bestSeconds.toFixed(1), (seconds / bestSeconds).toFixed(2)]
      return `| ${[what, mbit.join(' + '), ...times, fromServer.toFixed(3)].join(' | ')} |`
    }),
  ]
}

async function measure(
  lab: NetworkLab,
  shared: SharedDelivery,
  devices: readonly SharingDevice[],
  strategy: StrategyName,
): Promise<DeliveryFigure> {
  const { deliveryId, characteristics } = await shared.order(devices, { strategy })
  const joining = devices.map((device) =>
    device.agent.start(
      ...['deliver', 'join', deliveryId, '--to', `${device.path}.${deliveryId}`, '--place', 'here'],
      ...['--listen', lab.lanAddress(device.name), '--link', `up,mbit=${mbitOf(device)}`],
    ),
  )
  const answers = await Promise.all(joining.map(({ ended }) => ended))
  const failed = answers.find(({ exitCode }) => exitCode !== 0)
  if (failed !== undefined) throw new Error(`a device ended with ${failed.exitCode}: ${failed.stderr}`)
  const reports = answers.map(({ report }) => report)
  const digests = devices.map(({ path }) => sha256Of(`${path}.${deliveryId}`))
  if (new Set([...digests, reports[0]?.sha256]).size !== 1) throw new Error('the files differ')
  const mbit = devices.map(mbitOf)
  const began = Math.min(...reports.map(({ beganAt }) => Number(beganAt)))
  const placed = Math.max(...reports.map(({ placedAt }) => Number(placedAt)))
  return {
    ...{ what: strategy, mbit, seconds: (placed - began) / 1000 },
    bestSeconds: bestOf(strategy, characteristics.sizeBytes, mbit),
    fromServer: reports.reduce((sum, { serverBytes }) => sum + Number(serverBytes), 0) / characteristics.sizeBytes,
  }
}

function mbitOf({ name }: SharingDevice): number {
  return LINKS[name as keyof typeof LINKS]
}

function bestOf(strategy: StrategyName, sizeBytes: number, mbit: readonly number[]): number {
  const megabits = (sizeBytes * 8) / 1e6
  if (strategy === 'full') return megabits / Math.min(...mbit)
  if (strategy === 'half' || strategy === 'oddEven') return megabits / mbit.length / Math.min(...mbit)
  return megabits / mbit.reduce((sum, speed) => sum + speed, 0)
}
