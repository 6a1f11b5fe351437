/** SyncEvolution and a datastore that asks for a password of its own, which it cannot send. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { SyncEvolutionLab, syncEvolutionMissing } from '../support/syncEvolution.ts'
import { expectSync } from './syncEvolutionModes.ts'

const missing = syncEvolutionMissing()

describe.skipIf(missing !== '')(`[OM-35] a client that knows no password of a datastore ${missing}`, () => {
  it('gets nothing into it and nothing out of it until the password is gone', async () => {
    const lab = await SyncEvolutionLab.open()
    try {
      const { user } = lab.account
      const file = join(lab.folder, 'password')
      writeFileSync(file, 'second secret\n')
      lab.command('datastore', 'password', user, 'contacts', '--password-file', file)
      const one = lab.client('one')
      one.generate('make', '--count', 5)
      expect(await one.sync('slow')).toMatchObject({ exit: 1 })
      expect(await lab.serverItems('contacts')).toHaveLength(0)
      expect(one.items()).toHaveLength(5)
      lab.command('datastore', 'password', user, 'contacts', '--remove')
      await expectSync(lab, one, 'slow')
    } finally {
      await lab.close()
    }
  })
})
