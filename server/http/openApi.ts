/**
 * The OpenAPI 3.1 document, made from the same descriptions and schemas that requests are decoded by.
 */

import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi'
import { errorEntry } from '../../schemas/errors.ts'
import { publicCalls } from '../../schemas/http/api.ts'
import type { HttpCall } from '../../schemas/http/call.ts'
import { PROBLEM_TYPE, problemDocument } from '../../schemas/http/problem.ts'

/** The document as a JSON value. */
export function openApiDocument(): Record<string, unknown> {
  const paths: ZodOpenApiPathsObject = {}
  for (const [name, call] of Object.entries<HttpCall>(publicCalls))
    paths[call.path] = { ...paths[call.path], [call.method]: toOperation(name, call) }
  const document = createDocument({
    openapi: '3.1.1',
    info: { title: 'Nightferry', version: '1', description: 'Accounts, backups and restores of devices.' },
    paths,
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
  })
  return document as unknown as Record<string, unknown>
}

function toOperation(name: string, call: HttpCall): ZodOpenApiOperationObject {
  const { access, params, query, body } = call
  return {
    operationId: name,
    summary: call.summary,
    security: access === 'anyone' ? [] : [{ bearer: [] }],
    ...(Array.isArray(access) ? { description: `Token scope: ${access.join(' or ')}.` } : {}),
    ...(params === undefined && query === undefined
      ? {}
      : { requestParams: { ...(params && { path: params }), ...(query && { query }) } }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    responses: {
      [String(call.status) as '200']: toReply(call),
      ...(call.orNothing ? { '204': { description: 'Nothing' } } : {}),
      ...(call.octets ? { '206': { description: 'The range asked for', content: octets } } : {}),
      default: {
        description: [
          'A problem document',
          ...(call.errors ?? []).map((code) => `${code} (${errorEntry(code).http})`),
        ].join('; '),
        content: { [PROBLEM_TYPE]: { schema: problemDocument } },
      },
    },
  }
}

const octets = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } } as const

function toReply(call: HttpCall) {
  if (call.octets) return { description: 'Octets', content: octets }
  if (call.reply === undefined) return { description: 'Done' }
  return { description: 'Answer', content: { 'application/json': { schema: call.reply } } }
}
