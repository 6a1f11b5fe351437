/** Which segments have arrived, for a reader that runs beside the download: it waits for each in turn. */

export interface KeptSegments {
  /** The segment is there. */
  add(segment: number): void
  /** No more will come: whoever waits for one that is not there is told why. */
  fail(cause: unknown): void
  /** Resolves when the segment is there; rejects with the cause of `fail`. */
  wait(segment: number): Promise<void>
}

export function createKeptSegments(): KeptSegments {
  const kept = new Set<number>()
  let failure: { readonly cause: unknown } | undefined
  let waiting: (() => void)[] = []
  const wake = (): void => {
    const all = waiting
    waiting = []
    for (const resolve of all) resolve()
  }
  return {
    add: (segment) => {
      kept.add(segment)
      wake()
    },
    fail: (cause) => {
      failure = { cause }
      wake()
    },
    wait: async (segment) => {
      while (!kept.has(segment)) {
        if (failure) throw failure.cause
        await new Promise<void>((resolve) => waiting.push(resolve))
      }
    },
  }
}
