/**
 * How an HTTP call of ours is described: once, as data. The server decodes and answers by it, clients read their
 * types from it, and the OpenAPI document is made from it, so the three cannot differ.
 */

import type { z } from 'zod'
import type { ErrorCode } from '../errors.ts'

/** Who may call: everyone, a bearer token of one of the scopes, or a holder of the shared service secret (AC-7). */
export type CallAccess = 'anyone' | 'service' | readonly ('account' | 'device' | 'operator')[]

type Fields = z.ZodObject<z.ZodRawShape>

/** One call. `path` is an OpenAPI template; its fields are in `params`. Octet replies carry no schema. */
export interface HttpCall {
  readonly method: 'get' | 'post' | 'put'
  readonly path: string
  readonly summary: string
  readonly access: CallAccess
  readonly params?: Fields
  /** Fields of the query, each optional. */
  readonly query?: Fields
  readonly body?: z.ZodType
  readonly status: 200 | 201 | 204
  /** Absent with status 204 and for octets. */
  readonly reply?: z.ZodType
  /** True if there may be nothing to answer: status 204 then. */
  readonly orNothing?: true
  /** True if the reply is `application/octet-stream` and obeys HTTP Range. */
  readonly octets?: true
  /** Codes a caller should expect, besides `protocol.*`, `auth.*` and `internal`. */
  readonly errors?: readonly ErrorCode[]
}

/** What a handler of the call gets; also what a client has to give. */
export interface CallInput<Call extends HttpCall> {
  readonly params: Call extends { readonly params: z.ZodType } ? z.infer<Call['params']> : Record<never, never>
  readonly query: Call extends { readonly query: z.ZodType } ? z.infer<Call['query']> : Record<never, never>
  readonly body: Call extends { readonly body: z.ZodType } ? z.infer<Call['body']> : undefined
}

/** What the call answers: a JSON value, octets, or nothing (status 204). */
export type CallReply<Call extends HttpCall> = Call extends { readonly octets: true }
  ? Uint8Array
  : Call extends { readonly reply: z.ZodType }
    ? z.infer<Call['reply']> | (Call extends { readonly orNothing: true } ? undefined : never)
    : undefined

/**
 * The path of a call with its fields filled in and escaped.
 *
 * @throws {TypeError} if a field of the template is missing: a mistake of the caller.
 */
export function formatPath(call: HttpCall, params: Readonly<Record<string, string | number>> = {}): string {
  return call.path.replaceAll(/\{(\w+)\}/g, (_whole, field: string) => {
    const value = params[field]
    if (value === undefined) throw new TypeError(`path field ${field} is missing`)
    return encodeURIComponent(String(value))
  })
}
