/**
 * The problem document (RFC 9457) that every refused call answers with.
 */

import { z } from 'zod'
import { ERROR_CODES, type ErrorCode } from '../errors.ts'

/** Media type of a problem document. */
export const PROBLEM_TYPE = 'application/problem+json'

export const problemDocument = z
  .object({
    type: z.string(),
    title: z.string().meta({ description: 'What the code means.' }),
    status: z.int(),
    code: z.enum(ERROR_CODES as [ErrorCode, ...ErrorCode[]]),
    detail: z.string().optional(),
    accountId: z.string().optional().meta({ description: 'Of a fenced device that proved who it is.' }),
    retry: z.enum(['never', 'later', 'after-login', 'full-backup', 'fetch-map', 'operator']),
  })
  .meta({ id: 'Problem' })
