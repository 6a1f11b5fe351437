/** Writes that come together share one commit; each resolves when it is durable, and fails alone. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { kyselyOver } from '../../../server/catalogue/sqlite/kyselySqlite.ts'
import { openDatabase } from '../../../server/sql/betterSqlite.ts'
import type { SqlDatabase } from '../../../server/sql/sqlDatabase.ts'

interface Tables {
  item: { id: number; text: string }
}

let folder: string
let commits: number
let db: Kysely<Tables>

function open(): SqlDatabase {
  return openDatabase(join(folder, 'x.sqlite'), { cipher: { kind: 'none' }, create: true })
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-group-'))
  const database = open()
  database.pragma('journal_mode=WAL')
  commits = 0
  const exec = (text: string): void => {
    if (text === 'COMMIT') commits++
    database.exec(text)
  }
  const watched: SqlDatabase = Object.create(database, {
    exec: { value: exec },
    inTransaction: { get: () => database.inTransaction },
  })
  db = kyselyOver<Tables>(watched)
  await sql`CREATE TABLE item(id INTEGER PRIMARY KEY, text TEXT NOT NULL)`.execute(db)
  commits = 0
})
afterEach(async () => {
  await db.destroy()
  rmSync(folder, { recursive: true, force: true })
})

const put = (id: number): Promise<unknown> => db.insertInto('item').values({ id, text: 'x' }).execute()

/** What another connection sees: only what is committed. */
function countElsewhere(): number {
  const other = open()
  try {
    return Number(other.prepare('SELECT count(*) FROM item').get()?.[0])
  } finally {
    other.close()
  }
}

describe('commits in groups', () => {
  it('[OM-4] writes of one turn share a commit, and are there for others when they resolve', async () => {
    await Promise.all(Array.from({ length: 50 }, (_, id) => put(id).then(() => expect(countElsewhere()).toBe(50))))
    expect(commits).toBe(1)
  })

  it('a write that fails fails alone', async () => {
    const outcomes = await Promise.allSettled([put(1), put(1), put(2)])
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(countElsewhere()).toBe(2)
  })

  it('a transaction has the connection to itself, and its rollback takes nothing of others along', async () => {
    const failing = db.transaction().execute(async (trx) => {
      await trx.insertInto('item').values({ id: 100, text: 'x' }).execute()
      await new Promise((resolve) => setTimeout(resolve, 10))
      throw new Error('given up')
    })
    const before = put(1)
    const beside = new Promise((resolve) => setTimeout(resolve, 3)).then(() => put(2))
    await expect(failing).rejects.toThrow('given up')
    await Promise.all([before, beside])
    expect((await db.selectFrom('item').select('id').orderBy('id').execute()).map(({ id }) => id)).toEqual([1, 2])
  })

  it('transactions wait for each other', async () => {
    await Promise.all(
      Array.from({ length: 10 }, (_, id) =>
        db.transaction().execute(async (trx) => {
          await trx.insertInto('item').values({ id, text: 'x' }).execute()
          await new Promise((resolve) => setImmediate(resolve))
        }),
      ),
    )
    expect(countElsewhere()).toBe(10)
  })
})
