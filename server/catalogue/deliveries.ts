/** The port to Deliveries (DL-18): which image goes to whom, and how far it is. */

import type { DeliverySteering } from '../../schemas/http/deliveries.ts'

/** One Delivery from its order until its image is removed. */
export interface DeliveryRow {
  readonly id: string
  readonly accountId: string
  readonly sourceDeviceId: string
  readonly database: string
  readonly imageId: string
  readonly wrappedContentKey: string
  /** Of the image; compact JWS. */
  readonly segmentMap: string
  readonly kind: 'sql' | 'file'
  /** Plain file, and all sealed segments. */
  readonly sizeBytes: number
  readonly sealedBytes: number
  /** `Conduct` as JSON. */
  readonly state: string
  /** Nothing more happens by itself. */
  readonly isOver: boolean
  /** What another process wants done, and the one that serves has not done yet. */
  readonly steered: DeliverySteering | null
  readonly createdAt: number
  readonly expiresAt: number
}

export interface Deliveries {
  get(id: string): Promise<DeliveryRow | undefined>
  put(row: DeliveryRow): Promise<void>
  /** Leaves a wish for the process that serves; null once it is done. */
  setSteered(id: string, steered: DeliverySteering | null): Promise<void>
  listSteered(): Promise<readonly Pick<DeliveryRow, 'id' | 'steered'>[]>
  /** Durable when it resolves. */
  setState(id: string, change: Pick<DeliveryRow, 'state' | 'isOver'>): Promise<void>
  /** Those of an account, the newest first. */
  list(accountId: string): Promise<readonly DeliveryRow[]>
  /** Ids of those that are not over. */
  listOpen(): Promise<readonly string[]>
  /** Those whose time is over. */
  listExpired(now: number): Promise<readonly Pick<DeliveryRow, 'id' | 'imageId'>[]>
  /** Ids of all images that a row names. */
  listImageIds(): Promise<readonly string[]>
  remove(id: string): Promise<void>
}
