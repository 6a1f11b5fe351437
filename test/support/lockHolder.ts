/**
 * An application that keeps its database, with a table `note(text)`, to itself, as a process of its own. Arguments: path, journal mode, and how:
 * `transaction` (BEGIN EXCLUSIVE), `locking-mode` (PRAGMA locking_mode=EXCLUSIVE, as browsers do), `reader` (a read
 * transaction that stays open). Prints `held`; gives the database free and ends when its stdin ends.
 */

import Database from 'better-sqlite3'

const [path = '', journalMode = '', how = ''] = process.argv.slice(2)
const database = new Database(path)
if (how === 'locking-mode') database.pragma('locking_mode=EXCLUSIVE')
database.pragma(`journal_mode=${journalMode}`)
if (how === 'transaction') database.exec('BEGIN EXCLUSIVE')
if (how === 'reader') database.exec('BEGIN; SELECT count(*) FROM sqlite_schema')
// In this mode the lock comes with the first write and stays.
if (how === 'locking-mode') database.exec("INSERT INTO note(text) VALUES ('held')")
process.stdout.write('held\n')
process.stdin.resume().on('end', () => database.close())
