/** Handlers of the calls of Deliveries. An owner orders, the devices that were named take part (DL-22). */

import { PACKET_HEADER } from '../../schemas/delivery/packetHeader.ts'
import type { deliveryCalls } from '../../schemas/http/deliveries.ts'
import type { AccountService } from '../account/accountService.ts'
import { findAccount } from '../account/findAccount.ts'
import type { DeliveryService } from '../delivery/deliveryService.ts'
import { orderDelivery } from '../delivery/orderDelivery.ts'
import { deviceCaller, type Handlers } from './handlers.ts'

export interface DeliveryHandlerParts {
  readonly accountService: AccountService
  readonly deliveries: DeliveryService
  /** Gives what a caller waited for on to it, if it still may have it. */
  unlessStopped<T>(caller: { readonly accountId: string; readonly deviceId: string }, found: T): Promise<T>
}

/** Handlers of the calls in `deliveryCalls`. */
export function deliveryHandlers(parts: DeliveryHandlerParts): Pick<Required<Handlers>, keyof typeof deliveryCalls> {
  const { accountService, deliveries } = parts
  const accountIdOf = async (name: string) => (await findAccount(accountService, name)).accountId
  return {
    createDelivery: ({ body }, { claims }) => orderDelivery(parts, claims.accountId, body),
    listDeliveries: async (_input, { claims }) => ({
      deliveries: await deliveries.list(claims.accountId, claims.deviceId),
    }),
    steerDelivery: ({ params, body }, { claims }) => deliveries.steer(claims.accountId, params.deliveryId, body.action),
    async joinDelivery({ params, body: { accountToken, ...joining } }, { claims }) {
      const caller = deviceCaller(claims)
      const devices = await accountService.listDevices(caller.accountId)
      const name = devices.find(({ deviceId }) => deviceId === caller.deviceId)?.name ?? caller.deviceId
      const isAllowed = accountToken !== undefined && (await isOwner(parts, caller.accountId, accountToken))
      return deliveries.join({ ...caller, name }, params.deliveryId, joining, isAllowed)
    },
    async leaveDelivery({ params }, { claims }) {
      await deliveries.leave(deviceCaller(claims), params.deliveryId)
      return undefined
    },
    reportDelivery: ({ params, body }, { claims }) => deliveries.report(deviceCaller(claims), params.deliveryId, body),
    async awaitDelivery({ params, query: { wait, ...known } }, { claims, onGone }) {
      const caller = deviceCaller(claims)
      const told = await deliveries.await(caller, params.deliveryId, { ...known, waitMs: wait * 1000 }, onGone)
      return parts.unlessStopped(caller, told)
    },
    async readDeliverySegment({ params }, { claims, setHeader }) {
      const { bytes, packet } = await deliveries.readSegment(deviceCaller(claims), params.deliveryId, params.segment)
      setHeader(PACKET_HEADER, packet)
      return bytes
    },
    createAccountDelivery: async ({ params, body }) => orderDelivery(parts, await accountIdOf(params.name), body),
    listAccountDeliveries: async ({ params }) => ({
      deliveries: await deliveries.list(await accountIdOf(params.name)),
    }),
    steerAccountDelivery: async ({ params, body }) =>
      deliveries.steer(await accountIdOf(params.name), params.deliveryId, body.action),
  }
}

async function isOwner({ accountService }: DeliveryHandlerParts, accountId: string, token: string): Promise<boolean> {
  const claims = await accountService.verifyToken(token)
  return claims.scope === 'account' && claims.accountId === accountId
}
