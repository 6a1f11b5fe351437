/**
 * The port through which a session is kept from beginning whose device was copied: another installation presents the same
 * identity (ID-6). It is asked after the login, before anything of the session is looked at.
 */

import { ALERT } from '../../schemas/syncml/codes.ts'
import { databaseOf } from '../../schemas/syncml/databaseUri.ts'
import type { Message } from '../../schemas/syncml/message.ts'
import type { Peer } from '../datastore/datastore.ts'
import { isSyncAlert } from './chooseSyncMode.ts'

export type InstallationCheck =
  | { readonly kind: 'refused'; readonly why: string }
  /** `confirm` keeps what was presented; with the answer, and durable before it. */
  | { readonly kind: 'accepted'; confirm(): Promise<void> }

export interface InstallationGate {
  /** `presented` is the header's value; `database` the one that the session is about to back up, if it is. */
  check(peer: Peer, presented: string | undefined, database: string | undefined): Promise<InstallationCheck>
}

/** Alerts by which a device only takes: whoever restores by them overwrites nobody's backups. */
const TAKING: readonly string[] = [String(ALERT.oneWayFromServer), String(ALERT.refreshFromServer)]

/** The database that a message asks to write to. */
export function backedUpDatabase({ commands }: Message): string | undefined {
  for (const command of commands) {
    if (command.name !== 'Alert') continue
    const code = (command.data ?? '').trim()
    if (!isSyncAlert(code) || TAKING.includes(code)) continue
    const name = databaseOf(command.items[0]?.target?.locUri ?? '')
    if (name !== undefined) return name
  }
  return undefined
}
