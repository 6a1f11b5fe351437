/**
 * `POST /omads`: SyncML over HTTP. Takes the raw message and hands it to the session engine (OM-1).
 */

import express, { type Express, type RequestHandler } from 'express'
import { CodedError } from '../../schemas/errors.ts'
import { WINDOW_HEADER } from '../../schemas/http/advice.ts'
import { INSTALLATION_HEADER } from '../../schemas/http/installationHeader.ts'
import { MAX_MESSAGE_BYTES } from '../../schemas/limits.ts'
import { encodingOf } from '../../schemas/syncml/codec.ts'
import { HMAC_HEADER } from '../../schemas/syncml/credential.ts'
import type { Metrics } from '../metrics.ts'
import { bodyBudget } from './bodyBudget.ts'
import { refuseMethod } from './routeCalls.ts'

/** What the session engine is given, and what it answers. */
export type HandleOmads = (request: {
  readonly bytes: Uint8Array
  readonly contentType: string
  readonly url: string
  readonly host?: string
  /** Value of the header `x-syncml-hmac`. */
  readonly hmac?: string
  readonly remoteAddress: string
  /** Value of the header `nightferry-window`. */
  readonly window?: string
  /** Value of the header `nightferry-installation`. */
  readonly installation?: string
}) => Promise<{
  readonly status: number
  readonly contentType?: string
  readonly bytes: Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}>

const PATHS = ['/omads', '/omads/{*rest}']

/** Routes SyncML messages to `handle`. */
export function routeOmads(app: Express, handle: HandleOmads, metrics: Metrics): void {
  const readBody = express.raw({ type: () => true, limit: MAX_MESSAGE_BYTES })
  app.post(PATHS, requireSyncml, bodyBudget(), readBody, async (request, response) => {
    const startedAt = performance.now()
    response.once('finish', () => metrics.httpAnswered('omads', response.statusCode, performance.now() - startedAt))
    const { host, 'content-type': contentType = '', [HMAC_HEADER]: hmac, [WINDOW_HEADER]: window } = request.headers
    const installation = request.headers[INSTALLATION_HEADER]
    const reply = await handle({
      bytes: request.body instanceof Uint8Array ? request.body : new Uint8Array(),
      contentType,
      url: request.originalUrl,
      remoteAddress: request.ip ?? '',
      ...(host === undefined ? {} : { host }),
      ...(typeof hmac === 'string' ? { hmac } : {}),
      ...(typeof window === 'string' ? { window } : {}),
      ...(typeof installation === 'string' ? { installation } : {}),
    })
    response.status(reply.status)
    for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value)
    if (reply.contentType !== undefined) response.setHeader('Content-Type', reply.contentType)
    response.setHeader('Content-Length', reply.bytes.length)
    response.end(reply.bytes)
  })
  app.all(PATHS, refuseMethod(['POST']))
}

const requireSyncml: RequestHandler = (request, _response, next) => {
  if (encodingOf(request.headers['content-type'] ?? '') !== undefined) next()
  else next(new CodedError('protocol.unsupported-type', 'the body must be a SyncML message'))
}
