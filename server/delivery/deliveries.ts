/**
 * The Delivery service: ordered by an owner, joined by the devices that were named, moved on by what they report. Here is
 * who may what, and what is signed; what follows from an event is decided in `conduct.ts`. Rules DL-18 to DL-24.
 */

import { randomUUID } from 'node:crypto'
import type { DataSet } from '../../schemas/delivery/dataSet.ts'
import { DELIVERY_MAP_TYPE, type DeliveryMap } from '../../schemas/delivery/deliveryMap.ts'
import { formatPacketHeader } from '../../schemas/delivery/packetHeader.ts'
import { CodedError } from '../../schemas/errors.ts'
import type { DeliveryNews, DeliveryOrder, DeliveryTicket } from '../../schemas/http/deliveries.ts'
import { MAX_OPEN_DELIVERIES } from '../../schemas/limits.ts'
import { rangeOf, type SegmentMap } from '../../schemas/restore/segmentMap.ts'
import type { DatabaseKey } from '../catalogue/catalogue.ts'
import type { Deliveries, DeliveryRow } from '../catalogue/deliveries.ts'
import { step } from '../steps.ts'
import type { Conduct } from './conductState.ts'
import { partOf } from './conductState.ts'
import type { DeliveryCaller, DeliveryService } from './deliveryService.ts'
import { describeDelivery, mapOf, newsFor, peerIdOf } from './describeDelivery.ts'
import { type LiveDelivery, openLiveDeliveries } from './liveDeliveries.ts'
import { preferenceOf } from './situation.ts'

/** After its connection broke, a device that says nothing for so long is lost, milliseconds. */
const BROKEN_MS = 3000

/** An image that was made and stored for a Delivery. */
export interface DeliveredImage {
  readonly imageId: string
  readonly contentKey: Uint8Array
  readonly wrappedContentKey: string
  readonly map: SegmentMap
  readonly source: { readonly kind: 'sql' | 'file' }
}

export interface DeliveriesParts {
  readonly rows: Deliveries
  /** @throws {CodedError} `database.unknown`, `restore.unknown`, `restore.damaged`, `storage.*`. */
  orderImage(wanted: {
    readonly key: DatabaseKey
    readonly point?: string
    readonly compression: 'zstd'
    readonly leastSegments: number
    readonly owner: DeliveryCaller
  }): Promise<DeliveredImage>
  removeImage(imageId: string): Promise<void>
  /** A sealed segment; undefined if it is gone. */
  readSegment(imageId: string, segment: number): Promise<Uint8Array | undefined>
  readonly signer: {
    readonly publicKey: DeliveryMap['validationKey']
    sign(map: SegmentMap): Promise<string>
    signAs(type: string, statement: object): Promise<string>
  }
  readMap(jws: string): SegmentMap
  /** The content key of an image from its wrapped form. */
  unwrapContentKey(wrapped: string, imageId: string): Uint8Array
  /** What keys between peers are derived from. */
  peersKey(): Uint8Array
  readonly serverId: string
  now(): number
  /** How long image and map are kept, milliseconds. */
  readonly keepMs: number
}

