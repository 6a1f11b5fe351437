/** The young generation of a server grows, and no further than it may. */

import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'

const MIB = 1024 * 1024

/** Octets of a process's young generation after it made much that lives for a while. */
function youngGeneration(grows: boolean): number {
  const module = new URL('../../../server/cli/youngGeneration.ts', import.meta.url).href
  const program = `
    import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
    import { growYoungGeneration } from ${JSON.stringify(module)}
    setFlagsFromString('--semi-space-growth-factor=1')
    if (${grows}) growYoungGeneration()
    let kept = []
    for (let round = 0; round < 150; round++) {
      for (let at = 0; at < 20_000; at++) if (at % 3 === 0) kept.push({ at, list: [at] })
      if (kept.length > 200_000) kept = []
      await new Promise((resolve) => setImmediate(resolve))
    }
    console.log(getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size)`
  return Number(execFileSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' }))
}

it('grows to about 16 MiB, where that of a command stays as it is', () => {
  const grown = youngGeneration(true)
  expect(grown).toBeGreaterThanOrEqual(16 * MIB)
  // It may be in the middle of a collection, with a page or a doubling more.
  expect(grown).toBeLessThanOrEqual(34 * MIB)
  expect(youngGeneration(false)).toBeLessThan(4 * MIB)
})
