/** A client of SyncEvolution that lost its items, and the operator's word that it may. */

import { describe, expect, it } from 'vitest'
import { SyncEvolutionLab, syncEvolutionMissing } from '../support/syncEvolution.ts'
import { expectSync } from './syncEvolutionModes.ts'

const missing = syncEvolutionMissing()

describe.skipIf(missing !== '')(`[IT-11] a client that is suddenly empty ${missing}`, () => {
  it('deletes nothing before the operator lets it', async () => {
    const lab = await SyncEvolutionLab.open()
    try {
      const one = lab.client('one')
      one.generate('make', '--count', 12)
      await expectSync(lab, one, 'slow')
      one.clear()
      await one.sync('refresh-from-local')
      expect(await lab.serverItems('contacts')).toHaveLength(12)
      lab.command('device', 'allow-empty', 'lab-one', 'contacts')
      expect(await one.sync('refresh-from-local')).toMatchObject({ exit: 0 })
      expect(await lab.serverItems('contacts')).toHaveLength(0)
    } finally {
      await lab.close()
    }
  })
})
