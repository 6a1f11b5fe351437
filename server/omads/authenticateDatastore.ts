/**
 * The password of a single datastore (OM-35, reference 5.6): who logged in still needs it for this one, as `Cred` of the
 * Alert or the Map that names it. Whether it fits is the DatastoreVerifier's decision, never ours.
 */

import type { Chal, Cred } from '../../schemas/syncml/message.ts'
import type { PasswordProof } from '../account/syncmlCredential.ts'
import type { Peer } from '../datastore/datastore.ts'
import type { SyncDatastore } from '../datastore/syncDatastore.ts'
import { type AuthenticateDeps, chalFor, type Nonces, readCred } from './authenticate.ts'
import { challengeNonce } from './challenge.ts'
import { advance, type CommandContext } from './commands/commandContext.ts'
import { newNonce, possibleNonces, renewed } from './digestNonces.ts'
import type { ChallengedDatastore } from './sessionState.ts'

/** Knows the passwords of datastores. Counts failures. */
export interface DatastoreVerifier {
  /** True if the datastore has a password of its own for this account. */
  isProtected(accountId: string, lock: string): Promise<boolean>
  /** The one of the nonces that the proof was made with, empty for basic; undefined if it is wrong. */
  verify(peer: Peer, lock: string, proof: PasswordProof, remoteAddress: string): Promise<Uint8Array | undefined>
}

export type Entrance =
  /** `chal` carries the nonce for the next session. */
  | { readonly kind: 'open'; readonly chal?: Chal }
  | { readonly kind: 'closed'; readonly status: 401 | 403 | 407; readonly chal?: Chal }

/** Wrong passwords for one datastore in one session. */
const MAX_TRIES = 3

/** True if another password for the datastore is looked at in this session. */
export function mayTryAgain({ tries }: ChallengedDatastore): boolean {
  return tries < MAX_TRIES
}

/**
 * Lets a client into a datastore, or says what it is to be answered. What this session opened stays open. The next nonce
 * is noted in `context`, to be stored with the answer that carries it.
 *
 * @param target the datastore's URI in the client's spelling
 */
export async function enterDatastore(
  context: CommandContext,
  datastore: Pick<SyncDatastore, 'lock' | 'uri'>,
  cred: Cred | undefined,
  target: string,
): Promise<Entrance> {
  const { deps, peer, state } = context
  const { uri, lock } = datastore
  if (lock === undefined || state.links.some((link) => link.uri === uri)) return { kind: 'open' }
  if (!(await deps.datastoreLogins.isProtected(peer.accountId, lock))) return { kind: 'open' }
  const before = state.challenged.find((one) => one.uri === uri) ?? { uri, target, tries: 0 }
  if (!mayTryAgain(before)) return { kind: 'closed', status: 403 }
  const { version, remoteAddress } = state.identity
  const holder = { userName: JSON.stringify([peer.accountName, uri]), deviceId: peer.deviceId }
  const held = await deps.nonces.read(holder.userName, holder.deviceId)
  const nonces = possibleNonces(deps.challengeKey, holder, held, deps.clock())
  const offer = cred && readCred(cred, peer.accountName)
  const proof = offer && { ...offer, nonces, verDtd: version }
  const used = proof && (await deps.datastoreLogins.verify(peer, lock, proof, remoteAddress))
  if (used === undefined) {
    advance(context, { kind: 'challenged', challenged: { ...before, tries: before.tries + (cred ? 1 : 0) } })
    const nonce = challengeNonce(deps.challengeKey, { ...holder, after: held.next }, deps.clock())
    return { kind: 'closed', status: cred ? 401 : 407, chal: chalFor(version, nonce) }
  }
  if (offer?.scheme === 'basic') return { kind: 'open' }
  const next = newNonce(deps.random)
  context.confirmations.push(() => confirm(deps, holder, renewed(held, used, next)))
  return { kind: 'open', chal: chalFor(version, next) }
}

function confirm({ nonces }: AuthenticateDeps, holder: { userName: string; deviceId: string }, accepted: Nonces) {
  return nonces.accept(holder.userName, holder.deviceId, accepted)
}
