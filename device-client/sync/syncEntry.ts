/** A sync as the agent keeps it: what with what, and how. Its secret is never part of it. Rule DC-70. */

import { CodedError } from '../../schemas/errors.ts'
import type { SyncApp } from './syncApp.ts'
import type { SyncMode } from './syncMode.ts'

/** Where the items lie on this device. */
export type SourceSpec =
  | { readonly kind: 'vdir'; readonly path: string }
  | { readonly kind: 'sqlite'; readonly path: string; readonly table: string }

export interface SyncEntry {
  readonly name: string
  readonly app: SyncApp
  readonly source: SourceSpec
  /** Address that messages are posted to. */
  readonly server: string
  /** URI of the server's datastore. */
  readonly remote: string
  readonly user: string
  readonly auth: 'md5' | 'basic'
  readonly encoding: 'wbxml' | 'xml'
  readonly deviceId: string
  readonly mode: SyncMode
  /** The server this device is registered with: its own secret serves. */
  readonly registered: boolean
  /** File the password is read from; absent: the environment or the terminal. */
  readonly passwordFile?: string
}

/** Reads `vdir:FOLDER` or `sqlite:FILE#TABLE`. @throws {CodedError} `config.invalid`. */
export function parseSource(text: string): SourceSpec {
  const [, kind, rest = ''] = /^(vdir|sqlite):(.+)$/s.exec(text) ?? []
  if (kind === 'vdir') return { kind, path: rest }
  const [, path = '', table = ''] = /^(.+)#([^#]+)$/s.exec(rest) ?? []
  if (kind === 'sqlite' && path !== '') return { kind, path, table }
  throw new CodedError('config.invalid', `not a source: ${text}`, { next: 'Say vdir:FOLDER or sqlite:FILE#TABLE.' })
}

export function formatSource(source: SourceSpec): string {
  return source.kind === 'vdir' ? `vdir:${source.path}` : `sqlite:${source.path}#${source.table}`
}

/** What decides whose memory it is: with another server, account or source nothing of it would be true. */
export function bindingOf({ app, source, server, remote, user, deviceId }: SyncEntry): string {
  return JSON.stringify([server, remote, user, deviceId, app, formatSource(source)])
}

/** URI of our datastore. */
export function localUriOf(name: string): string {
  return `./${encodeURIComponent(name)}`
}
