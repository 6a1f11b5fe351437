/**
 * Turns anything thrown into a problem document (RFC 9457). What went wrong inside stays inside: only refusals say
 * more than their code.
 */

import type { ErrorRequestHandler, Response } from 'express'
import { CodedError, errorEntry, type ProblemDocument } from '../../schemas/errors.ts'
import { PROBLEM_TYPE } from '../../schemas/http/problem.ts'
import { toCodedError } from '../errors.ts'
import type { Logger } from '../logger.ts'

const RETRY_AFTER_S = 30

/** The last handler of the application. Logs what an operator must see. */
export function replyToError(log: Logger): ErrorRequestHandler {
  return (thrown, request, response, next) => {
    const error = fromBodyReader(thrown) ?? toCodedError(thrown)
    if (errorEntry(error.code).http >= 500 && errorEntry(error.code).retry === 'operator')
      log.error('a call failed', { method: request.method, path: request.path, code: error.code, error })
    // Half an answer is out: only cutting the connection tells the client.
    if (response.headersSent) next(error)
    else sendProblem(response, error)
  }
}

/** The problem document of an error. */
export function toProblem(error: CodedError): ProblemDocument {
  const { http, retry, meaning } = errorEntry(error.code)
  const document = { type: `urn:nightferry:error:${error.code}`, title: meaning, status: http, code: error.code, retry }
  if (http >= 500) return document
  const detail = error.next === '' ? error.message : `${error.message}. ${error.next}`
  const { accountId } = error.code === 'device.fenced' ? error.fields : {}
  return { ...document, detail, ...(typeof accountId === 'string' && { accountId }) }
}

function sendProblem(response: Response, error: CodedError): void {
  const problem = toProblem(error)
  if (problem.status === 401) response.setHeader('WWW-Authenticate', 'Bearer')
  if (problem.retry === 'later') response.setHeader('Retry-After', String(error.fields.retryAfterS ?? RETRY_AFTER_S))
  response.status(problem.status).type(PROBLEM_TYPE).send(JSON.stringify(problem))
}

/** The body readers of express throw errors of their own, marked with a status and a type. */
function fromBodyReader(thrown: unknown): CodedError | undefined {
  const { status, type } = (thrown ?? {}) as { status?: unknown; type?: unknown }
  if (thrown instanceof CodedError || typeof status !== 'number' || status >= 500) return undefined
  if (status === 413) return new CodedError('protocol.too-large', 'the body is too large', { cause: thrown })
  if (status === 415) return new CodedError('protocol.unsupported-type', 'the encoding is unknown', { cause: thrown })
  const what = typeof type === 'string' ? type : 'path'
  return new CodedError('protocol.malformed', `the request cannot be read (${what})`, { cause: thrown })
}
