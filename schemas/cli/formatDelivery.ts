/** Deliveries for people: one line each, and a table of their devices; the same in both programs. */

import type { StrategyName } from '../delivery/preferences.ts'
import type { DeliveryDevice, DeliverySummary } from '../http/deliveries.ts'
import { formatBytes, formatTable } from './formatTable.ts'

/** Strategies as people type them. */
export const STRATEGY_NAMES: Readonly<Record<string, StrategyName>> = {
  'shortest-time': 'shortestTime',
  'lowest-cost': 'lowestCost',
  bandwidth: 'bandwidthProportional',
  half: 'half',
  'odd-even': 'oddEven',
  full: 'full',
}

/** A Delivery with its devices. */
export function formatDelivery(delivery: DeliverySummary): string {
  const { deliveryId, database, phase, reason, characteristics } = delivery
  const state = reason === undefined ? phase : `${phase}: ${reason}`
  const size = `${formatBytes(characteristics.sizeBytes)} in ${characteristics.segments} segments`
  const rows = delivery.devices.map((device) => [
    device.name,
    device.state,
    formatShare(device),
    formatBytes(device.serverBytes),
    formatBytes(device.peerBytes),
  ])
  const table = formatTable(['DEVICE', 'STATE', 'HAS', 'FROM SERVER', 'FROM PEERS'], rows, 'no device')
  return `${deliveryId}  ${database}, ${size}: ${state}\n${table}`
}

/** How much of what it takes a device has. */
export function formatShare({ heldSegments, takesSegments }: DeliveryDevice): string {
  return `${Math.floor((100 * heldSegments) / Math.max(1, takesSegments))} %`
}
