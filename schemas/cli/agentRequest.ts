/**
 * What a program says to a resident agent over its socket, and hears from it: one JSON object per line. The asker sends
 * one request; the agent says `accepted` at once, log lines while it works, and `end` last. Rules DC-44 to DC-46.
 */

import { CodedError } from '../errors.ts'
import { AGENT_PROTOCOL_VERSION } from '../version.ts'

/** Longest lines taken, in octets: a request names one database at most, an end has a report for each of them. */
export const MAX_REQUEST_BYTES = 64 * 1024
export const MAX_EVENT_BYTES = 16 * 1024 * 1024

/** Asks for a backup now: of one database, or of all. */
export interface AgentRequest {
  readonly nightferry: typeof AGENT_PROTOCOL_VERSION
  readonly command: 'backup'
  readonly database?: string
  readonly full?: boolean
}

/** From which level on a line is worth showing. */
export type AgentLogLevel = 'debug' | 'info' | 'warn'

/** What the agent answers. `end` is what the command would have printed, and its exit code. */
export type AgentEvent =
  | { readonly event: 'accepted'; readonly nightferry: typeof AGENT_PROTOCOL_VERSION }
  | { readonly event: 'log'; readonly level: AgentLogLevel; readonly line: string }
  | AgentEnd

export interface AgentEnd {
  readonly event: 'end'
  readonly exitCode: number
  /** The one object that `--json` prints. */
  readonly json: Readonly<Record<string, unknown>>
  /** For people: on stdout without `--json`. */
  readonly text: string
  /** For people, on stderr: what went wrong. */
  readonly errorText: string
}

/** The request for a backup. */
export function backupRequest(database: string | undefined, full: boolean): AgentRequest {
  const named = database === undefined ? {} : { database }
  return { nightferry: AGENT_PROTOCOL_VERSION, command: 'backup', ...named, ...(full ? { full } : {}) }
}

/**
 * Reads a request.
 * @throws {CodedError} `protocol.unsupported-version`; `protocol.malformed` for anything that is none.
 */
export function parseAgentRequest(line: string): AgentRequest {
  const { nightferry, command, database, full, ...others } = parseObject(line)
  if (nightferry !== AGENT_PROTOCOL_VERSION) {
    throw new CodedError('protocol.unsupported-version', `the agent speaks version ${AGENT_PROTOCOL_VERSION}`)
  }
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw malformed(`a request with ${unknown.slice(0, 40)}`)
  if (command !== 'backup') throw malformed('a command it does not take')
  if (database !== undefined && typeof database !== 'string') throw malformed('a database that is no text')
  if (full !== undefined && typeof full !== 'boolean') throw malformed('a "full" that is neither true nor false')
  return backupRequest(database, full === true)
}

/** Reads an event. @throws {CodedError} `protocol.malformed`. */
export function parseAgentEvent(line: string): AgentEvent {
  const { event, level, line: text, exitCode, json, ...rest } = parseObject(line)
  if (event === 'accepted') return { event, nightferry: AGENT_PROTOCOL_VERSION }
  if (event === 'log' && typeof text === 'string' && (level === 'debug' || level === 'info' || level === 'warn')) {
    return { event, level, line: text }
  }
  if (event === 'end' && Number.isInteger(exitCode) && isObject(json)) {
    return {
      event,
      exitCode: Number(exitCode),
      json,
      text: String(rest.text ?? ''),
      errorText: String(rest.errorText ?? ''),
    }
  }
  throw malformed('an event that is none')
}

/** One line, as it crosses the socket. */
export function formatAgentLine(value: AgentRequest | AgentEvent): string {
  return `${JSON.stringify(value)}\n`
}

function parseObject(line: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (cause) {
    throw malformed('a line that is no JSON', cause)
  }
  if (!isObject(value)) throw malformed('a line that is no JSON object')
  return value
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function malformed(what: string, cause?: unknown): CodedError {
  return new CodedError('protocol.malformed', `the agent's socket carried ${what}`, { cause })
}
