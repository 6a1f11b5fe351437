/**
 * The part of a session that does not depend on what it transfers: headers, credentials, counting, Statuses owed to
 * the server, and checks of its answers. The server is not trusted either: what contradicts the protocol ends it.
 */

import { CodedError } from '../../schemas/errors.ts'
import { MAX_MESSAGE_BYTES, MAX_OBJECT_BYTES, OWN_MAX_MSG_SIZE } from '../../schemas/limits.ts'
import { AUTH_BASIC, AUTH_MD5, basicCredential, ha1, md5Credential } from '../../schemas/syncml/credential.ts'
import type { Command, Cred, Message, StatusCommand, SyncHdr } from '../../schemas/syncml/message.ts'
import { exchange, exchangeWaiting, nextUrl } from './exchange.ts'
import { presenting } from './installation.ts'
import { type MessageCodec, wbxmlCodec } from './messageCodec.ts'
import { challengeFor, isProven, serverNonce, unproven } from './proveServer.ts'
import { toldRefusal } from './refusal.ts'
import { readServerMemory, type ServerMemory, writeServerMemory } from './serverMemory.ts'
import type { PeerRequest, SessionPorts, SessionRequest } from './sessionRequest.ts'
import { noTraffic, type Traffic } from './traffic.ts'

/** Assumed before the server said how much it takes. */
export const ASSUMED_MAX_MSG_SIZE = 64 * 1024

/** No server of sense takes less; a smaller value would make us send forever. */
const LEAST_MAX_MSG_SIZE = 2000

const SYNC_HDR = { cmdId: '0', name: 'SyncHdr' }

/** What became of our header. */
export type HeaderVerdict =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'challenged' }
  | { readonly kind: 'refused'; readonly status: number }

/** An answer with its Statuses at hand. */
export interface Answer {
  readonly message: Message
  readonly header: HeaderVerdict
  /** MsgID of the message that was answered. */
  readonly msgId: number
  /** Status of our command `cmdId` in the message that was just answered or in one before. */
  statusOf(msgId: number, cmdId: string): StatusCommand | undefined
}

export class Conversation<Request extends PeerRequest = SessionRequest> {
  readonly ports: SessionPorts
  readonly request: Request
  readonly codec: MessageCodec
  readonly traffic: Traffic = noTraffic()
  memory: ServerMemory
  /** MsgID of our last message. */
  msgId = 0
  readonly #installation: string | undefined
  #sessionId: string
  #url: string
  #serverMsgId = 0
  #basic: boolean
  /** Credentials are wanted in each message (200 instead of 212). */
  #eachMessage = false
  #authenticated = false
  #challenges = 0
  #proven = false
  /** Statuses for the server's last message. */
  #owed: StatusCommand[] = []

  static async start<Request extends PeerRequest>(
    ports: SessionPorts,
    request: Request,
  ): Promise<Conversation<Request>> {
    const memory = await readServerMemory(ports.keyStore, request)
    const values = (await request.installation?.present(memory.taken)) ?? []
    return new Conversation(ports, request, memory, values)
  }

  private constructor(ports: SessionPorts, request: Request, memory: ServerMemory, values: readonly string[]) {
    this.ports = values.length === 0 ? ports : { ...ports, fetch: presenting(ports.fetch, values) }
    this.#installation = values[0]
    this.request = request
    this.memory = memory
    this.codec = request.codec ?? wbxmlCodec
    this.#basic = request.basic ?? false
    this.#url = request.serverUrl
    this.#sessionId = newSessionId(ports)
  }

  /** Begins a new session with what was learnt: servers that track sessions by RespURI know none after a refusal. */
  restart(): void {
    this.#sessionId = newSessionId(this.ports)
    this.#url = this.request.serverUrl
    this.msgId = 0
    this.#serverMsgId = 0
    this.#owed = []
    this.#authenticated = false
  }

