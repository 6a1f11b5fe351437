/**
 * One server with the engine's ports in memory, and a peer that speaks messages as values; bytes go through the codecs.
 * `restart` builds a new engine over the same stores.
 */

import { randomBytes } from 'node:crypto'
import { contentTypeOf, decodeMessage, encodeMessage } from '../../schemas/syncml/codec.ts'
import { ha1, md5Credential } from '../../schemas/syncml/credential.ts'
import type {
  Command,
  Cred,
  Encoding,
  Message,
  StatusCommand,
  SyncHdr,
  SyncmlVersion,
} from '../../schemas/syncml/message.ts'
import type { SyncType } from '../../server/datastore/datastore.ts'
import type { OmadsReply } from '../../server/omads/answer.ts'
import type { DatastoreVerifier } from '../../server/omads/authenticateDatastore.ts'
import type { BusyOptions } from '../../server/omads/busySignal.ts'
import { createOmads, type Omads, type OmadsDeps } from '../../server/omads/handleMessage.ts'
import type { SessionStore } from '../../server/omads/sessionStore.ts'
import {
  collectingLog,
  memoryDescriptions,
  memoryHeldObjects,
  memoryNonceStore,
  memoryOwnLogins,
  memorySessionStore,
  memorySpool,
  openDatastores,
  passwordVerifier,
} from './omadsMemory.ts'
import { registryOf, type StoringDatastore, storingDatastore } from './storingDatastore.ts'

export interface OmadsServer {
  readonly deps: OmadsDeps
  readonly store: StoringDatastore
  readonly spool: ReturnType<typeof memorySpool>
  readonly errors: unknown[]
  time: number
  omads: Omads
  restart(): void
}

/** A server with one datastore `./databases/app`; user alice, password secret. */
export function omadsServer(
  options: {
    syncTypes?: readonly SyncType[]
    sessions?: SessionStore
    busy?: BusyOptions
    datastoreLogins?: DatastoreVerifier
    /** What the server proves itself with, by device id. */
    serverPasswords?: Readonly<Record<string, string>>
  } = {},
): OmadsServer {
  const clock = () => server.time
  const spool = memorySpool(clock)
  const store = storingDatastore('./databases/app', options.syncTypes ?? [202, 203, 205], spool)
  const log = collectingLog()
  const deps: OmadsDeps = {
    registry: registryOf(store),
    spool,
    serverId: 'nightferry-test',
    log,
    verifier: passwordVerifier({ alice: 'secret', bob: 'other' }),
    nonces: memoryNonceStore(),
    descriptions: memoryDescriptions(),
    heldObjects: memoryHeldObjects(),
    datastoreLogins: options.datastoreLogins ?? openDatastores(),
    ownLogins: memoryOwnLogins(options.serverPasswords),
    challengeKey: new Uint8Array(32),
    random: (length) => new Uint8Array(randomBytes(length)),
    clock,
    sessions: options.sessions ?? memorySessionStore(),
    ...(options.busy && { busy: options.busy }),
  }
  const server: OmadsServer = {
    deps,
    store,
    spool,
    errors: log.errors,
    time: 1_000_000,
    omads: createOmads(deps),
    restart() {
      server.omads = createOmads(deps)
    },
  }
  return server
}

export interface PeerOptions {
  readonly encoding?: Encoding
  readonly version?: SyncmlVersion
  readonly deviceId?: string
  readonly user?: string
  readonly password?: string
  readonly sessionId?: string
  readonly maxMsgSize?: number
  readonly maxObjSize?: number
  /** Restart the server before and repeat each message, and demand equal answers. */
  readonly rough?: boolean
  readonly remoteAddress?: string
}

const URL = 'http://sync.example/omads'

/** A client that keeps MsgID, RespURI and nonce as the standard asks. */
export class OmadsPeer {
  readonly server: OmadsServer
  readonly options: PeerOptions
  msgId = 0
  url = URL
  nonce: Uint8Array = new Uint8Array()

  constructor(server: OmadsServer, options: PeerOptions = {}) {
    this.server = server
    this.options = options
  }

  get encoding(): Encoding {
    return this.options.encoding ?? 'wbxml'
  }

  cred(nonce: Uint8Array = this.nonce): Cred {
    const { user = 'alice', password = 'secret' } = this.options
    return {
      meta: { format: 'b64', type: 'syncml:auth-md5' },
      data: { kind: 'text', text: md5Credential(ha1(user, password), nonce) },
    }
  }

