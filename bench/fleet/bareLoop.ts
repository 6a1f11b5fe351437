/**
 * What the fleet is measured against, in a process of its own: open the encrypted file, write the same rows by plain
 * SQL, commit with fsync, close; nothing else. Prints wall clock and processor time of each night as JSON.
 */

import { readFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { FleetCopy } from './copies.ts'
import { NIGHTS, nightRows, writeNight } from './fleetDatabase.ts'

const copies = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as FleetCopy[]
const nights = Array.from({ length: NIGHTS }, (_, night) => copies.map((_, device) => nightRows(device, night)))
const measured: { wallMs: number; cpuMs: number }[] = []
for (const rows of nights) {
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  for (const [device, { path, key }] of copies.entries()) {
    const db = new Database(path)
    db.pragma("cipher='aegis'")
    db.pragma(`key='raw:${key}'`)
    db.pragma('synchronous=FULL')
    db.exec('BEGIN IMMEDIATE')
    const night = rows[device]
    if (night) writeNight(db, night)
    db.exec('COMMIT')
    db.close()
  }
  const wallMs = performance.now() - startedAt
  const { user, system } = process.cpuUsage(cpuBefore)
  measured.push({ wallMs, cpuMs: (user + system) / 1000 })
}
process.stdout.write(JSON.stringify(measured))
