/**
 * The HTTP edge as an express application: headers, health, SyncML, the calls that were given handlers, and a problem
 * document for everything else. It knows no adapter; `assemble.ts` gives it its parts.
 */

import express, { type Express } from 'express'
import { CodedError } from '../../schemas/errors.ts'
import { EPOCH_HEADER } from '../../schemas/verify/epochHeader.ts'
import type { Logger } from '../logger.ts'
import type { Metrics } from '../metrics.ts'
import type { AuthenticateParts } from './authenticateCall.ts'
import type { Handlers } from './handlers.ts'
import { allowOrigins, secureHeaders } from './headers.ts'
import { type ReadinessChecks, routeHealth } from './healthRoutes.ts'
import { type HandleOmads, routeOmads } from './omadsRoute.ts'
import { replyToError } from './replyToError.ts'
import { routeCalls } from './routeCalls.ts'

export interface AppParts extends AuthenticateParts {
  readonly handlers: Handlers
  /** Absent in a process that is only an account service. */
  readonly handleOmads?: HandleOmads
  readonly readiness: ReadinessChecks
  readonly metrics: Metrics
  readonly log: Logger
  /** Told with every answer (SB-7); absent in a process that is only an account service. */
  readonly epoch?: string
  readonly corsOrigins: readonly string[]
  /** Proxies before this server whose word about the caller's address is believed. */
  readonly trustProxy: number
}

/** The application; it listens to nothing yet. */
export function createApp(parts: AppParts): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('trust proxy', parts.trustProxy)
  app.set('query parser', 'simple')
  app.use(secureHeaders)
  const { epoch } = parts
  if (epoch !== undefined)
    app.use((_request, response, next) => {
      response.setHeader(EPOCH_HEADER, epoch)
      next()
    })
  routeHealth(app, parts.readiness, parts.metrics, parts.log)
  app.use(['/omads', '/accounts', '/api/v1'], allowOrigins(parts.corsOrigins))
  if (parts.handleOmads !== undefined) routeOmads(app, parts.handleOmads, parts.metrics)
  routeCalls(app, parts.handlers, parts, parts.metrics)
  app.use((_request, _response, next) => next(new CodedError('protocol.unknown-path', 'nothing has this path')))
  app.use(replyToError(parts.log))
  return app
}
