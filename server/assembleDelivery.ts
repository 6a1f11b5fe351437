/** Builds Deliveries. Part of `assemble.ts`. */

import type { AccountService } from './account/accountService.ts'
import { contentKeyContext } from './backup/copyKey.ts'
import { sqlDeliveries } from './catalogue/sqlite/deliveries.ts'
import type { CatalogueDb } from './catalogue/sqlite/openCatalogue.ts'
import { createDeliveries } from './delivery/deliveries.ts'
import type { DeliveryService } from './delivery/deliveryService.ts'
import { type DeliveryHandlerParts, deliveryHandlers } from './http/deliveryHandlers.ts'
import type { KeyRing } from './keys/keyRing.ts'
import { segmentKey } from './restore/imageStorage.ts'
import type { ImageService } from './restore/restores.ts'
import { readSignedMap, type SegmentMapSigner } from './restore/signSegmentMap.ts'
import type { Storage } from './storage/storage.ts'

/** How often time passes for Deliveries that are under way, milliseconds. */
const TICK_MS = 500

export interface DeliveryAssembly extends DeliveryService {
  /** Handlers of its calls. */
  handlers(
    accountService: AccountService,
    unlessStopped: DeliveryHandlerParts['unlessStopped'],
  ): ReturnType<typeof deliveryHandlers>
  /** Goes on with what a restart interrupted, and lets time pass from now on. */
  start(): Promise<void>
  /** Ends that, and all waiting. */
  stop(): void
}

export interface DeliveryAssemblyParts {
  readonly catalogue: CatalogueDb
  readonly keyRing: KeyRing
  readonly storage: Storage
  readonly signer: SegmentMapSigner
  readonly images: ImageService
  readonly keepMs: number
  /** Counts octets of segments that were sent. */
  onSegment(sizeBytes: number): void
  /** Something of ours failed while time passed. */
  onStandstill(error: unknown): void
  clock(): number
}

export function assembleDelivery(parts: DeliveryAssemblyParts): DeliveryAssembly {
  const { keyRing, storage, images } = parts
  const deliveries = createDeliveries({
    ...{ signer: parts.signer, readMap: readSignedMap, keepMs: parts.keepMs, now: parts.clock },
    rows: sqlDeliveries(parts.catalogue),
    orderImage: images.orderImage,
    removeImage: images.removeImage,
    readSegment: (imageId, segment) => storage.get(segmentKey(imageId, segment)),
    unwrapContentKey: (wrapped, imageId) => keyRing.unwrap(wrapped, contentKeyContext(imageId)),
    peersKey: () => keyRing.derive('delivery peers'),
    serverId: keyRing.serverId,
  })
  const counted: DeliveryService = {
    ...deliveries,
    readSegment: async (caller, deliveryId, segment) => {
      const read = await deliveries.readSegment(caller, deliveryId, segment)
      parts.onSegment(read.bytes.length)
      return read
    },
  }
  let ticker: NodeJS.Timeout | undefined
  return {
    ...counted,
    handlers: (accountService, unlessStopped) =>
      deliveryHandlers({ accountService, deliveries: counted, unlessStopped }),
    start: async () => {
      await deliveries.resume()
      ticker = setInterval(() => void deliveries.tick().catch(parts.onStandstill), TICK_MS)
    },
    stop: () => {
      clearInterval(ticker)
      deliveries.release()
    },
  }
}
