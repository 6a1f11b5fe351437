/** The word for how safe a database is, for all that may be known of it. */

import { describe, expect, it } from 'vitest'
import { judgeHealth, type KnownHistory } from '../../../server/alerts/health.ts'

const HOUR = 3_600_000
const NOW = Date.UTC(2026, 10, 21, 12)
const judge = (known: KnownHistory) => judgeHealth(known, 36 * HOUR, NOW).state
const ago = (hours: number) => NOW - hours * HOUR

describe('the word for a database', () => {
  it.each<[string, KnownHistory, string]>([
    ['nothing at all', {}, 'never'],
    ['backed up last night', { lastBackupAt: ago(10), createdAt: ago(240), number: 10 }, 'ok'],
    ['backed up exactly as long ago as is allowed', { lastBackupAt: ago(36), createdAt: ago(360), number: 20 }, 'ok'],
    ['quiet for longer', { lastBackupAt: ago(37), createdAt: ago(360), number: 40 }, 'late'],
    ['changed once a week so far', { lastBackupAt: ago(200), createdAt: ago(200 + 24 * 70), number: 10 }, 'ok'],
    [
      'changed once a week, quiet for a month',
      { lastBackupAt: ago(720), createdAt: ago(720 + 1680), number: 10 },
      'late',
    ],
    ['backed up once and never again', { lastBackupAt: ago(100), createdAt: ago(100), number: 1 }, 'late'],
    ['refused since', { lastBackupAt: ago(10), failure: { at: ago(1), code: 'storage.full' } }, 'failing'],
    ['refused, then taken', { lastBackupAt: ago(1), failure: { at: ago(10), code: 'storage.full' } }, 'ok'],
    ['refused for days', { lastBackupAt: ago(100), failure: { at: ago(1), code: 'storage.full' } }, 'failing'],
    ['not to be restored', { lastBackupAt: ago(1), proofFailure: 'damaged' }, 'unproven'],
    ['late and not to be restored', { lastBackupAt: ago(100), proofFailure: 'damaged' }, 'late'],
  ])('[AL-1] %s: %#', (_what, known, state) => {
    expect(judge(known)).toBe(state)
    expect(judgeHealth(known, 36 * HOUR, NOW).reason === '').toBe(state === 'ok')
  })
})
