/**
 * Mutual authentication (OM-36, reference 5.5): a client that doubts us challenges our SyncHdr in its Status, and gets our
 * own credentials in the next one. Whether we have a password for a device, and where it is kept, is the port's affair.
 */

import { decodeMessage } from '../../schemas/syncml/codec.ts'
import { STATUS } from '../../schemas/syncml/codes.ts'
import {
  AUTH_BASIC,
  AUTH_MD5,
  basicCredential,
  ha1,
  md5Credential,
  md5CredentialOf10,
} from '../../schemas/syncml/credential.ts'
import type { Cred, Message, StatusCommand } from '../../schemas/syncml/message.ts'
import type { Peer } from '../datastore/datastore.ts'
import { advance, type CommandContext, type CommandDeps } from './commands/commandContext.ts'
import type { ActiveState, OwnProof } from './sessionState.ts'
import type { StoredAnswer } from './sessionStore.ts'

/** What this server proves itself with to one device. */
export interface OwnLogin {
  readonly password: string
  /** What the device gave for the next time. */
  readonly nonce: Uint8Array | undefined
}

export interface OwnLogins {
  /** Undefined if no password was set for the device. */
  find(peer: Peer): Promise<OwnLogin | undefined>
  /** Keeps the nonce for the next time. Durable when it returns. */
  keepNonce(peer: Peer, nonce: Uint8Array): Promise<void>
}

/** Challenges of one session that are answered: one for missing and one for wrong credentials. */
const MAX_CHALLENGES = 2

/** Nothing is due, nothing was asked. */
export const NO_PROOF: OwnProof = { due: null, challenges: 0 }

/** What the first answer of a session proves: who gave us a nonce before is not made to ask again. */
export async function firstProof(logins: OwnLogins, peer: Peer): Promise<OwnProof> {
  const nonce = (await logins.find(peer))?.nonce
  return nonce === undefined ? NO_PROOF : { ...NO_PROOF, due: { scheme: 'md5', nonce: toBase64(nonce) } }
}

/** Parts of our header: the credentials that are due, and the name they are made with. */
export async function proofInHeader(
  deps: Pick<CommandDeps, 'ownLogins' | 'serverId'>,
  { peer, proof, identity }: Pick<ActiveState, 'peer' | 'proof' | 'identity'>,
): Promise<{ readonly cred?: Cred; readonly locName?: string }> {
  const password = proof.due === null ? undefined : (await deps.ownLogins.find(peer))?.password
  if (proof.due === null || password === undefined) return {}
  const { scheme, nonce } = proof.due
  const { serverId } = deps
  if (scheme === 'basic') return { cred: credOf(AUTH_BASIC, basicCredential(serverId, password)) }
  const octets = new Uint8Array(Buffer.from(nonce, 'base64'))
  const text =
    identity.version === '1.0'
      ? md5CredentialOf10(serverId, password, octets)
      : md5Credential(ha1(serverId, password), octets)
  return { cred: credOf(AUTH_MD5, text), locName: serverId }
}

/**
 * Takes note of what the client said to our header: content (212, or 200 and a proof with each message), or a challenge.
 * After a challenge in package 1 or 3 the client took nothing of our `last` answer: it is owed again. What it took of
 * package 4 is seen by the Statuses of the Items, and the rest comes in the next session, which begins with a proof.
 */
export async function hearVerdict(
  context: CommandContext,
  message: Message,
  last: StoredAnswer | undefined,
): Promise<void> {
  const status = message.commands.find((command) => isVerdict(command, context.state))
  if (status?.name !== 'Status') return
  const { peer, state, deps } = context
  const { proof } = state
  const nonce = status.chal?.meta.nextNonce
  const isChallenge = status.data === STATUS.invalidCredentials || status.data === STATUS.missingCredentials
  if (nonce !== undefined && (await deps.ownLogins.find(peer)) !== undefined) {
    context.confirmations.push(() => deps.ownLogins.keepNonce(peer, nonce))
  }
  if (!isChallenge) {
    if (status.data !== STATUS.ok && status.data !== STATUS.authenticationAccepted) return
    // 200 is good for one message, and asks for the next proof only if we gave one (reference 5.4).
    const each = status.data === STATUS.ok && proof.due !== null && nonce !== undefined
    const due = each ? { scheme: 'md5' as const, nonce: toBase64(nonce) } : null
    return advance(context, { kind: 'proof', proof: { ...proof, due } })
  }
  const scheme = schemeOf(status)
  if (scheme === undefined || proof.challenges >= MAX_CHALLENGES) return
  if ((await deps.ownLogins.find(peer)) === undefined) return warn(context)
  const due = { scheme, nonce: toBase64(nonce ?? new Uint8Array()) }
  advance(context, { kind: 'proof', proof: { due, challenges: proof.challenges + 1 } })
  if (state.phase === 'open' && last !== undefined) oweAgain(context, last)
}

function isVerdict(command: Message['commands'][number], { ownMsgId }: ActiveState): boolean {
  return command.name === 'Status' && command.cmd === 'SyncHdr' && Number(command.msgRef) === ownMsgId
}

/** What is asked for; basic without a type. Undefined without a challenge, or for what we cannot give. */
function schemeOf({ chal }: StatusCommand): 'basic' | 'md5' | undefined {
  if (chal === undefined) return undefined
  const type = (chal.meta.type ?? AUTH_BASIC).trim().toLowerCase()
  return type === AUTH_MD5 ? 'md5' : type === AUTH_BASIC ? 'basic' : undefined
}

function oweAgain(context: CommandContext, last: StoredAnswer): void {
  for (const command of decodeMessage(last.bytes, context.state.identity.encoding).commands) {
    if (command.name === 'Status') {
      if (command.cmd !== 'SyncHdr') context.statuses.push(command)
    } else if (command.name !== 'Alert' || command.data !== '222') context.commands.push(command)
  }
}

function warn({ deps, peer, state }: CommandContext): void {
  const fields = { sessionId: state.identity.sessionId, accountId: peer.accountId, deviceId: peer.deviceId }
  deps.log.warn('a device wants proof of this server, and no password is set for it', fields)
}

function credOf(type: string, text: string): Cred {
  return { meta: { format: 'b64', type }, data: { kind: 'text', text } }
}

function toBase64(octets: Uint8Array): string {
  return Buffer.from(octets).toString('base64')
}
