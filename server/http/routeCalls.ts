/**
 * Puts calls on their paths: authenticate, decode by the call's schemas, let the handler work, encode.
 */

import express, { type Express, type Request, type RequestHandler, type Response } from 'express'
import { z } from 'zod'
import { CodedError } from '../../schemas/errors.ts'
import { type CallName, calls } from '../../schemas/http/api.ts'
import type { HttpCall } from '../../schemas/http/call.ts'
import type { Metrics } from '../metrics.ts'
import { type AuthenticateParts, authenticateCall } from './authenticateCall.ts'
import type { Handlers } from './handlers.ts'
import { sendOctets } from './sendOctets.ts'

/** A JSON body is names and passwords: anything larger is a mistake or an attack. */
const MAX_JSON_BYTES = 64 * 1024

type AnyHandler = (
  input: { params: unknown; query: unknown; body: unknown },
  caller: {
    claims: unknown
    address: string
    setHeader(name: string, value: string): void
    onGone(listener: () => void): void
  },
) => Promise<unknown>

/** Routes every call that `handlers` answers, and refuses other methods on the same paths. */
export function routeCalls(app: Express, handlers: Handlers, parts: AuthenticateParts, metrics: Metrics): void {
  const methods = new Map<string, string[]>()
  for (const [name, handler] of Object.entries(handlers) as [CallName, AnyHandler][]) {
    const call: HttpCall = calls[name]
    const path = call.path.replaceAll(/\{(\w+)\}/g, ':$1')
    methods.set(path, [...(methods.get(path) ?? []), call.method.toUpperCase()])
    const readBody = call.body === undefined ? [] : [requireJson, express.json({ limit: MAX_JSON_BYTES })]
    app[call.method](path, ...readBody, answerCall(name, call, handler, parts, metrics))
  }
  for (const [path, allowed] of methods) app.all(path, refuseMethod(allowed))
}

function answerCall(
  name: CallName,
  call: HttpCall,
  handler: AnyHandler,
  parts: AuthenticateParts,
  metrics: Metrics,
): RequestHandler {
  return async (request, response) => {
    const startedAt = performance.now()
    response.once('finish', () => metrics.httpAnswered(name, response.statusCode, performance.now() - startedAt))
    const claims = await authenticateCall(parts, call.access, request)
    const params = call.params === undefined ? {} : decode(call.params, request.params, 'path')
    const query = call.query === undefined ? {} : decode(call.query, { ...request.query }, 'query')
    const body = call.body === undefined ? undefined : decode(call.body, request.body, 'body')
    const onGone = (listener: () => void): void => void response.once('close', listener)
    const setHeader = (name: string, value: string): void => void response.setHeader(name, value)
    const caller = { claims, address: request.ip ?? '', setHeader, onGone }
    const reply = await handler({ params, query, body }, caller)
    encode(call, request, response, reply)
  }
}

function encode(call: HttpCall, request: Request, response: Response, reply: unknown): void {
  if (call.octets) sendOctets(request, response, reply as Uint8Array)
  else if (call.orNothing && reply === undefined) response.status(204).end()
  else if (call.reply === undefined) response.status(call.status).end()
  else response.status(call.status).json(reply)
}

function decode(schema: z.ZodType, value: unknown, where: string): unknown {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  // The rule that was broken, never the value: it may be a password.
  throw new CodedError('protocol.malformed', `${where}: ${z.prettifyError(parsed.error)}`)
}

const requireJson: RequestHandler = (request, _response, next) => {
  if (request.is('application/json')) next()
  else next(new CodedError('protocol.unsupported-type', 'the body must be application/json'))
}

/** Answers a path that has other methods only. */
export function refuseMethod(allowed: readonly string[]): RequestHandler {
  return (request, response, next) => {
    response.setHeader('Allow', allowed.join(', '))
    next(new CodedError('protocol.method-not-allowed', `${request.method} is not possible here`))
  }
}
