/**
 * Where a master key comes from: a file, the environment, or a command such as the client of a key management service
 * (KY-1, KY-2). Of the last two nothing is ever written to disk.
 */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { CodedError } from '../../schemas/errors.ts'
import { parseMasterKey } from './masterKey.ts'

/** What was given; at most one of them. */
export interface GivenKeySources {
  readonly file?: string
  /** Hex text. */
  readonly environment?: string
  readonly command?: string
}

/** What a status says of it. */
export type KeySource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'environment' }
  | { readonly kind: 'command' }

/** What the sources of one key are called, for errors. */
export interface SourceNames {
  readonly file: string
  readonly environment: string
  readonly command: string
}

export const MASTER_KEY_NAMES: SourceNames = {
  file: '--master-key-file (NIGHTFERRY_MASTER_KEY_FILE)',
  environment: 'NIGHTFERRY_MASTER_KEY',
  command: '--master-key-command (NIGHTFERRY_MASTER_KEY_COMMAND)',
}

export const NEW_MASTER_KEY_NAMES: SourceNames = {
  file: '--new-master-key-file (NIGHTFERRY_NEW_MASTER_KEY_FILE)',
  environment: 'NIGHTFERRY_NEW_MASTER_KEY',
  command: '--new-master-key-command (NIGHTFERRY_NEW_MASTER_KEY_COMMAND)',
}

/** How long a command may take, milliseconds, and how much it may print, octets. */
const COMMAND_MS = 30_000
const COMMAND_BYTES = 4096

/** @throws {CodedError} `config.invalid` if more than one is given. */
export function requireOneSource(given: GivenKeySources, names: SourceNames): void {
  const found = (['file', 'environment', 'command'] as const).filter((name) => given[name] !== undefined)
  if (found.length > 1)
    throw new CodedError('config.invalid', `a master key comes from one place, not from ${found.length}`, {
      next: `Give one of these only: ${found.map((name) => names[name]).join(', ')}.`,
    })
}

/**
 * The key of the environment or of the command; undefined if neither is given.
 * @throws {CodedError} `config.invalid`; what was read is in no message.
 */
export async function readGivenKey(
  given: GivenKeySources,
  names: SourceNames,
): Promise<{ readonly key: Uint8Array; readonly source: KeySource } | undefined> {
  requireOneSource(given, names)
  if (given.environment !== undefined)
    return { key: parseMasterKey(given.environment, names.environment), source: { kind: 'environment' } }
  if (given.command === undefined) return undefined
  return { key: await runKeyCommand(given.command, COMMAND_MS), source: { kind: 'command' } }
}

/**
 * Runs a command, without a shell, that prints a key as hex.
 * @throws {CodedError} `config.invalid` if it fails, takes longer than `timeoutMs`, or prints something else.
 */
export async function runKeyCommand(command: string, timeoutMs: number): Promise<Uint8Array> {
  const [program = '', ...args] = splitCommand(command)
  const run = promisify(execFile)
  let text: string
  try {
    const options = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: COMMAND_BYTES, encoding: 'utf8' } as const
    text = (await run(program, args, { ...options, shell: false, windowsHide: true })).stdout
  } catch (cause) {
    // Without its cause: that carries what the command printed, which may be the key.
    throw new CodedError('config.invalid', `the command for the master key ${failureOf(cause, timeoutMs)}`, {
      next: `Run it by hand to see why: ${program}`,
    })
  }
  return parseMasterKey(text, 'what the command for the master key printed')
}

function failureOf(cause: unknown, timeoutMs: number): string {
  const { code, killed } = cause as { code?: unknown; killed?: unknown }
  if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return `printed more than ${COMMAND_BYTES} octets`
  if (killed === true) return `took longer than ${timeoutMs / 1000} s`
  return typeof code === 'number' ? `ended with ${code}` : `cannot be run (${String(code)})`
}

/**
 * The words of a command: blanks part them, single or double quotes keep blanks together, nothing else has a meaning.
 * @throws {CodedError} `config.invalid` if a quote is not closed, or there is no word.
 */
export function splitCommand(command: string): readonly string[] {
  const words = command.match(/(?:[^\s'"]|'[^']*'|"[^"]*")+|['"]/g) ?? []
  if (words.length === 0 || words.some((word) => word === "'" || word === '"'))
    throw new CodedError('config.invalid', 'the command for the master key has no word, or a quote that is not closed')
  return words.map((word) => word.replaceAll(/'([^']*)'|"([^"]*)"/g, (_, single, double) => single ?? double))
}