export function createDeliveries(parts: DeliveriesParts): DeliveryService {
  const { rows, now } = parts
  const lives = openLiveDeliveries(parts)
  const maps = new Map<string, Promise<string>>()
  /** The signed map of the device's part, if it is newer than `known`. Signed once for each revision. */
  const mapFor = async (live: LiveDelivery, deviceId: string, known: number): Promise<string | undefined> => {
    const part = partOf(live.conduct, deviceId)
    if (part === undefined || part.state.revision <= known) return undefined
    const name = `${live.row.id} ${live.conduct.parts.indexOf(part)} ${part.state.revision}`
    const { publicKey: validationKey } = parts.signer
    const signed =
      maps.get(name) ??
      parts.signer.signAs(DELIVERY_MAP_TYPE, mapOf(live, part, { serverId: parts.serverId, validationKey }))
    maps.set(name, signed)
    if (maps.size > 64) maps.delete(maps.keys().next().value ?? '')
    return signed
  }
  const tell = async (live: LiveDelivery, deviceId: string, known: number): Promise<DeliveryNews> =>
    newsFor(live, deviceId, parts.peersKey(), await mapFor(live, deviceId, known))
  const openJoined = async ({ accountId, deviceId }: DeliveryCaller, deliveryId: string): Promise<LiveDelivery> => {
    const live = await lives.open(accountId, deliveryId)
    // One that did not join is answered like one of another account.
    if (!isJoined(live.conduct, deviceId)) throw new CodedError('delivery.unknown', 'there is no such Delivery')
    return live
  }
  /** A device whose connection broke reports within a second, or it is lost. */
  const expectAgain = ({ accountId, deviceId }: DeliveryCaller, deliveryId: string): void => {
    const since = now()
    const look = async (): Promise<void> => {
      await lives.apply(await lives.open(accountId, deliveryId), { kind: 'silent', deviceId, since })
    }
    // By then it may have expired.
    setTimeout(() => void look().catch(() => undefined), BROKEN_MS).unref()
  }
  return {
    create: async (accountId, order) => {
      const listed = await rows.list(accountId)
      if (listed.filter(({ isOver, expiresAt }) => !isOver && expiresAt > now()).length >= MAX_OPEN_DELIVERIES)
        throw new CodedError('delivery.limited', `${MAX_OPEN_DELIVERIES} Deliveries of this account are under way`, {
          next: 'Cancel one of them first.',
        })
      const row = await orderRow(parts, accountId, order)
      step('ticket')
      await rows.put(row)
      step('ticket-written')
      return describeDelivery(await lives.open(accountId, row.id))
    },
    list: async (accountId, deviceId) => {
      const listed = (await rows.list(accountId)).filter(({ expiresAt }) => expiresAt > now())
      const open = await Promise.all(listed.map(({ id }) => lives.open(accountId, id)))
      return open
        .filter(({ conduct }) => deviceId === undefined || concerns(conduct, deviceId))
        .map((live) => describeDelivery(live))
    },
    steer: async (accountId, deliveryId, action) =>
      describeDelivery(await lives.steer(await lives.open(accountId, deliveryId), action)),
    join: async (caller, deliveryId, joining, isAllowed) => {
      const live = await lives.open(caller.accountId, deliveryId)
      if (!isAllowed && !concerns(live.conduct, caller.deviceId))
        throw new CodedError('delivery.unknown', 'there is no such Delivery', {
          next: 'A device that was not named needs --password-file with the password of the account.',
        })
      if (live.conduct.ended !== null) throw new CodedError('delivery.ended', `the Delivery was ${live.conduct.ended}`)
      const { addresses, held, ...said } = joining
      const description = { ...said, deviceId: caller.deviceId, seenAt: now() }
      const device = { description, name: caller.name, addresses, held, inFlight: [], gone: false }
      const joined = await lives.apply(live, { kind: 'joined', device })
      return ticketFor(parts, joined, caller.deviceId, await tell(joined, caller.deviceId, -1))
    },
    leave: async (caller, deliveryId) => {
      await lives.apply(await openJoined(caller, deliveryId), { kind: 'gone', deviceId: caller.deviceId })
    },
    report: async (caller, deliveryId, { addresses, takesOver, revision, ...said }) => {
      const { deviceId } = caller
      let live = await openJoined(caller, deliveryId)
      const report = { ...said, deviceId }
      live = await lives.apply(live, { kind: 'progress', report, ...(addresses !== undefined && { addresses }) })
      if (takesOver !== undefined) live = await lives.apply(live, { kind: 'answered', deviceId, takesOver })
      return tell(live, deviceId, revision)
    },
    await: async (caller, deliveryId, { news, revision, waitMs }, onGone) => {
      const until = now() + waitMs
      for (;;) {
        const told = await tell(await openJoined(caller, deliveryId), caller.deviceId, revision)
        const leftMs = until - now()
        if (told.news !== news || leftMs <= 0) return told
        let isGone = false
        await lives.change(deliveryId, leftMs, (listener) =>
          onGone(() => {
            isGone = true
            listener()
          }),
        )
        if (isGone) {
          expectAgain(caller, deliveryId)
          return told
        }
      }
    },
    readSegment: async (caller, deliveryId, segment) => {
      const { row, map, conduct } = await openJoined(caller, deliveryId)
      if (conduct.ended !== null) throw new CodedError('delivery.ended', `the Delivery was ${conduct.ended}`)
      const bytes = segment < map.segments.length ? await parts.readSegment(row.imageId, segment) : undefined
      if (bytes === undefined) throw new CodedError('delivery.unknown', `there is no segment ${segment}`)
      const position = map.compression === 'zstd' ? rangeOf(map, segment).offset : 0
      const about = { segment, set: map.imageId, server: parts.serverId, position }
      return { bytes, packet: formatPacketHeader({ ...about, made: map.createdAt, sent: now() }) }
    },
    dismiss: async ({ accountId, deviceId }) => {
      for (const { id } of await rows.list(accountId)) {
        const live = await lives.open(accountId, id).catch(() => undefined)
        if (live !== undefined && isJoined(live.conduct, deviceId)) await lives.apply(live, { kind: 'gone', deviceId })
      }
    },
    tick: lives.tick,
    sweep: async () => {
      for (const { id, imageId } of await rows.listExpired(now())) {
        await rows.remove(id)
        lives.forget(id)
        await parts.removeImage(imageId)
      }
    },
    resume: lives.resume,
    listImageIds: rows.listImageIds,
    release: lives.release,
  }
}

