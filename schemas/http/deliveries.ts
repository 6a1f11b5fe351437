/**
 * Calls of Deliveries: an owner or the operator orders one, the devices that were named join, fetch and report (DL-18 to
 * DL-24).
 */

import { z } from 'zod'
import { assignment } from '../delivery/assignment.ts'
import { dataSetCharacteristics } from '../delivery/dataSet.ts'
import { deviceDescription } from '../delivery/deviceDescription.ts'
import { deliveryPreferences } from '../delivery/preferences.ts'
import { progressReport } from '../delivery/progress.ts'
import { segmentRanges } from '../delivery/segmentRanges.ts'
import {
  DELIVERY_SEGMENTS,
  MAX_DELIVERY_DEVICES,
  MAX_DELIVERY_SEGMENTS,
  MAX_DELIVERY_WAIT_S,
  MAX_DEVICE_ADDRESSES,
  MAX_DEVICE_LINKS,
  MAX_NEWS_WAIT_S,
  MAX_TOKEN_CHARS,
} from '../limits.ts'
import { restoreTicket } from './backups.ts'
import type { HttpCall } from './call.ts'
import { accountName, byteCount, databaseName, deviceId, identifier, timestamp } from './fields.ts'

export const deliveryOrder = z
  .strictObject({
    database: databaseName,
    fromDeviceId: deviceId.meta({ description: 'The device whose copy is delivered.' }),
    point: identifier.exactOptional().meta({ description: 'A restore point; else the latest.' }),
    preferences: deliveryPreferences,
    waitS: z
      .int()
      .min(0)
      .max(MAX_DELIVERY_WAIT_S)
      .default(30)
      .meta({ description: 'How long the first device waits for the others that are named.' }),
    segments: z
      .int()
      .min(1)
      .max(4096)
      .default(DELIVERY_SEGMENTS)
      .meta({ description: 'About how many segments a small image is cut into.' }),
  })
  .meta({ id: 'DeliveryOrder' })

const phase = z.enum(['waiting', 'running', 'paused', 'complete', 'cancelled', 'failed'])
const pauseReason = z.enum(['user', 'nobody-present', 'nobody-takes-over', 'limits'])

const deliveryDevice = z.strictObject({
  deviceId,
  name: z.string().max(256),
  state: z.enum(['absent', 'present', 'lost', 'gone']),
  complete: z.boolean(),
  heldSegments: z.int().nonnegative(),
  takesSegments: z.int().nonnegative(),
  serverBytes: byteCount,
  peerBytes: byteCount,
  bytesPerSecond: z.number().nonnegative().meta({ description: 'Of all its links, as the plan counts on them.' }),
})

export const deliverySummary = z
  .strictObject({
    deliveryId: identifier,
    database: databaseName,
    fromDeviceId: deviceId,
    phase,
    reason: pauseReason.exactOptional(),
    createdAt: timestamp,
    expiresAt: timestamp,
    preferences: deliveryPreferences,
    sizeBytes: byteCount.meta({ description: 'Size of the plain file.' }),
    characteristics: dataSetCharacteristics,
    devices: z.array(deliveryDevice).max(MAX_DELIVERY_DEVICES).readonly(),
    parts: z
      .array(
        z.strictObject({
          phase: z.string(),
          devices: z.array(deviceId).readonly(),
          revision: z.int().nonnegative(),
          isFinal: z.boolean(),
          assignments: z.array(assignment).readonly(),
        }),
      )
      .max(MAX_DELIVERY_DEVICES)
      .readonly()
      .meta({ description: 'Devices that sit together share; each other one has a part of its own.' }),
  })
  .meta({ id: 'Delivery' })

const addresses = z
  .array(z.string().regex(/^(\[[0-9a-fA-F:.]{2,45}\]|[0-9.]{7,15}):[0-9]{1,5}$/))
  .max(MAX_DEVICE_ADDRESSES)
  .meta({ description: 'Where peers of the local network reach it: numeric address and port.' })

