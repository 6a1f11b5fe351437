/** Hands a notification (package 0) to SyncEvolution on its message bus, and tells what it did. */

import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { interop } from './requireProgram.ts'
import { type SyncEvolutionClient, scripts, syncEvolutionMissing } from './syncEvolution.ts'

const run = promisify(execFile)

/** What a notification led to. */
export interface AlertedResult {
  /** 0 if a session ran to its end. */
  readonly exit: number
  /** The mode it ended in, as `SyncResult` has it. */
  readonly mode: string
  readonly text: string
}

/** Why it cannot be done here, made for a title; empty if all it needs is there. */
export function alertedSyncMissing(): string {
  const needed = [interop('dbus-daemon', 'dbus'), interop('/usr/libexec/syncevo-dbus-server', 'syncevolution')]
  return syncEvolutionMissing() || (needed.find(({ available }) => !available)?.reason ?? '')
}

/** Makes the scripts in `folder` as these tests need them. */
export function prepareAlertedSync(folder: string): void {
  mkdirSync(folder)
  for (const name of readdirSync(scripts)) {
    if (name !== 'san-client.py') symlinkSync(join(scripts, name), join(folder, name))
  }
  // With must_authenticate the client logs in by its configuration; without, it sends an empty name.
  const relay = readFileSync(join(scripts, 'san-client.py'), 'utf8')
  writeFileSync(join(folder, 'san-client.py'), relay.replace("'URL': ''}, False,", "'URL': ''}, True,"))
}

/** The synchronization of `client` that `notification` starts; `folder` was prepared. */
export async function alertedSync(
  folder: string,
  client: SyncEvolutionClient,
  notification: Uint8Array,
): Promise<AlertedResult> {
  const file = join(folder, 'notification')
  writeFileSync(file, notification)
  const env = { ...client.environment(), SAN_FILE: file }
  const options = { env, maxBuffer: 64 * 1024 * 1024 }
  const ended = await run('bash', [join(folder, 'san-client.sh')], options).catch((cause: { stdout?: string }) => cause)
  const text = ended.stdout ?? String(ended)
  const mode = /source-contacts-mode = (\S+)/.exec(text)?.[1] ?? ''
  return { exit: Number(/RESULT exit=(\d+)/.exec(text)?.[1] ?? -1), mode, text }
}