async function orderRow(parts: DeliveriesParts, accountId: string, order: DeliveryOrder): Promise<DeliveryRow> {
  const { database, fromDeviceId, point, preferences, waitS, segments } = order
  const image = await parts.orderImage({
    key: { accountId, deviceId: fromDeviceId, name: database },
    ...(point !== undefined && { point }),
    compression: 'zstd',
    leastSegments: segments,
    owner: { accountId, deviceId: fromDeviceId },
  })
  const [id, createdAt] = [randomUUID(), parts.now()]
  const conduct: Conduct = {
    deliveryId: id,
    dataSetId: image.imageId,
    preferences,
    createdAt,
    waitMs: waitS * 1000,
    firstJoinAt: null,
    devices: [],
    parts: [],
    ended: null,
  }
  return {
    id,
    accountId,
    sourceDeviceId: fromDeviceId,
    database,
    imageId: image.imageId,
    wrappedContentKey: image.wrappedContentKey,
    segmentMap: await parts.signer.sign(image.map),
    kind: image.source.kind,
    sizeBytes: image.map.sizeBytes,
    sealedBytes: image.map.segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    state: JSON.stringify(conduct),
    isOver: false,
    steered: null,
    createdAt,
    expiresAt: createdAt + parts.keepMs,
  }
}

function ticketFor(parts: DeliveriesParts, live: LiveDelivery, deviceId: string, news: DeliveryNews): DeliveryTicket {
  const { row, conduct, dataSet } = live
  const { dataLimitBytes, maxBytesPerSecond, dataTypes } = preferenceOf(conduct, deviceId)
  const member = partOf(conduct, deviceId)?.state.members.find((each) => each.deviceId === deviceId)
  return {
    deliveryId: row.id,
    database: row.database,
    segmentMap: row.segmentMap,
    contentKey: Buffer.from(parts.unwrapContentKey(row.wrappedContentKey, row.imageId)).toString('base64url'),
    signingKeys: [parts.signer.publicKey],
    serverId: parts.serverId,
    deviceId,
    peerId: peerIdOf(row.id, deviceId),
    serverBytes: member?.serverBytes ?? 0,
    peerBytes: member?.peerBytes ?? 0,
    ...(dataLimitBytes !== undefined && { dataLimitBytes }),
    ...(maxBytesPerSecond !== undefined && { maxBytesPerSecond }),
    dataTypes: takesAny(dataSet, dataTypes),
    news,
  }
}

function takesAny({ segments }: DataSet, dataTypes: readonly string[] | undefined): boolean {
  return segments.some(({ type }) => dataTypes?.includes(type) ?? true)
}

function isJoined({ devices }: Conduct, deviceId: string): boolean {
  return devices.some(({ description, gone }) => description.deviceId === deviceId && !gone)
}

/** Whether it was named, or joined with the account's password. */
function concerns({ preferences }: Conduct, deviceId: string): boolean {
  return preferences.devices.some((each) => each.deviceId === deviceId)
}
