/**
 * An application that writes without pause, as a process of its own: inserts, updates, deletes and REPLACE over two
 * tables, in transactions of varied size. Arguments: path, journal mode. Whatever a reader sees between two
 * transactions keeps the rules of `LEDGER_RULES`, so a torn snapshot is found out. Prints `ready`, writes until its
 * stdin ends, then prints one JSON object: `{transactions, longestWaitMs, failures}`.
 */

import Database from 'better-sqlite3'

const BUSY_TIMEOUT_MS = 5000
const ACCOUNTS = 200

const [path = '', journalMode = ''] = process.argv.slice(2)
const database = new Database(path, { timeout: BUSY_TIMEOUT_MS })
database.pragma(`journal_mode=${journalMode}`)
database.exec(`
  CREATE TABLE account(id INTEGER PRIMARY KEY, owner TEXT UNIQUE, balance INTEGER NOT NULL, moves INTEGER NOT NULL);
  CREATE TABLE move(source INTEGER, target INTEGER, amount INTEGER, note TEXT);
  CREATE INDEX move_source ON move(source);
  CREATE TABLE total(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
  INSERT INTO total VALUES ('moves', 0);
`)
const insertAccount = database.prepare("INSERT INTO account VALUES (?, 'owner ' || ?, 1000, 0)")
for (let id = 1; id <= ACCOUNTS; id++) insertAccount.run(id, id)

const take = database.prepare('UPDATE account SET balance = balance - ?, moves = moves + 1 WHERE id = ?')
// REPLACE meets the unique owner: the old row goes, a new one with the same number comes.
const give = database.prepare('REPLACE INTO account SELECT id, owner, balance + ?, moves FROM account WHERE id = ?')
const note = database.prepare('INSERT INTO move VALUES (?, ?, ?, ?)')
const forget = database.prepare('DELETE FROM move WHERE rowid IN (SELECT rowid FROM move ORDER BY rowid LIMIT ?)')
const count = database.prepare("UPDATE total SET value = (SELECT count(*) FROM move) WHERE name = 'moves'")

let turn = 0
const transfer = database.transaction((size: number) => {
  for (let step = 0; step < size; step++) {
    turn = (turn * 1_103_515_245 + 12_345) % 2_147_483_648
    const [source, target, amount] = [1 + (turn % ACCOUNTS), 1 + ((turn >> 8) % ACCOUNTS), turn % 97]
    take.run(amount, source)
    give.run(amount, target)
    note.run(source, target, amount, `turn ${turn}`.repeat(1 + (turn % 5)))
  }
  if (turn % 3 === 0) forget.run(size * 3)
  count.run()
})

let [transactions, longestWaitMs, stopped] = [0, 0, false]
const failures: string[] = []
process.stdin.resume().on('end', () => {
  stopped = true
})
process.stdout.write('ready\n')
while (!stopped) {
  const startedAt = performance.now()
  try {
    transfer.immediate(1 + (transactions % 40))
    transactions += 1
  } catch (error) {
    failures.push(String(error))
  }
  longestWaitMs = Math.max(longestWaitMs, performance.now() - startedAt)
  // The shortest pause an application can make: it lets the end of stdin through.
  await new Promise((resolve) => setImmediate(resolve))
}
database.close()
process.stdout.write(`${JSON.stringify({ transactions, longestWaitMs, failures })}\n`)
