/** Answers one poll of a device: notes what it has, gives what it has not (PU-2). */

import { CodedError } from '../../schemas/errors.ts'
import { encodeWakeUp } from '../../schemas/syncml/wakeUp.ts'
import type { KnownLogins } from '../catalogue/catalogue.ts'
import { findLogin } from './findLogin.ts'
import type { LongPoll, Poll } from './longPoll.ts'
import type { Notifications } from './notifications.ts'

export type { Poll } from './longPoll.ts'

/** A device may be this far ahead of the server's clock, which may have been set back. */
const MAX_AHEAD_MS = 366 * 24 * 3_600_000

export interface PollParts {
  readonly notifications: Notifications
  readonly longPoll: LongPoll
  readonly knownLogins: Pick<KnownLogins, 'find'>
  readonly serverId: string
  /** Milliseconds since 1970. */
  readonly clock: () => number
}

/** A notification as the device gets it. */
export interface IssuedOctets {
  readonly issuedAt: number
  readonly octets: Uint8Array
}

/**
 * The notification that the device shall have, or undefined if none came in time.
 *
 * @throws {CodedError} `push.busy`; `protocol.malformed` if the device has what cannot have been issued.
 */
export async function answerPoll(parts: PollParts, poll: Poll): Promise<IssuedOctets | undefined> {
  await noteTaken(parts, poll)
  const found = await parts.longPoll.wait(poll)
  if (found === undefined) return undefined
  const { sessionId, issuedAt, syncs } = found
  const login = await findLogin(parts.knownLogins, poll)
  return { issuedAt, octets: encodeWakeUp({ serverId: parts.serverId, sessionId, issuedAt, syncs }, login?.ha1) }
}

async function noteTaken({ notifications, clock }: PollParts, poll: Poll): Promise<void> {
  const now = clock()
  if (poll.after > now + MAX_AHEAD_MS) throw new CodedError('protocol.malformed', 'after: nothing was issued then')
  if (poll.after === 0) return
  const kept = await notifications.get(poll)
  // Most polls say what is known already: they write nothing.
  if (
    kept !== undefined &&
    (kept.issuedAt > poll.after || (kept.issuedAt === poll.after && kept.takenAt !== undefined))
  )
    return
  await notifications.take(poll, poll.after, now)
}
