/**
 * A real server with its real worker processes, in this process so that its stores can be looked into, and devices that
 * send it whatever a test wants: every octet of a message is the test's own.
 */

import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { DATABASE_FILE_TYPE, DELTA_TYPE, FILE_GZIP_TYPE } from '../../schemas/delta/contentTypes.ts'
import { contentTypeOf, decodeMessage, encodeMessage } from '../../schemas/syncml/codec.ts'
import { basicCredential } from '../../schemas/syncml/credential.ts'
import type { Command, Encoding, Message, SyncHdr } from '../../schemas/syncml/message.ts'
import { formatPositionEmi, type PositionChain } from '../../schemas/syncml/position.ts'
import { assembleServer } from '../../server/assemble.ts'
import { copyKeyContext } from '../../server/backup/copyKey.ts'
import { readObjects, readPosition } from '../../server/backup/copyLayout.ts'
import type { DatabaseRow } from '../../server/catalogue/catalogue.ts'
import { type GivenOptions, readConfig } from '../../server/config/config.ts'
import { openKeyRing } from '../../server/keys/openKeyRing.ts'
import { openDatabase } from '../../server/sql/betterSqlite.ts'
import { dumpDatabase } from '../support/canonicalDump.ts'
import { addOf, statuses, syncAlert, syncOf } from '../support/omadsPeer.ts'

export { DATABASE_FILE_TYPE, DELTA_TYPE, FILE_GZIP_TYPE }

/** What a backup that one message carries was answered. */
export interface BackupAnswer {
  readonly http: number
  /** Status of the SyncHdr, of the Alert, of the Item; absent if there was none. */
  readonly header?: number
  readonly alert?: number
  readonly item?: number
}

export type HostileServer = Awaited<ReturnType<typeof openHostileServer>>
export type HostileDevice = Awaited<ReturnType<HostileServer['addDevice']>>

/** Opens a server on a free port of loopback with short limits for its workers. */
export async function openHostileServer(options: GivenOptions = {}, onLog?: (line: string) => void) {
  const data = options.data ?? mkdtempSync(join(tmpdir(), 'nightferry-hostile-'))
  const config = readConfig(
    {},
    {
      port: '0',
      data,
      logLevel: 'silent',
      rehearse: 'off',
      workerTimeoutMs: '8000',
      workerMemoryMb: '256',
      ...options,
    },
  )
  const server = await assembleServer(config, {}, onLog && { write: onLog })
  const { url } = await server.listen()
  const { keyRing } = openKeyRing({ dataDir: data })

  const rowOf = async (accountId: string, deviceId: string, name: string): Promise<DatabaseRow | undefined> =>
    (await server.databases.list(accountId)).find((row) => row.deviceId === deviceId && row.name === name)

  /** Everything a copy holds and where it stands, as text. */
  const copyState = async (device: { accountId: string; deviceId: string }, name = 'app'): Promise<string> => {
    const row = await rowOf(device.accountId, device.deviceId, name)
    if (row === undefined) return 'no copy'
    const { number, token, lineage, kind, copyId } = row
    const head = JSON.stringify({ number, token, lineage, kind, copyId })
    if (kind === 'file') return head
    const key = keyRing.unwrap(row.wrappedKey, copyKeyContext(copyId))
    const copy = openDatabase(join(data, 'copies', `${copyId}.db`), {
      cipher: { kind: 'aegis', key },
      readonly: true,
    })
    try {
      const position = readPosition(copy)
      const held = JSON.stringify({ ...position, history: [...position.history] })
      return [head, held, JSON.stringify(readObjects(copy)), ...dumpDatabase(copy)].join('\n')
    } finally {
      copy.close()
    }
  }

  const addAccount = async () => {
    const name = `user-${randomBytes(5).toString('hex')}`
    const password = randomBytes(9).toString('base64url')
    const { accountId } = await server.accounts.register(name, password)
    return { name, password, accountId }
  }

  const addDevice = async (account?: { name: string; password: string; accountId: string }) => {
    const owner = account ?? (await addAccount())
    const deviceId = `device-${randomUUID()}`
    const { secret } = await server.accounts.registerDevice(owner.accountId, 'a device', deviceId)
    return hostileDevice(url, { ...owner, deviceId, secret })
  }

  return {
    url,
    data,
    server,
    addAccount,
    addDevice,
    copyState,
    rowOf,
    /** True if the process answers and everything it needs is there. */
    ready: async () => (await fetch(`${url}/readyz`)).status === 200,
    close: async () => {
      await server.close()
      if (options.data === undefined) rmSync(data, { recursive: true, force: true })
    },
  }
}

interface Identity {
  readonly name: string
  readonly password: string
  readonly accountId: string
  readonly deviceId: string
  readonly secret: string
}

