/**
 * One attacker: a process of its own that repeats one attack without pause, `LANES` at a time, until it is killed.
 *
 * node bench/attacker.ts URL ATTACK
 */

import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { encodeMessage } from '../schemas/syncml/codec.ts'
import { basicCredential } from '../schemas/syncml/credential.ts'
import type { Command } from '../schemas/syncml/message.ts'
import { deltaOf, fileOf, HONEST_SCHEMA, HONEST_SQL, headOf } from '../test/hostile/material.ts'
import { addOf, syncAlert, syncOf } from '../test/support/omadsPeer.ts'
import { newDevice } from './attackServer.ts'

const LANES = 2
const [url = '', attack = ''] = process.argv.slice(2)
const device = await newDevice(url)
if ((await device.sendFile(fileOf(HONEST_SQL))).item !== 200) throw new Error('the attacker has no copy')

const eating = (column: string) =>
  deltaOf(
    headOf(device),
    [
      ...HONEST_SCHEMA,
      { type: 'table', name: 'x', tableName: 'x', sql: `CREATE TABLE x(a, b AS (${column}) STORED)`, rows: 'replace' },
    ],
    [
      {
        table: { name: 'x', key: 'rowid', columns: ['a'], clear: false },
        touched: [[1n]],
        puts: [[1n, 'a'.repeat(2000)]],
      },
    ],
  )
const bomb = gzipSync(Buffer.alloc(150_000_000, 0x20), { level: 9 })
const elements = Buffer.from(`<SyncML>${'<a><b/></a>'.repeat(95_000)}</SyncML>`)
const noiseFile = fileOf(HONEST_SQL)
const gets = Array.from({ length: 8000 }, () => ({ name: 'Alert', cmdId: '', data: '100', items: [] }) as Command)
const endless = "instr(printf('%.*c', 20000000, 'a'), printf('%.*c', 10000000, 'a') || a || 'b')"

const blows: Record<string, () => Promise<unknown>> = {
  'gzip-bombs': () => device.sendDeltaGzip(bomb),
  'xml-elements': async () => (await device.postOctets(elements, 'xml')).arrayBuffer(),
  'wbxml-commands': async () => (await device.postOctets(encodeMessage(device.message(gets), 'wbxml'))).arrayBuffer(),
  unauthenticated: async () => {
    const message = device.message([syncAlert(202, '1')], {
      source: { locUri: `nobody-${randomBytes(6).toString('hex')}` },
    })
    const { cred: _, ...header } = message.header
    await (await device.postOctets(encodeMessage({ ...message, header }, 'wbxml'))).arrayBuffer()
  },
  'eating-schemas': () => device.sendDelta(eating('hex(zeroblob(499999999))')),
  'endless-schemas': () => device.sendDelta(eating(endless)),
  'hostile-files': () => {
    const file = Buffer.from(noiseFile)
    file.set(randomBytes(4), 100 + Math.floor(Math.random() * 4000))
    return device.sendFile(file, 'other')
  },
  'password-guessing': () =>
    device.post(
      device.message([], {
        cred: {
          meta: { type: 'syncml:auth-basic', format: 'b64' },
          data: { kind: 'text', text: basicCredential(device.name, randomBytes(6).toString('hex')) },
        },
      }),
    ),
  'endless-objects': async () => {
    const target = './databases/other'
    const add = addOf('big', new Uint8Array(900_000), { size: 2_000_000_000, moreData: true })
    await device.post(device.message([syncAlert(203, '1', { target }), syncOf([add], target)], {}, false))
  },
  'slow-bodies': async () => {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname).on('error', () => {})
    socket.write(
      'POST /omads HTTP/1.1\r\nHost: a\r\nContent-Type: application/vnd.syncml+xml\r\nContent-Length: 4000000\r\n\r\n<',
    )
    await new Promise((resolve) => setTimeout(resolve, 5))
  },
}

const blow = blows[attack]
if (!blow) throw new Error(`unknown attack ${attack}; known: ${Object.keys(blows).join(', ')}`)
await Promise.all(
  Array.from({ length: LANES }, async () => {
    for (;;) await blow().catch(() => {})
  }),
)
