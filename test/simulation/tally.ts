/** What happened in simulated lives, counted by name: a fault that never comes proves nothing. */

/** How nights and restores ended, what went wrong in them, and how often a copy was held against its database. */
export const SIM_EVENTS = [
  'full',
  'delta',
  'none',
  'failed',
  'full after 508',
  'restored own',
  'restored other',
  'request lost',
  'answer lost',
  'answer late',
  'message doubled',
  'message reordered',
  'message of a killed device',
  'two sessions',
  'network parted',
  'device killed',
  'server restarted',
  'disk failed before',
  'disk failed after',
  'device disabled',
  'file came back',
  'copy looked at',
  'copy restored',
  'copy unchanged',
] as const

export type SimEvent = (typeof SIM_EVENTS)[number]
export type Tally = Record<SimEvent, number>

export function emptyTally(): Tally {
  return Object.fromEntries(SIM_EVENTS.map((name) => [name, 0])) as Tally
}

/** Adds `more` to `total`. */
export function addTally(total: Tally, more: Tally): void {
  for (const name of SIM_EVENTS) total[name] += more[name]
}
