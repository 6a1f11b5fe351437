/** Works on items as they come, a few at once, and gives the results in their order. */

/**
 * The results of `work` for each item of `source`. After a failure no further item is taken, and what is under way has
 * ended when it rejects.
 */
export async function inTurn<Item, Result>(
  source: AsyncIterable<Item>,
  maxInFlight: number,
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Promise<Result>[] = []
  const inFlight = new Set<Promise<Result>>()
  try {
    for await (const item of source) {
      const result = work(item, results.length)
      results.push(result)
      inFlight.add(result)
      // A failure is met by whoever awaits the results; here it only makes room.
      result.then(
        () => inFlight.delete(result),
        () => undefined,
      )
      if (inFlight.size >= maxInFlight) await Promise.race(inFlight)
    }
    return await Promise.all(results)
  } finally {
    await Promise.allSettled(results)
  }
}
