/**
 * The port for sessions and their last answers (OM-3, OM-4). What it returns from `save` is durable:
 * the engine sends an answer only after that, so a restart between two messages is not noticed.
 */

import type { SessionState } from './sessionState.ts'

/** The answer to the last message of a session, for a client that asks again. */
export interface StoredAnswer {
  readonly msgId: number
  /** SHA-256 of the request, hex. */
  readonly requestDigest: string
  readonly contentType: string
  readonly bytes: Uint8Array
}

/** A session without the octets of its last answer: many of them are looked through with each message. */
export interface SessionSummary {
  readonly state: SessionState
  readonly answer: Omit<StoredAnswer, 'bytes'>
  /** Milliseconds since 1970 of the last message. */
  readonly touchedAt: number
}

export interface SessionRecord extends SessionSummary {
  readonly answer: StoredAnswer
}

export interface SessionStore {
  findByToken(token: string): Promise<SessionRecord | undefined>
  /** All sessions of a device id, newest first; a device id is unique only within its account. */
  findByDevice(deviceId: string): Promise<readonly SessionSummary[]>
  /** Writes or replaces the record of this token. Durable when it returns. */
  save(record: SessionRecord): Promise<void>
  remove(token: string): Promise<void>
  /** Sessions last touched before `before`, oldest first, at most `limit`. */
  listIdle(before: number, limit: number): Promise<readonly SessionSummary[]>
}
