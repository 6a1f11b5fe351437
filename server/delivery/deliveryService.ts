/**
 * What the edges ask of Deliveries (DL-18 to DL-24). The caller's claims come from a verified token; everything is bounded
 * by its account.
 */

import type {
  DeliveryJoining,
  DeliveryNews,
  DeliveryOrder,
  DeliveryProgress,
  DeliverySteering,
  DeliverySummary,
  DeliveryTicket,
} from '../../schemas/http/deliveries.ts'

/** A device that calls, as its token says. */
export interface DeliveryCaller {
  readonly accountId: string
  readonly deviceId: string
}

export type OnGone = (listener: () => void) => void

export interface DeliveryService {
  /** @throws {CodedError} `delivery.limited`, and as `orderImage`. */
  create(accountId: string, order: DeliveryOrder): Promise<DeliverySummary>
  /** Newest first; for a device those it has to do with. */
  list(accountId: string, deviceId?: string): Promise<readonly DeliverySummary[]>
  /** @throws {CodedError} `delivery.unknown`. */
  steer(accountId: string, deliveryId: string, action: DeliverySteering): Promise<DeliverySummary>
  /** `isAllowed` if the account's password came along. @throws {CodedError} `delivery.unknown`, `delivery.ended`. */
  join(
    caller: DeliveryCaller & { readonly name: string },
    deliveryId: string,
    joining: Omit<DeliveryJoining, 'accountToken'>,
    isAllowed: boolean,
  ): Promise<DeliveryTicket>
  /** @throws {CodedError} `delivery.unknown`. */
  leave(caller: DeliveryCaller, deliveryId: string): Promise<void>
  /** @throws {CodedError} `delivery.unknown`. */
  report(caller: DeliveryCaller, deliveryId: string, progress: DeliveryProgress): Promise<DeliveryNews>
  /** @throws {CodedError} `delivery.unknown`. */
  await(
    caller: DeliveryCaller,
    deliveryId: string,
    known: { readonly news?: string; readonly revision: number; readonly waitMs: number },
    onGone: OnGone,
  ): Promise<DeliveryNews>
  /** @throws {CodedError} `delivery.unknown`, `delivery.ended`. */
  readSegment(
    caller: DeliveryCaller,
    deliveryId: string,
    segment: number,
  ): Promise<{ readonly bytes: Uint8Array; readonly packet: string }>
  /** A device is fenced: nobody exchanges anything with it any more. */
  dismiss(caller: DeliveryCaller): Promise<void>
  tick(): Promise<void>
  /** Removes what expired. */
  sweep(): Promise<void>
  /** Goes on after a start. */
  resume(): Promise<void>
  listImageIds(): Promise<readonly string[]>
  /** Ends all waiting. */
  release(): void
}
