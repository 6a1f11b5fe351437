/**
 * One REST call of the device: JSON out, JSON in, problem documents as coded errors. Answers are checked for being
 * answers of a Nightferry server; their fields are checked by whoever uses them.
 */

import { CodedError, isErrorCode } from '../schemas/errors.ts'
import { decodeUtf8, encodeUtf8 } from '../schemas/utf8.ts'
import type { Fetch } from './ports.ts'

export interface RestCall {
  readonly server: string
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly path: string
  readonly body?: unknown
  readonly token?: string
}

/**
 * @returns the decoded answer.
 * @throws {CodedError} the code of a problem document; `network.unreachable` if the server does not answer, or not as
 *   ours does.
 */
export async function restCall(fetch: Fetch, call: RestCall): Promise<unknown> {
  const octets = await restOctets(fetch, call)
  const answer = parse(octets)
  if (answer === undefined) throw foreignAnswer(call.server, 'no JSON')
  return answer
}

/** The same for answers that are octets. @throws as `restCall`. */
export async function restOctets(fetch: Fetch, call: RestCall): Promise<Uint8Array> {
  const reply = await fetch(`${call.server}${call.path}`, {
    method: call.method,
    headers: {
      accept: 'application/json, application/octet-stream',
      ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(call.token === undefined ? {} : { authorization: `Bearer ${call.token}` }),
    },
    ...(call.body === undefined ? {} : { body: encodeUtf8(JSON.stringify(call.body)) }),
  })
  const octets = await reply.bytes()
  if (reply.status >= 200 && reply.status < 300) return octets
  throw problemOf(reply.status, parse(octets), call.server)
}

/** A text field of an answer. @throws {CodedError} `network.unreachable` if it is not there. */
export function textField(answer: unknown, name: string, server: string): string {
  const value = typeof answer === 'object' && answer !== null ? Reflect.get(answer, name) : undefined
  if (typeof value === 'string' && value !== '') return value
  throw foreignAnswer(server, `no ${name}`)
}

function parse(octets: Uint8Array): unknown {
  try {
    return JSON.parse(decodeUtf8(octets) ?? '')
  } catch {
    // Told by the caller, who knows the status: an answer that is no JSON is none of our server.
    return undefined
  }
}

function problemOf(status: number, answer: unknown, server: string): CodedError {
  const problem = (typeof answer === 'object' && answer !== null ? answer : {}) as Record<string, unknown>
  if (!isErrorCode(problem.code)) return foreignAnswer(server, `status ${status}`)
  const detail = typeof problem.detail === 'string' ? problem.detail : `the server answered ${problem.code}`
  return new CodedError(problem.code, detail, { fields: { status } })
}

function foreignAnswer(server: string, found: string): CodedError {
  return new CodedError('network.unreachable', `${server} does not answer as a Nightferry server does (${found})`, {
    next: 'Check the address of the server.',
  })
}
