/**
 * Headers of every answer, and CORS for the origins an operator named: a browser client needs it, nobody else does.
 */

import type { RequestHandler } from 'express'

const SECURE_HEADERS: readonly (readonly [string, string])[] = [
  ['Cache-Control', 'no-store'],
  ['Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'"],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
  ['Referrer-Policy', 'no-referrer'],
  ['X-Content-Type-Options', 'nosniff'],
]

/** Answers are private and never a page to be framed, sniffed or run. */
export const secureHeaders: RequestHandler = (_request, response, next) => {
  for (const [name, value] of SECURE_HEADERS) response.setHeader(name, value)
  next()
}

/** Lets browser clients of `origins` call; `*` lets any. Tokens travel in a header, so cookies are never allowed. */
export function allowOrigins(origins: readonly string[]): RequestHandler {
  return (request, response, next) => {
    const { origin } = request.headers
    if (origins.length > 0) response.vary('Origin')
    if (origin === undefined || !(origins.includes(origin) || origins.includes('*'))) return next()
    response.set({
      'Access-Control-Allow-Origin': origin,
      'Access-Control-Expose-Headers':
        'Content-Range, Accept-Ranges, Nightferry-Advice, Retry-After, WWW-Authenticate, X-Nightferry-Epoch',
    })
    if (request.method !== 'OPTIONS') return next()
    response.set({
      'Access-Control-Allow-Methods': 'GET, POST, PUT',
      'Access-Control-Allow-Headers': 'Authorization, Cache-Control, Content-Type, Range, User-Agent',
      'Access-Control-Max-Age': '600',
    })
    response.status(204).end()
  }
}
