/**
 * SyncEvolution against our server in every mode: changes from two clients, and after each step both sides hold the same,
 * nothing twice. Each file of tests runs it in one way of encoding and login.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { differences } from '../support/heldItems.ts'
import {
  type SyncEvolutionClient,
  SyncEvolutionLab,
  type SyncEvolutionMode,
  type SyncResult,
  syncEvolutionMissing,
} from '../support/syncEvolution.ts'

const nothing = { a: [], b: [] }

/** One synchronization, after which client and server must be equal. */
export async function expectSync(
  lab: SyncEvolutionLab,
  client: SyncEvolutionClient,
  mode: SyncEvolutionMode,
): Promise<SyncResult> {
  const result = await client.sync(mode)
  expect(result.text).toMatch(/RESULT exit=0 status=200/)
  expect(differences('contact', client.items(), await lab.serverItems('contacts'))).toEqual(nothing)
  return result
}

/** Declares the tests of all modes with these settings of the client. */
export function testModes(title: string, environment: Readonly<Record<string, string>>): void {
  const missing = syncEvolutionMissing()
  describe.skipIf(missing !== '')(`[IT-2] [IT-5] two clients of SyncEvolution, ${title} ${missing}`, () => {
    let lab: SyncEvolutionLab
    let one: SyncEvolutionClient
    let two: SyncEvolutionClient

    beforeAll(async () => {
      lab = await SyncEvolutionLab.open()
      one = lab.client('one', environment)
      two = lab.client('two', environment)
      one.generate('make', '--count', 40, '--photo-every', 5)
    })
    afterAll(() => lab?.close())

    it('a first sync takes all, and gives all to the second', async () => {
      expect(await expectSync(lab, one, 'slow')).toMatchObject({ mode: 'slow', remote: [40, 0, 0] })
      expect(await expectSync(lab, two, 'slow')).toMatchObject({ mode: 'slow', local: [40, 0, 0], remote: [0, 0, 0] })
    })

    it('another slow sync finds every item', async () => {
      expect(await expectSync(lab, one, 'slow')).toMatchObject({ mode: 'slow', local: [0, 0, 0] })
    })

    it('changes go from one to the other', async () => {
      one.generate('change', '--add', 4, '--modify', 5, '--delete', 3, '--tag', 'one')
      expect(await expectSync(lab, one, 'two-way')).toMatchObject({ mode: 'two-way', remote: [4, 5, 3] })
      two.generate('change', '--add', 2, '--modify', 3, '--seed', 2, '--tag', 'two')
      await expectSync(lab, two, 'two-way')
      await expectSync(lab, one, 'two-way')
      expect(differences('contact', one.items(), two.items())).toEqual(nothing)
      expect(await expectSync(lab, one, 'two-way')).toMatchObject({ local: [0, 0, 0], remote: [0, 0, 0] })
    })

    it('one-way and refresh modes', async () => {
      one.generate('change', '--add', 1, '--modify', 1, '--seed', 3, '--tag', 'up')
      expect(await expectSync(lab, one, 'one-way-from-local')).toMatchObject({ remote: [1, 1, 0] })
      expect(await expectSync(lab, two, 'one-way-from-remote')).toMatchObject({ local: [1, 1, 0] })
      two.generate('change', '--add', 1, '--delete', 2, '--seed', 4, '--tag', 'refresh')
      await expectSync(lab, two, 'refresh-from-local')
      await expectSync(lab, one, 'refresh-from-remote')
      expect(differences('contact', one.items(), two.items())).toEqual(nothing)
    })
  })
}
