/** The account's copy gets another key while devices synchronize. Rule KY-16. */

import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { copyKeyContext } from '../../../server/backup/copyKey.ts'
import { readPosition } from '../../../server/backup/copyLayout.ts'
import { runItemJob } from '../../../server/items/itemJob.ts'
import { keepFilesOpen } from '../../../server/items/openFiles.ts'
import { pimContent } from '../../../server/items/pimContent.ts'
import { openDatabase } from '../../../server/sql/betterSqlite.ts'
import { type ItemBench, openItemBench } from '../../support/itemBench.ts'
import { ItemDevice, vcard } from '../../support/itemDevice.ts'
import { openReencryption } from '../../support/reencryptionBench.ts'

const files = keepFilesOpen()
let bench: ItemBench
afterEach(async () => {
  files.close()
  await bench.close()
})

it('[KY-16] between the messages of sessions: no Item is lost, and the catalogue says where the copy stands', async () => {
  let [jobs, isRunning] = [0, false]
  const rounds: Promise<void>[] = []
  const failures: unknown[] = []
  bench = await openItemBench({
    runJob: async (input) => {
      if (++jobs % 4 === 0 && !isRunning) {
        isRunning = true
        bench.keyRing.rotate(randomBytes(32), bench.clock.now)
        const opened = openReencryption(bench, { release: ({ accountId }) => bench.copy.release(accountId) })
        const ended = (): void => {
          isRunning = false
          failures.push(...opened.failures)
        }
        rounds.push(opened.reencryption.runAlone(() => undefined).finally(ended))
      }
      // Jobs of this process leave nobody else a turn.
      await pause(1)
      return runItemJob(input, pimContent, files)
    },
  })
  const datastore = bench.registry.find('contacts')
  if (datastore === undefined) throw new Error('no contacts')
  const devices = ['phone', 'tablet'].map((name) => new ItemDevice(datastore, name, { batch: 1 }))
  for (let turn = 0; turn < 4; turn++)
    for (const [index, device] of devices.entries()) {
      for (let item = 0; item < 3; item++) device.add(vcard(`P${turn}-${index}-${item}`))
      await device.sync()
    }
  await devices[0]?.sync()
  await Promise.all(rounds)
  expect(rounds.length).toBeGreaterThan(3)
  expect(failures).toEqual([])
  const names = await bench.query('SELECT content FROM contacts')
  expect(names).toHaveLength(24)
  expect(devices.map((device) => device.contents().length)).toEqual([24, 24])
  const row = await bench.databases.get(bench.key)
  if (row === undefined) throw new Error('no copy')
  const key = bench.keyRing.unwrap(row.wrappedKey, copyKeyContext(row.copyId))
  const db = openDatabase(bench.copyPath(row.copyId), { cipher: { kind: 'aegis', key } })
  const { lineage, number, token } = readPosition(db)
  expect(row).toMatchObject({ lineage, number, token })
  db.close()
})