  message(
    commands: readonly Command[],
    extra: { final?: boolean; cred?: Cred; header?: Partial<SyncHdr> } = {},
  ): Message {
    const { version = '1.2', deviceId = 'dev-1', user = 'alice', sessionId = '21' } = this.options
    const { maxMsgSize = 65_536, maxObjSize = 10_000_000 } = this.options
    this.msgId += 1
    const header: SyncHdr = {
      verDtd: version,
      verProto: `SyncML/${version}`,
      sessionId,
      msgId: String(this.msgId),
      target: { locUri: this.url },
      source: { locUri: deviceId, locName: user },
      ...(extra.cred ? { cred: extra.cred } : {}),
      meta: { maxMsgSize, ...(version === '1.0' ? {} : { maxObjSize }) },
      ...extra.header,
    }
    const numbered = commands.map((c, i) => (c.cmdId === '' ? { ...c, cmdId: String(i + 1) } : c))
    return { header, commands: numbered, final: extra.final ?? true }
  }

  /** Posts a message and reads the answer; follows RespURI and nonce. */
  async send(message: Message): Promise<Message> {
    const answer = await this.post(message)
    if (answer.status !== 200) throw new Error(`HTTP ${answer.status}`)
    const reply = decodeMessage(answer.bytes, this.encoding)
    if (reply.header.respUri !== undefined) this.url = reply.header.respUri
    const nonce = headerStatus(reply)?.chal?.meta.nextNonce
    if (nonce) this.nonce = nonce
    return reply
  }

  async post(message: Message, url = this.url): Promise<OmadsReply> {
    const bytes = encodeMessage(message, this.encoding)
    const { remoteAddress = '127.0.0.1' } = this.options
    const request = { bytes, contentType: contentTypeOf(this.encoding), url, host: 'sync.example', remoteAddress }
    if (this.options.rough) this.server.restart()
    const answer = await this.server.omads(request)
    if (!this.options.rough) return answer
    this.server.restart()
    const again = await this.server.omads(request)
    if (Buffer.compare(again.bytes, answer.bytes) !== 0) throw new Error('a resent message got another answer')
    return answer
  }
}

/** Alert of a sync type with anchors. */
export function syncAlert(
  code: number,
  next: string,
  more: { last?: string; emi?: string; target?: string } = {},
): Command {
  const { last, emi, target = './databases/app' } = more
  return {
    name: 'Alert',
    cmdId: '',
    data: String(code),
    items: [
      {
        target: { locUri: target },
        source: { locUri: './app' },
        meta: {
          anchor: { ...(last === undefined ? {} : { last }), next },
          ...(emi === undefined ? {} : { emi: [emi] }),
        },
      },
    ],
  }
}

/** Sync of `./databases/app` with these commands. */
export function syncOf(commands: readonly Command[], target = './databases/app'): Command {
  const numbered = commands.map((c, i) => ({ ...c, cmdId: c.cmdId === '' ? String(100 + i) : c.cmdId }))
  return { name: 'Sync', cmdId: '', target: { locUri: target }, source: { locUri: './app' }, commands: numbered }
}

export function addOf(luid: string, bytes: Uint8Array, more: { size?: number; moreData?: boolean } = {}): Command {
  return {
    name: 'Add',
    cmdId: '',
    items: [
      {
        source: { locUri: luid },
        meta: {
          format: 'bin',
          type: 'application/octet-stream',
          ...(more.size === undefined ? {} : { size: more.size }),
        },
        data: { kind: 'bytes', bytes },
        ...(more.moreData ? { moreData: true } : {}),
      },
    ],
  }
}

export function headerStatus(message: Message): StatusCommand | undefined {
  return statuses(message).find((s) => s.cmd === 'SyncHdr')
}

export function statuses(message: Message): StatusCommand[] {
  return message.commands.filter((c) => c.name === 'Status')
}

/** `Cmd:code` of all Statuses in order. */
export function statusLine(message: Message): string[] {
  return statuses(message).map((s) => `${s.cmd}:${s.data}`)
}

/** Alert codes of a message. */
export function alerts(message: Message): string[] {
  return message.commands.filter((c) => c.name === 'Alert').map((c) => c.data ?? '')
}