/** A device that sends what it is told, over HTTP, with credentials of its own. */
export function hostileDevice(url: string, identity: Identity) {
  const { name, deviceId, secret } = identity
  const newToken = () => randomBytes(16).toString('hex')
  const newLife = () => ({ lineage: newToken(), tokens: Array.from({ length: 64 }, newToken), hasBegun: false })
  const lives = new Map<string, ReturnType<typeof newLife>>()
  const lifeOf = (database = 'app') => {
    const life = lives.get(database) ?? newLife()
    lives.set(database, life)
    return life
  }
  /** Positions 0..63 of the life of a database. */
  const chainOf = (database: string | undefined, numbers: readonly number[]): PositionChain => {
    const { lineage, tokens } = lifeOf(database)
    return { lineage, positions: numbers.map((number) => ({ number, token: tokens[number] ?? 'f'.repeat(32) })) }
  }
  const chain = (...numbers: number[]): PositionChain => chainOf('app', numbers)
  let sessions = 0

  const header = (more: Partial<SyncHdr> = {}): SyncHdr => ({
    verDtd: '1.2',
    verProto: 'SyncML/1.2',
    sessionId: String(++sessions),
    msgId: '1',
    target: { locUri: `${url}/omads` },
    source: { locUri: deviceId, locName: name },
    cred: {
      meta: { format: 'b64', type: 'syncml:auth-basic' },
      data: { kind: 'text', text: basicCredential(name, secret) },
    },
    meta: { maxMsgSize: 100_000, maxObjSize: 100_000_000 },
    ...more,
  })
  const message = (commands: readonly Command[], more: Partial<SyncHdr> = {}, final = true): Message => ({
    header: header(more),
    commands: commands.map((command, index) => ({ ...command, cmdId: command.cmdId || String(index + 1) })),
    final,
  })
  const postOctets = (bytes: Uint8Array, encoding: Encoding = 'wbxml', to = `${url}/omads`, signal?: AbortSignal) =>
    fetch(to, {
      method: 'POST',
      headers: { 'content-type': contentTypeOf(encoding) },
      body: Buffer.from(bytes),
      ...(signal && { signal }),
    })
  const post = async (sent: Message, to?: string): Promise<{ http: number; reply?: Message }> => {
    const response = await postOctets(encodeMessage(sent, 'wbxml'), 'wbxml', to)
    const bytes = new Uint8Array(await response.arrayBuffer())
    return response.status === 200 ? { http: 200, reply: decodeMessage(bytes, 'wbxml') } : { http: response.status }
  }
  /** One message with Alert, Sync and one Item. */
  const send = async (
    code: 202 | 203,
    type: string,
    content: Uint8Array,
    position: PositionChain,
    database = 'app',
  ): Promise<BackupAnswer> => {
    const target = `./databases/${encodeURIComponent(database)}`
    const last = position.positions.at(-1)?.number ?? 0
    const alert = syncAlert(code, String(last), { target, last: '0', emi: formatPositionEmi(position) })
    const add = addOf('content', content)
    const typed = {
      ...add,
      items: add.name === 'Add' ? add.items.map((item) => ({ ...item, meta: { ...item.meta, type } })) : [],
    }
    const { http, reply } = await post(message([alert, syncOf([typed as Command], target)]))
    if (reply === undefined) return { http }
    const find = (cmd: string) => statuses(reply).find((status) => status.cmd === cmd)?.data
    const [head, alerted, item] = [find('SyncHdr'), find('Alert'), find('Add')]
    return {
      http,
      ...(head === undefined ? {} : { header: head }),
      ...(alerted === undefined ? {} : { alert: alerted }),
      ...(item === undefined ? {} : { item }),
    }
  }
  /** Each whole file that is taken begins a life of its own, as an honest device's does. */
  const sendWhole = async (type: string, content: Uint8Array, database = 'app'): Promise<BackupAnswer> => {
    const held = lifeOf(database)
    if (held.hasBegun) lives.set(database, newLife())
    const answer = await send(203, type, content, chainOf(database, [1]), database)
    if (answer.item === 200) lifeOf(database).hasBegun = true
    else lives.set(database, held)
    return answer
  }
  return {
    ...identity,
    url,
    get lineage() {
      return lifeOf().lineage
    },
    get tokens() {
      return lifeOf().tokens
    },
    chain,
    header,
    message,
    post,
    postOctets,
    send,
    /** A full backup of `file` at position 1. */
    sendFile: (file: Uint8Array, database?: string, type: string = FILE_GZIP_TYPE) =>
      sendWhole(type, type === FILE_GZIP_TYPE ? gzipSync(file, { level: 1 }) : file, database),
    sendGzip: (gzip: Uint8Array, database?: string) => sendWhole(FILE_GZIP_TYPE, gzip, database),
    /** A Delta as text, from position 1 to 2. */
    sendDelta: (xml: string | Uint8Array, database?: string) =>
      send(202, DELTA_TYPE, gzipSync(xml, { level: 1 }), chainOf(database, [1, 2]), database),
    /** A Delta between other positions of its life. */
    sendChain: (xml: string, numbers: readonly number[], database?: string) =>
      send(202, DELTA_TYPE, gzipSync(xml, { level: 1 }), chainOf(database, numbers), database),
    sendDeltaGzip: (gzip: Uint8Array, database?: string) =>
      send(202, DELTA_TYPE, gzip, chainOf(database, [1, 2]), database),
  }
}
