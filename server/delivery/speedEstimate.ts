/**
 * The speed of a link from what devices report, and whether it changed enough to plan anew. Pure. Rule DL-13.
 */

/** After so long at a new speed the estimate is half way there. */
const HALF_LIFE_MS = 2000

/** A speed outside of this band around the planned one is another speed … */
const BAND = { slower: 0.8, faster: 1.25 } as const

/** … if it stays there so long, and the plan is not newer than that. */
const STEADY_MS = 1500
const LEAST_PLAN_MS = 3000

export interface SpeedEstimate {
  readonly bytesPerSecond: number
  /** What the plan that is in force counts on, and since when (milliseconds). */
  readonly plannedBytesPerSecond: number
  readonly plannedAt: number
  /** Since when the estimate is outside of the band; null if it is inside. */
  readonly differsSince: number | null
}

/** A link about which nothing is known but what the plan counts on. */
export function newEstimate(plannedBytesPerSecond: number, now: number): SpeedEstimate {
  return { bytesPerSecond: plannedBytesPerSecond, plannedBytesPerSecond, plannedAt: now, differsSince: null }
}

/** The estimate after a link was busy for `busyMs` and carried `bytes`. A link that waited tells nothing. */
export function observeSpeed(
  estimate: SpeedEstimate,
  { bytes, busyMs }: { readonly bytes: number; readonly busyMs: number },
  now: number,
): SpeedEstimate {
  if (busyMs <= 0) return estimate
  const weight = 1 - 2 ** (-busyMs / HALF_LIFE_MS)
  const bytesPerSecond = estimate.bytesPerSecond + weight * ((bytes * 1000) / busyMs - estimate.bytesPerSecond)
  const ratio = bytesPerSecond / estimate.plannedBytesPerSecond
  const inside = ratio > BAND.slower && ratio < BAND.faster
  return { ...estimate, bytesPerSecond, differsSince: inside ? null : (estimate.differsSince ?? now) }
}

/** Whether a plan with the speed as it is now should replace the one in force. */
export function isReplanDue({ differsSince, plannedAt }: SpeedEstimate, now: number): boolean {
  return differsSince !== null && now - differsSince >= STEADY_MS && now - plannedAt >= LEAST_PLAN_MS
}

/** The estimate once a plan that counts on it is in force. */
export function plannedWith({ bytesPerSecond }: SpeedEstimate, now: number): SpeedEstimate {
  return newEstimate(bytesPerSecond, now)
}
