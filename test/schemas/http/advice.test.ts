/** Headers between our server and our agent: what is written is read, and nothing else is believed. */

import { expect, it } from 'vitest'
import {
  type Advice,
  formatAdvice,
  formatWindow,
  parseAdvice,
  parseRetryAfter,
  parseWindow,
} from '../../../schemas/http/advice.ts'
import fc from '../../support/properties.ts'

const number = fc.nat({ max: 999_999_999_999 })
const use = fc.record({ used: number, limit: number, of: fc.constantFrom('account' as const, 'device' as const) })
const adviceArb = fc.record(
  {
    slotAt: fc.nat({ max: 4_000_000_000 }).map((s) => s * 1000),
    stored: use,
    databases: use,
    sessions: use,
    uploadBytes: number,
    clonedAt: fc.nat({ max: 4_000_000_000 }).map((s) => s * 1000),
    unprovenSince: fc.nat({ max: 4_000_000_000 }).map((s) => s * 1000),
  },
  { requiredKeys: [] },
)

it('[WF-36] what is advised is read as it was written, and any text is read without an error', () => {
  fc.assert(
    fc.property(adviceArb, (advice) => {
      expect(parseAdvice(formatAdvice(advice as Advice))).toEqual(advice)
    }),
  )
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(parseAdvice(text)).toEqual({})
    }),
  )
  expect(parseAdvice('slot=1763772000, colour=blue, stored=9;limit=10, upload=-1, slot=x')).toEqual({
    slotAt: 1_763_772_000_000,
  })
  expect(parseAdvice(`slot=1, ${' '.repeat(1000)}`)).toEqual({})
})

it('[WF-37] a window is a span of whole seconds within a week', () => {
  expect(parseWindow(formatWindow({ from: 1_763_772_000_001, until: 1_763_775_599_999 }))).toEqual({
    from: 1_763_772_001_000,
    until: 1_763_775_599_000,
  })
  for (const text of ['', '5', '9-5', '1-99999999', '-1-5', '1-2-3', '1.5-2', '1-2 ', `${'9'.repeat(13)}-1`])
    expect(parseWindow(text), text).toBeUndefined()
})

it('[WF-38] Retry-After is seconds', () => {
  expect(['30', ' 7 ', '0'].map(parseRetryAfter)).toEqual([30, 7, 0])
  for (const text of [null, '', '-1', '1.5', 'Fri, 21 Nov 2026 00:00:00 GMT', '1'.repeat(7)])
    expect(parseRetryAfter(text)).toBeUndefined()
})
