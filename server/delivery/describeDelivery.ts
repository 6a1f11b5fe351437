/** A Delivery in the words of the wire: how it stands, for its owner; what is new, for a device. Rules DL-22, DL-24. */

import { createHash, createHmac } from 'node:crypto'
import { characteristicsOf } from '../../schemas/delivery/dataSet.ts'
import type { DeliveryMap } from '../../schemas/delivery/deliveryMap.ts'
import { countOf, covers, type SegmentRanges } from '../../schemas/delivery/segmentRanges.ts'
import type { DeliveryDevice, DeliveryNews, DeliverySummary } from '../../schemas/http/deliveries.ts'
import { DELIVERY_MAP_VERSION } from '../../schemas/version.ts'
import { type Conduct, type Part, partOf, phaseOf } from './conductState.ts'
import type { LiveDelivery } from './liveDeliveries.ts'
import { preferenceOf, takesOf } from './situation.ts'

/** How the whole stands. */
export function describeDelivery({ row, map, dataSet, conduct }: LiveDelivery): DeliverySummary {
  return {
    deliveryId: row.id,
    database: row.database,
    fromDeviceId: row.sourceDeviceId,
    phase: phaseOf(conduct),
    ...reasonOf(conduct.parts.find(({ state }) => state.phase === 'paused')),
    createdAt: row.createdAt,
    expiresAt: row.expiresAt,
    preferences: asWire(conduct.preferences),
    sizeBytes: map.sizeBytes,
    characteristics: characteristicsOf(dataSet),
    devices: devicesOf({ conduct, dataSet }),
    parts: conduct.parts.map(({ state, isFinal }) => ({
      phase: state.phase,
      devices: state.members.map(({ deviceId }) => deviceId),
      revision: state.revision,
      isFinal,
      assignments: asWire(state.assignments),
    })),
  }
}

/** What `deviceId` has to know; `map` is of its part, if it is newer than the one it has. */
export function newsFor(
  live: Pick<LiveDelivery, 'conduct' | 'dataSet'>,
  deviceId: string,
  peersKey: Uint8Array,
  map: string | undefined,
): DeliveryNews {
  const { conduct } = live
  const part = partOf(conduct, deviceId)
  const query = part?.state.phase === 'running' ? part.state.query : null
  const told = {
    phase: part === undefined || conduct.ended !== null ? phaseOf(conduct) : phaseOfPart(part),
    ...reasonOf(part),
    revision: part?.state.revision ?? 0,
    ...(query?.waitingFor.includes(deviceId) && { lost: [...query.lost] }),
    peers: peersOf(conduct, part, deviceId, peersKey),
  }
  const news = createHash('sha256').update(JSON.stringify(told)).digest('base64url').slice(0, 16)
  return { ...told, news, ...(map !== undefined && { map }), devices: devicesOf(live) }
}

/** The name a device has towards its peers: it tells nobody else who it is. */
export function peerIdOf(deliveryId: string, deviceId: string): string {
  return createHash('sha256').update(`nightferry peer\n${deliveryId}\n${deviceId}`).digest('base64url')
}

/** The map of a part in its newest revision. */
export function mapOf(
  { row, dataSet, conduct }: LiveDelivery,
  part: Part,
  server: { readonly serverId: string; readonly validationKey: DeliveryMap['validationKey'] },
): DeliveryMap {
  return {
    version: DELIVERY_MAP_VERSION,
    deliveryId: row.id,
    dataSetId: dataSet.dataSetId,
    segmentMap: createHash('sha256').update(row.segmentMap).digest('hex'),
    ...server,
    revision: part.state.revision,
    isFinal: part.isFinal,
    createdAt: part.publishedAt,
    strategy: conduct.preferences.strategy,
    characteristics: characteristicsOf(dataSet),
    devices: part.state.members.map(({ deviceId }) => deviceId),
    assignments: part.state.assignments,
  }
}

function phaseOfPart({ state }: Part): DeliveryNews['phase'] {
  return state.phase === 'created' || state.phase === 'planned' ? 'waiting' : state.phase
}

function reasonOf(part: Part | undefined): Pick<DeliveryNews, 'reason'> {
  return part?.state.phase === 'paused' ? { reason: part.state.reason } : {}
}

/** Those it shares with; each pair has a key of its own, that a third one cannot tell. */
function peersOf(
  { deliveryId, devices }: Conduct,
  part: Part | undefined,
  deviceId: string,
  peersKey: Uint8Array,
): DeliveryNews['peers'] {
  const isThere = (peer: string) => devices.find(({ description }) => description.deviceId === peer)?.gone === false
  if (part === undefined || !isThere(deviceId)) return []
  return part.state.members
    .filter((member) => member.deviceId !== deviceId && isThere(member.deviceId))
    .map((member) => {
      const pair = [deviceId, member.deviceId].toSorted()
      const device = devices.find(({ description }) => description.deviceId === member.deviceId)
      return {
        peerId: peerIdOf(deliveryId, member.deviceId),
        deviceId: member.deviceId,
        addresses: [...(device?.addresses ?? [])],
        key: createHmac('sha256', peersKey)
          .update(JSON.stringify([deliveryId, ...pair]))
          .digest('hex'),
      }
    })
}

function devicesOf({ conduct, dataSet }: Pick<LiveDelivery, 'conduct' | 'dataSet'>): DeliveryDevice[] {
  return conduct.preferences.devices.map(({ deviceId }) => {
    const joined = conduct.devices.find(({ description }) => description.deviceId === deviceId)
    const member = partOf(conduct, deviceId)?.state.members.find((each) => each.deviceId === deviceId)
    const takes: SegmentRanges = member?.takes ?? takesOf(dataSet, preferenceOf(conduct, deviceId))
    const held = member?.held ?? joined?.held ?? []
    const speeds = Object.values(member?.speeds ?? {}).map(({ bytesPerSecond }) => bytesPerSecond)
    return {
      deviceId,
      name: joined?.name ?? deviceId,
      state: joined === undefined ? 'absent' : joined.gone ? 'gone' : (member?.presence ?? 'present'),
      complete: covers(held, takes),
      heldSegments: countOf(held),
      takesSegments: countOf(takes),
      serverBytes: member?.serverBytes ?? 0,
      peerBytes: member?.peerBytes ?? 0,
      bytesPerSecond: speeds.reduce((sum, speed) => sum + speed, 0),
    }
  })
}

/** The same value, typed as the wire types it: its schemas have no readonly. */
function asWire<T>(value: unknown): T {
  return value as T
}
