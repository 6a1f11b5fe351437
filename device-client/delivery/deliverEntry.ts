/** `deliver join` and `deliver status` of the device client: which Delivery is meant, and where its file comes to lie. */

import { CodedError } from '../../schemas/errors.ts'
import type { DeliveryDevice, DeliverySummary } from '../../schemas/http/deliveries.ts'
import type { DeviceClientPorts } from '../createDeviceClient.ts'
import { deliverDatabase } from './deliverDatabase.ts'
import { type DeliveryCalls, openDeliveryCalls } from './deliveryCalls.ts'
import type { OpenedLink } from './fetchByLinks.ts'

/** A link to the server, as the user describes it. */
export interface LinkOption {
  readonly linkId: string
  readonly type: 'ethernet' | 'wifi' | 'cellular' | 'satellite' | 'bluetooth'
  readonly bytesPerSecond?: number
  readonly costPerGigabyte?: number
  /** The address of this device on it; without it the system chooses. */
  readonly localAddress?: string
}

export interface DeliverOptions {
  /** Default: the only one that names this device and is not over. */
  readonly deliveryId?: string
  readonly to: string
  readonly links: readonly LinkOption[]
  /** The user's word: devices of the same place are together. */
  readonly place?: string
  readonly networks: readonly string[]
  readonly listen: readonly string[]
  readonly port: number
  /** Of the account, for a Delivery that does not name this device. */
  readonly password?: string
  readonly trustNewKey?: boolean
  takesOver(lost: readonly string[]): Promise<boolean>
  onProgress(devices: readonly DeliveryDevice[]): void
  readonly stopped: Promise<void>
}

export interface DeliverReport {
  readonly deliveryId: string
  readonly database: string
  readonly path: string
  /** `complete`: the file is in place. */
  readonly phase: string
  readonly complete: boolean
  readonly sizeBytes: number
  /** Of the file; absent if it was in place before. */
  readonly sha256?: string
  readonly serverBytes: number
  readonly peerBytes: number
  readonly beganAt?: number
  readonly placedAt?: number
  readonly durationMs: number
  readonly devices: readonly DeliveryDevice[]
}

/** What the device client does about Deliveries. */
export interface DeliveryClient {
  /** Takes part in a Delivery until it is over. @throws `delivery.*`, `integrity.mismatch`, `network.unreachable`. */
  deliver(options: DeliverOptions): Promise<DeliverReport>
  /** Deliveries this device has to do with, newest first. */
  deliveries(): Promise<readonly DeliverySummary[]>
}

/** Deliveries this device has to do with. @throws {CodedError} `auth.*`, `network.unreachable`. */
export async function listDeliveries(ports: DeviceClientPorts): Promise<readonly DeliverySummary[]> {
  return (await openDeliveryCalls(ports)).list()
}

/** @throws {CodedError} as `deliverDatabase`; `restore.target-exists` if a database under backup lies at the target. */
export async function deliverEntry(ports: DeviceClientPorts, options: DeliverOptions): Promise<DeliverReport> {
  const { openFrame, openPeers, openLink } = ports
  if (openFrame === undefined || openPeers === undefined || openLink === undefined)
    throw new CodedError('config.invalid', 'this platform takes no Deliveries')
  const startedAt = ports.clock.now()
  const path = ports.absolutePath(options.to)
  const watched = (await ports.records.databases()).find((entry) => entry.path === path)
  if (watched !== undefined)
    throw new CodedError('restore.target-exists', `${path} is under backup as ${watched.name}`, {
      next: 'Choose another path, and replace the database by "nightferry-device restore".',
    })
  const calls = await openDeliveryCalls(ports, options.password)
  const deliveryId = options.deliveryId ?? (await chooseDelivery(calls))
  const known = options.trustNewKey ? undefined : await ports.records.serverKeys()
  const before = await ports.records.delivery(deliveryId)
  const target = ports.restoreTarget(path)
  const isPlaced = before?.path === path
  // The file took its name, and nothing was left to do for peers.
  if (isPlaced && (await target.readTicket()) === undefined) return reportPlaced(await calls.list(), deliveryId, path)
  const opened = options.links.map((link) => ({ linkId: link.linkId, ...openLink(link.localAddress) }))
  try {
    const links: OpenedLink[] = opened.map(({ linkId, fetch }) => ({ linkId, fetch }))
    const delivered = await deliverDatabase({
      ...{ calls, deliveryId, links, openFrame, openPeers, trustedKeys: known },
      target,
      ...{ listen: options.listen, port: options.port },
      about: aboutOf(options),
      isPlaced,
      placed: () => ports.records.setDelivery(deliveryId, { path }),
      takesOver: options.takesOver,
      ...{ clock: ports.clock, random: ports.random, log: ports.log },
      ...{ onProgress: options.onProgress, stopped: options.stopped },
    })
    if (known === undefined) await ports.records.setServerKeys(delivered.signingKeys)
    const { phase, database, sizeBytes, sha256, serverBytes, peerBytes, beganAt, placedAt } = delivered
    if (!delivered.isPlaced && (phase === 'cancelled' || phase === 'failed'))
      throw new CodedError('delivery.ended', `the Delivery was ${phase}`)
    return {
      ...{ deliveryId, database, path, phase, complete: delivered.isPlaced, sizeBytes, sha256 },
      ...{ serverBytes, peerBytes },
      ...(beganAt !== undefined && { beganAt }),
      ...(placedAt !== undefined && { placedAt }),
      durationMs: ports.clock.now() - startedAt,
      devices: delivered.devices,
    }
  } finally {
    for (const { close } of opened) close()
  }
}

/** @throws {CodedError} `delivery.unknown` if it expired since. */
function reportPlaced(deliveries: readonly DeliverySummary[], deliveryId: string, path: string): DeliverReport {
  const found = deliveries.find((each) => each.deliveryId === deliveryId)
  if (found === undefined) throw new CodedError('delivery.unknown', 'there is no such Delivery')
  const { database, phase, sizeBytes, devices } = found
  const nothing = { serverBytes: 0, peerBytes: 0, durationMs: 0 }
  return { deliveryId, database, path, phase, complete: true, sizeBytes, ...nothing, devices }
}

function aboutOf({ links, place, networks }: DeliverOptions) {
  return {
    syncEnabled: true,
    links: links.map(({ linkId, type, bytesPerSecond, costPerGigabyte }) => ({
      ...{ linkId, type },
      ...(bytesPerSecond !== undefined && { givenBytesPerSecond: bytesPerSecond }),
      ...(costPerGigabyte !== undefined && { costPerGigabyte }),
    })),
    networks: [...networks],
    ...(place !== undefined && { place }),
  }
}

/** @throws {CodedError} `delivery.unknown` if there is none, `config.invalid` if there are several. */
async function chooseDelivery(calls: DeliveryCalls): Promise<string> {
  const open = (await calls.list()).filter(({ phase }) => ['waiting', 'running', 'paused'].includes(phase))
  const [only] = open
  if (only === undefined)
    throw new CodedError('delivery.unknown', 'no Delivery names this device', {
      next: 'Order one with "nightferry delivery create", or name it with the password of the account.',
    })
  if (open.length === 1) return only.deliveryId
  throw new CodedError(
    'config.invalid',
    `several Deliveries are under way: ${open.map((each) => each.deliveryId).join(', ')}`,
  )
}
