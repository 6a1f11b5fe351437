/** Which policy settles conflicts, from the setting. */

import { describe, expect, it } from 'vitest'
import { readConflictPolicies } from '../../../server/items/conflictPolicy.ts'

const alice = { accountName: 'alice' }

describe('[IT-4] conflict policies', () => {
  it('the most exact entry counts', () => {
    const choose = readConflictPolicies(['newest-wins', 'calendar=duplicate', ' Alice/Contacts = server-wins'])
    expect(choose(alice, './contacts')).toBe('server-wins')
    expect(choose({ accountName: 'bob' }, './contacts')).toBe('newest-wins')
    expect(choose(alice, './calendar')).toBe('duplicate')
  })

  it('the client wins by default', () => {
    expect(readConflictPolicies([])(alice, './notes')).toBe('client-wins')
  })

  it.each(['', 'mine', 'contacts=', 'contacts=maybe'])('%j is none', (entry) => {
    expect(() => readConflictPolicies([entry])).toThrow(expect.objectContaining({ code: 'config.invalid' }))
  })
})
