/** What a worker process rehearses is a sync as devices have it. Rule BK-8. */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { ContentRules } from '../../../server/items/content.ts'
import { pimContent } from '../../../server/items/pimContent.ts'
import { rehearseItems } from '../../../server/items/rehearsal.ts'

it('[BK-8] a rehearsal has Items that are taken and given, and leaves no file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nightferry-rehearsal-'))
  const stores = new Map<string, number>()
  let given = 0
  const rules: ContentRules = {
    ...pimContent,
    check: (content, wanted) => {
      const checked = pimContent.check(content, wanted)
      const store = checked?.store ?? 'refused'
      stores.set(store, (stores.get(store) ?? 0) + 1)
      return checked
    },
    write: (...held) => {
      given++
      return pimContent.write(...held)
    },
  }
  try {
    await rehearseItems(folder, rules)
    expect(readdirSync(folder)).toEqual([])
    expect([...stores.keys()].toSorted()).toEqual(['calendar', 'contacts'])
    const [contacts = 0, events = 0] = [...stores.values()]
    expect(contacts).toBeGreaterThan(100)
    expect(events).toBe(contacts)
    // The second device gets what the first one gave, but for the one Item that it deleted.
    expect(given).toBeGreaterThan(contacts)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
