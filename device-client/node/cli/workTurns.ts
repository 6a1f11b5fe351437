/** Turns at the work of one resident agent: its schedule and those who ask it for a backup take them one by one. */

export interface WorkTurns {
  /** True if somebody works now. */
  isTaken(): boolean
  /** Runs `work` when all before it have ended. */
  take<T>(work: () => Promise<T>): Promise<T>
  /** Fulfilled when nobody works any more. */
  idle(): Promise<void>
}

export function createWorkTurns(): WorkTurns {
  let last: Promise<unknown> = Promise.resolve()
  let taken = 0
  return {
    isTaken: () => taken > 0,
    take: (work) => {
      taken += 1
      const turn = last.then(work).finally(() => {
        taken -= 1
      })
      last = turn.catch(() => undefined)
      return turn
    },
    idle: () => last.then(() => undefined),
  }
}