  get maxMsgSize(): number {
    const { maxMsgSize = ASSUMED_MAX_MSG_SIZE } = this.memory
    return Math.max(LEAST_MAX_MSG_SIZE, Math.min(maxMsgSize, MAX_MESSAGE_BYTES))
  }

  /** The next message: Statuses owed, then `commands`, numbered. */
  compose(commands: readonly Command[], final: boolean): Message {
    const { request } = this
    const cred = this.#authenticated && !this.#eachMessage ? {} : { cred: this.#cred() }
    const header: SyncHdr = {
      verDtd: '1.2',
      verProto: 'SyncML/1.2',
      sessionId: this.#sessionId,
      msgId: String(this.msgId + 1),
      target: { locUri: this.#url },
      source: { locUri: request.deviceId, locName: request.userName },
      ...cred,
      meta: {
        maxMsgSize: request.maxMsgSize ?? OWN_MAX_MSG_SIZE,
        maxObjSize: request.maxObjSize ?? MAX_OBJECT_BYTES,
      },
    }
    return { header, commands: numbered([...this.#owed, ...commands]), final }
  }

  /** Sends a composed message and checks the answer. */
  async send(message: Message): Promise<Answer> {
    const post = this.request.onBusy === 'tell' ? exchange : exchangeWaiting
    const reply = await post(this.ports, this.#url, this.codec.encode(message), this.traffic, this.codec)
    this.msgId += 1
    this.#checkHeader(reply.header)
    const statuses = reply.commands.filter((c) => c.name === 'Status')
    for (const status of statuses) {
      const ref = Number(status.msgRef)
      if (!Number.isSafeInteger(ref) || ref < 1 || ref > this.msgId)
        throw malformed(`status for message ${status.msgRef}`)
    }
    const own = statuses.find((s) => s.cmd === 'SyncHdr' && Number(s.msgRef) === this.msgId)
    if (!own) throw malformed('an answer without status for its message')
    this.#owed = [this.statusFor(reply, SYNC_HDR, 200)]
    const header = await this.#judge(own, message.header.cred !== undefined, reply.header)
    return {
      message: reply,
      header,
      msgId: this.msgId,
      statusOf: (msgId, cmdId) => statuses.find((s) => Number(s.msgRef) === msgId && s.cmdRef === cmdId),
    }
  }

  /** True while nothing may be given to the server: it has to prove itself first (DC-52). */
  get demandsProof(): boolean {
    return this.request.serverLogin !== undefined && !this.#proven
  }

  /**
   * Has the server prove itself, if it must: by the answer to our package 1, or by the same answer once more after a
   * challenge. What comes back is the one that counts.
   *
   * @throws {CodedError} `auth.server` if it cannot.
   */
  async provenAnswer(first: Answer): Promise<Answer> {
    const { serverLogin } = this.request
    if (serverLogin === undefined || this.#proven) return first
    let answer = first
    for (let challenges = 0; ; challenges++) {
      const { header } = answer.message
      this.#proven = isProven(header, serverLogin, this.memory.serverNonce)
      const next = serverNonce(this.ports.random)
      // Kept before it is given away: each nonce serves one proof.
      await this.#remember({ ...this.memory, serverNonce: next })
      const data = this.#proven ? 212 : header.cred ? 401 : 407
      this.#owed = [{ ...this.statusFor(answer.message, SYNC_HDR, data), chal: challengeFor(next) }]
      if (this.#proven) return { ...answer, msgId: first.msgId }
      if (challenges > 0) throw unproven()
      for (const command of answer.message.commands) {
        if (command.name !== 'Status' && !command.noResp) this.owe(this.statusFor(answer.message, command, data))
      }
      answer = await this.send(this.compose([], true))
      if (answer.header.kind !== 'accepted') throw unproven()
    }
  }

  /** Owes the server a Status with the next message. */
  owe(status: StatusCommand): void {
    this.#owed.push(status)
  }

  /** A Status for a command of `message`. */
  statusFor(
    message: Message,
    command: { readonly cmdId: string; readonly name: string },
    data: number,
    refs: { readonly targetRef?: string | undefined; readonly sourceRef?: string | undefined } = {},
  ): StatusCommand {
    return {
      name: 'Status',
      cmdId: '',
      msgRef: message.header.msgId,
      cmdRef: command.cmdId,
      cmd: command.name,
      targetRefs: refs.targetRef === undefined ? [] : [refs.targetRef],
      sourceRefs: refs.sourceRef === undefined ? [] : [refs.sourceRef],
      data,
      items: [],
    }
  }

  /** Notes that the server was told our device information. */
  async rememberDevInf(devInfDigest: string): Promise<void> {
    await this.#remember({ ...this.memory, devInfDigest })
  }

  #cred(): Cred {
    const { userName, secret } = this.request
    if (this.#basic) {
      return {
        meta: { format: 'b64', type: AUTH_BASIC },
        data: { kind: 'text', text: basicCredential(userName, secret) },
      }
    }
    const text = md5Credential(ha1(userName, secret), this.memory.nonce ?? new Uint8Array())
    return { meta: { format: 'b64', type: AUTH_MD5 }, data: { kind: 'text', text } }
  }

  #checkHeader(header: SyncHdr): void {
    if (header.sessionId !== this.#sessionId) throw malformed(`an answer of session ${header.sessionId.slice(0, 40)}`)
    const msgId = Number(header.msgId)
    // A refusal outside of any session is numbered 1.
    if (msgId !== this.#serverMsgId + 1 && msgId !== 1)
      throw malformed(`answer ${header.msgId.slice(0, 20)} out of order`)
    this.#serverMsgId = msgId
    if (header.respUri !== undefined) this.#url = nextUrl(this.request.serverUrl, header.respUri)
  }

  async #judge(status: StatusCommand, hadCred: boolean, header: SyncHdr): Promise<HeaderVerdict> {
    const chal = status.chal?.meta
    const nonce = chal?.nextNonce ?? this.memory.nonce
    const maxMsgSize = header.meta?.maxMsgSize || this.memory.maxMsgSize
    const isAccepted = status.data === 200 || status.data === 212
    const taken = (isAccepted && this.#installation) || this.memory.taken
    await this.#remember({ ...this.memory, nonce, maxMsgSize, taken })
    if (isAccepted) {
      if (hadCred && !this.#authenticated) this.#eachMessage = status.data === 200
      this.#authenticated = true
      return { kind: 'accepted' }
    }
    const told = toldRefusal(status)
    if (told) throw told
    const asked = (status.data === 401 || status.data === 407) && chal !== undefined && !this.#authenticated
    // One try for each kind of challenge: the same one again means that the secret is wrong (reference 5.4).
    if (!asked || this.#challenges >= 2) return { kind: 'refused', status: status.data }
    const basic = (chal.type ?? AUTH_BASIC).toLowerCase() === AUTH_BASIC
    if (this.#challenges > 0 && basic === this.#basic) return { kind: 'refused', status: status.data }
    this.#challenges += 1
    this.#basic = basic
    return { kind: 'challenged' }
  }

  async #remember(memory: ServerMemory): Promise<void> {
    const changed = JSON.stringify(memory) !== JSON.stringify(this.memory)
    this.memory = memory
    if (changed) await writeServerMemory(this.ports.keyStore, this.request, memory)
  }
}

/** At most 4 octets by the specification (reference 1.2). */
function newSessionId({ random }: SessionPorts): string {
  return Array.from(random.bytes(4), (octet) => (octet & 31).toString(32)).join('')
}

/** The server broke the protocol. */
export function malformed(what: string): CodedError {
  return new CodedError('protocol.malformed', `the server sent ${what}`)
}

function numbered(commands: readonly Command[]): Command[] {
  let next = 1
  const number = (command: Command): Command => {
    const cmdId = String(next++)
    return command.name === 'Sync'
      ? { ...command, cmdId, commands: command.commands.map(number) }
      : { ...command, cmdId }
  }
  return commands.map(number)
}
