/** The word for how safe a database is, by all that its device may know. */

import { expect, it } from 'vitest'
import { judgeSafety } from '../../../device-client/schedule/judgeSafety.ts'
import type { NextRun } from '../../../device-client/schedule/nextRun.ts'

const HOUR = 3_600_000
const NOW = Date.UTC(2026, 10, 21, 12)
const ago = (hours: number) => NOW - hours * HOUR
const planned: NextRun = { kind: 'planned', at: NOW + HOUR, slot: NOW + HOUR }
const missed = (hours: number): NextRun => ({
  ...{ kind: 'catch-up', at: NOW, slot: ago(hours), plannedAt: ago(hours), reason: 'agent-not-running' },
  waitsForWindow: false,
})
const failure = { code: 'network.unreachable', message: 'nobody answers' }
const safe = { lastSuccessAt: ago(10), lastAttempt: { at: ago(10) } }
const compared = (differences: number) => ({ lastVerified: { at: ago(5), form: 'full' as const, differences } })

it.each<[string, Parameters<typeof judgeSafety>[0], NextRun, string]>([
  ['nothing yet', {}, planned, 'never'],
  ['nothing but failures', { lastAttempt: { at: ago(1), failure } }, missed(3), 'never'],
  ['backed up', safe, planned, 'ok'],
  ['failed since', { ...safe, lastAttempt: { at: ago(1), failure } }, missed(3), 'failing'],
  ['failed, then backed up', { lastSuccessAt: ago(1), lastAttempt: { at: ago(2), failure } }, planned, 'ok'],
  ['due within the hour', safe, missed(1), 'ok'],
  ['overdue', safe, missed(1.01), 'late'],
  ['overdue and not to be restored', { ...safe, advice: { unprovenSince: ago(9) } }, missed(3), 'late'],
  ['not to be restored', { ...safe, advice: { unprovenSince: ago(9) } }, planned, 'unproven'],
  ['different', { ...safe, ...compared(2) }, planned, 'unproven'],
  ['the same', { ...safe, ...compared(0) }, { kind: 'never' }, 'ok'],
])('[DC-43] %s: %#', (_what, known, next, state) => {
  const judged = judgeSafety(known, next, NOW)
  expect(judged.state).toBe(state)
  expect(judged.reason === '').toBe(state === 'ok')
})