const news = z.strictObject({
  phase,
  reason: pauseReason.exactOptional(),
  news: identifier.meta({ description: 'Changes with whatever else stands here but the devices.' }),
  revision: z.int().nonnegative(),
  map: z.string().exactOptional().meta({ description: 'The DeliveryMap, if it is newer than the one it has (WF-40).' }),
  lost: z
    .array(deviceId)
    .exactOptional()
    .meta({ description: 'Full-download query: does it take over what these were to fetch?' }),
  peers: z
    .array(z.strictObject({ peerId: identifier, deviceId, addresses, key: z.string().regex(/^[0-9a-f]{64}$/) }))
    .max(MAX_DELIVERY_DEVICES)
    .meta({ description: 'Whom it exchanges segments with, and the key of each pair.' }),
  devices: z.array(deliveryDevice).max(MAX_DELIVERY_DEVICES),
})
export const deliveryNews = news.meta({ id: 'DeliveryNews' })

export const deliveryTicket = z
  .strictObject({
    deliveryId: identifier,
    database: databaseName,
    segmentMap: restoreTicket.shape.segmentMap,
    contentKey: restoreTicket.shape.contentKey,
    signingKeys: restoreTicket.shape.signingKeys.unwrap(),
    serverId: z.string().min(1).max(128),
    deviceId,
    peerId: identifier.meta({ description: 'The name it has towards its peers.' }),
    serverBytes: byteCount,
    peerBytes: byteCount,
    dataLimitBytes: byteCount.exactOptional().meta({ description: 'What it may draw from the server, all in all.' }),
    dataTypes: z.boolean().meta({ description: 'Whether it takes this data.' }),
    maxBytesPerSecond: z.number().positive().exactOptional(),
    news,
  })
  .meta({ id: 'DeliveryTicket' })

export const deliveryJoining = z
  .strictObject({
    syncEnabled: z.boolean(),
    links: deviceDescription.shape.links,
    position: deviceDescription.shape.position,
    networks: deviceDescription.shape.networks,
    place: deviceDescription.shape.place,
    addresses,
    held: segmentRanges,
    accountToken: z
      .string()
      .max(MAX_TOKEN_CHARS)
      .exactOptional()
      .meta({ description: 'An access token of the account, for a device that was not named.' }),
  })
  .meta({ id: 'DeliveryJoining' })

export const deliveryProgress = z
  .strictObject({
    ...progressReport.omit({ deviceId: true }).shape,
    links: progressReport.shape.links.max(MAX_DEVICE_LINKS),
    addresses: addresses.exactOptional(),
    takesOver: z.boolean().exactOptional().meta({ description: 'The answer to a full-download query.' }),
    revision: z.int().nonnegative().meta({ description: 'Of the map it has.' }),
  })
  .meta({ id: 'DeliveryProgress' })

const steering = z.strictObject({ action: z.enum(['pause', 'resume', 'cancel']) }).meta({ id: 'DeliverySteering' })
const deliveryId = identifier
const list = z.strictObject({ deliveries: z.array(deliverySummary).readonly() }).meta({ id: 'DeliveryList' })
const one = z.strictObject({ deliveryId })

