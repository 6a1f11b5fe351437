/** What each attack does: one blow, that is one request or a few, and what the server answered to it. */

import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { encodeMessage } from '../schemas/syncml/codec.ts'
import { basicCredential } from '../schemas/syncml/credential.ts'
import type { Command, Message } from '../schemas/syncml/message.ts'
import type { BackupAnswer, HostileDevice } from '../test/hostile/hostileServer.ts'
import { deltaOf, fileOf, HONEST_SCHEMA, HONEST_SQL, headOf } from '../test/hostile/material.ts'
import { addOf, headerStatus, syncAlert, syncOf } from '../test/support/omadsPeer.ts'
import type { AttackName } from './attacks.ts'

/** One blow; what it was answered, as few different texts as possible: they are counted. */
export type Blow = () => Promise<string>

const ENDLESS = "instr(printf('%.*c', 20000000, 'a'), printf('%.*c', 10000000, 'a') || a || 'b')"

/** The blows of `device`, which has a copy of the honest database. */
export function blowsOf(device: HostileDevice): Readonly<Record<AttackName, Blow>> {
  const { url } = device
  const bomb = gzipSync(Buffer.alloc(150_000_000, 0x20), { level: 9 })
  const elements = Buffer.from(`<SyncML>${'<a><b/></a>'.repeat(95_000)}</SyncML>`)
  const alerts = Array.from({ length: 8000 }, () => ({ name: 'Alert', cmdId: '', data: '100', items: [] }) as Command)
  const noiseFile = fileOf(HONEST_SQL)
  const sent = encodeMessage(device.message([syncAlert(202, '1')]), 'wbxml')
  const octets = async (bytes: Uint8Array, encoding: 'xml' | 'wbxml', to?: string): Promise<string> => {
    const response = await device.postOctets(bytes, encoding, to)
    await response.arrayBuffer()
    return `HTTP ${response.status}`
  }
  const message = async (body: Message, to?: string): Promise<string> => {
    const { http, reply } = await device.post(body, to)
    return reply ? `Status ${headerStatus(reply)?.data}` : `HTTP ${http}`
  }
  const json = async (path: string, body: object | undefined, token?: string): Promise<string> => {
    const response = await fetch(`${url}${path}`, {
      method: body ? 'POST' : 'GET',
      headers: {
        ...(body && { 'content-type': 'application/json' }),
        ...(token && { authorization: `Bearer ${token}` }),
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    await response.arrayBuffer()
    return `HTTP ${response.status}`
  }
  return {
    'gzip-bombs': async () => itemAnswer(await device.sendDeltaGzip(bomb)),
    'xml-elements': () => octets(elements, 'xml'),
    'wbxml-commands': () => octets(encodeMessage(device.message(alerts), 'wbxml'), 'wbxml'),
    unauthenticated: () => {
      const asked = device.message([syncAlert(202, '1')], { source: { locUri: `nobody-${randomText()}` } })
      const { cred: _, ...header } = asked.header
      return message({ ...asked, header })
    },
    'eating-schemas': async () => itemAnswer(await device.sendDelta(eating(device, 'hex(zeroblob(499999999))'))),
    'endless-schemas': async () => itemAnswer(await device.sendDelta(eating(device, ENDLESS))),
    'hostile-files': async () => {
      const file = Buffer.from(noiseFile)
      file.set(randomBytes(4), 100 + Math.floor(Math.random() * 4000))
      return itemAnswer(await device.sendFile(file, 'other'))
    },
    'password-guessing': () => message(device.message([], { cred: basic(device.name, randomText()) })),
    'account-guessing': () => json('/accounts/login', { name: device.name, password: randomText() }),
    'forged-tokens': () => json('/api/v1/databases', undefined, forgedToken()),
    'guessed-sessions': () =>
      message(
        device.message([syncAlert(202, '1')], { sessionId: '1', msgId: '2', cred: basic(device.name, randomText()) }),
        `${url}/omads?s=${randomBytes(16).toString('hex')}`,
      ),
    'replayed-messages': () => octets(sent, 'wbxml'),
    'endless-objects': () => {
      const target = './databases/other'
      const add = addOf('big', new Uint8Array(900_000), { size: 2_000_000_000, moreData: true })
      return message(device.message([syncAlert(203, '1', { target }), syncOf([add], target)], {}, false))
    },
    'slow-bodies': () => beginBody(url),
  }
}

const randomText = (): string => randomBytes(6).toString('hex')

const itemAnswer = ({ http, header, item }: BackupAnswer): string =>
  http === 200 ? `Status ${item ?? header}` : `HTTP ${http}`

const basic = (name: string, secret: string) => ({
  meta: { type: 'syncml:auth-basic', format: 'b64' },
  data: { kind: 'text' as const, text: basicCredential(name, secret) },
})

/** A Delta that adds a table with a generated column, and a row for it. */
const eating = (device: HostileDevice, column: string): string =>
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

/** A token that looks right and that nobody signed. */
function forgedToken(): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const exp = Math.floor(Date.now() / 1000) + 600
  const claims = { sub: `acc_${randomText()}`, scope: 'account', iss: 'nightferry', exp }
  return `${part({ alg: 'EdDSA', kid: randomText() })}.${part(claims)}.${randomBytes(64).toString('base64url')}`
}

async function beginBody(url: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname).on('error', () => {})
  socket.write(
    'POST /omads HTTP/1.1\r\nHost: a\r\nContent-Type: application/vnd.syncml+xml\r\nContent-Length: 4000000\r\n\r\n<',
  )
  await new Promise((resolve) => setTimeout(resolve, 5))
  return 'not waited for'
}
