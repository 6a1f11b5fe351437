/** Figures of several runs in one. */

import type { Cost } from './runProcess.ts'

/** The middle value; of an even count the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** The value that `share` of all do not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

/** Each figure's median; of memory the most. */
export function medianCost(costs: readonly Cost[]): Cost {
  const of = (figure: keyof Cost): number => median(costs.map((cost) => cost[figure]))
  return {
    wallMs: of('wallMs'),
    cpuMs: of('cpuMs'),
    bytesUp: of('bytesUp'),
    bytesDown: of('bytesDown'),
    deviceRssBytes: Math.max(...costs.map((cost) => cost.deviceRssBytes)),
    serverRssBytes: Math.max(...costs.map((cost) => cost.serverRssBytes)),
    ramDiskBytes: Math.max(...costs.map((cost) => cost.ramDiskBytes)),
  }
}