/** `/api/v1/deliveries*` and, for the operator, `/api/v1/accounts/{name}/deliveries*`. */
export const deliveryCalls = {
  createDelivery: {
    method: 'post',
    path: '/api/v1/deliveries',
    summary: 'Orders a Delivery: one image to several devices of the account',
    access: ['account'],
    body: deliveryOrder,
    status: 201,
    reply: deliverySummary,
    errors: ['database.unknown', 'restore.unknown', 'device.unknown', 'delivery.limited', 'storage.full'],
  },
  listDeliveries: {
    method: 'get',
    path: '/api/v1/deliveries',
    summary: 'Lists Deliveries of the account; to a device those it was named in or joined',
    access: ['account', 'device'],
    status: 200,
    reply: list,
  },
  steerDelivery: {
    method: 'put',
    path: '/api/v1/deliveries/{deliveryId}/state',
    summary: 'Pauses a Delivery, lets it go on, or cancels it',
    access: ['account'],
    params: one,
    body: steering,
    status: 200,
    reply: deliverySummary,
    errors: ['delivery.unknown'],
  },
  joinDelivery: {
    method: 'post',
    path: '/api/v1/deliveries/{deliveryId}/join',
    summary: 'The calling device takes part, from now on or again',
    access: ['device'],
    params: one,
    body: deliveryJoining,
    status: 200,
    reply: deliveryTicket,
    errors: ['delivery.unknown', 'delivery.ended'],
  },
  leaveDelivery: {
    method: 'post',
    path: '/api/v1/deliveries/{deliveryId}/leave',
    summary: 'The calling device takes part no more, until it joins again',
    access: ['device'],
    params: one,
    status: 204,
    errors: ['delivery.unknown'],
  },
  reportDelivery: {
    method: 'post',
    path: '/api/v1/deliveries/{deliveryId}/report',
    summary: 'What the calling device holds and how fast its links are; answers with what is new',
    access: ['device'],
    params: one,
    body: deliveryProgress,
    status: 200,
    reply: deliveryNews,
    errors: ['delivery.unknown'],
  },
  awaitDelivery: {
    method: 'get',
    path: '/api/v1/deliveries/{deliveryId}/news',
    summary: 'Waits for what is new to the calling device',
    access: ['device'],
    params: one,
    query: z.strictObject({
      wait: z.coerce.number().int().min(0).max(MAX_NEWS_WAIT_S).default(0).meta({ description: 'Seconds.' }),
      news: identifier.exactOptional().meta({ description: 'What it knows.' }),
      revision: z.coerce.number().int().min(0).default(0).meta({ description: 'Of the map it has.' }),
    }),
    status: 200,
    reply: deliveryNews,
    errors: ['delivery.unknown'],
  },
  readDeliverySegment: {
    method: 'get',
    path: '/api/v1/deliveries/{deliveryId}/segments/{segment}',
    summary: 'One sealed segment with its packet header (WF-41); obeys HTTP Range',
    access: ['device'],
    params: z.strictObject({ deliveryId, segment: z.coerce.number().int().min(0).max(MAX_DELIVERY_SEGMENTS) }),
    status: 200,
    octets: true,
    errors: ['delivery.unknown', 'delivery.ended', 'storage.corrupt'],
  },
  createAccountDelivery: {
    method: 'post',
    path: '/api/v1/accounts/{name}/deliveries',
    summary: 'Orders a Delivery for an account',
    access: ['operator'],
    params: z.strictObject({ name: accountName }),
    body: deliveryOrder,
    status: 201,
    reply: deliverySummary,
    errors: ['account.unknown', 'database.unknown', 'restore.unknown', 'device.unknown', 'delivery.limited'],
  },
  listAccountDeliveries: {
    method: 'get',
    path: '/api/v1/accounts/{name}/deliveries',
    summary: 'Lists Deliveries of an account',
    access: ['operator'],
    params: z.strictObject({ name: accountName }),
    status: 200,
    reply: list,
    errors: ['account.unknown'],
  },
  steerAccountDelivery: {
    method: 'put',
    path: '/api/v1/accounts/{name}/deliveries/{deliveryId}/state',
    summary: 'Pauses a Delivery of an account, lets it go on, or cancels it',
    access: ['operator'],
    params: z.strictObject({ name: accountName, deliveryId }),
    body: steering,
    status: 200,
    reply: deliverySummary,
    errors: ['account.unknown', 'delivery.unknown'],
  },
} as const satisfies Record<string, HttpCall>

export type DeliveryOrder = z.infer<typeof deliveryOrder>
export type DeliverySummary = z.infer<typeof deliverySummary>
export type DeliveryDevice = z.infer<typeof deliveryDevice>
export type DeliveryNews = z.infer<typeof deliveryNews>
export type DeliveryTicket = z.infer<typeof deliveryTicket>
export type DeliveryJoining = z.infer<typeof deliveryJoining>
export type DeliveryProgress = z.infer<typeof deliveryProgress>
export type DeliverySteering = z.infer<typeof steering>['action']
