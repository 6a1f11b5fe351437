/**
 * Fields that several HTTP calls share, each with its bounds. Names are what people type; ids are what programs keep.
 */

import { z } from 'zod'
import { isToken } from '../syncml/position.ts'

/** No colon (basic credentials are cut at it) and nothing that needs escaping anywhere. */
export const accountName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/)
  .meta({ description: 'Name of an account; upper and lower case are the same name.' })

/** Length is what makes a password good; the upper bound keeps hashing cheap. */
export const password = z.string().min(8).max(1024)

/** The device's own id as in `Source/LocURI`: printable ASCII, unique within the account. */
export const deviceId = z
  .string()
  .regex(/^[\x21-\x7e]{1,256}$/)
  .meta({ description: "The device's own id, as in Source/LocURI of its SyncML messages." })

export const deviceName = z.string().min(1).max(128)

/** One line for people. */
export const fenceReason = z.string().regex(/^[^\p{Cc}]{1,200}$/u)

/** Name of a database of a device: the last part of its datastore URI `./databases/<name>`. */
export const databaseName = z.string().regex(/^(?!\.{1,2}$)[^/\\\p{Cc}]{1,128}$/u)

export const identifier = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)

/** Milliseconds since 1970, UTC. */
export const timestamp = z.int().nonnegative().meta({ description: 'Milliseconds since 1970, UTC.' })

export const byteCount = z.int().nonnegative()

/** A lineage or the token of a position. */
export const token32 = z.string().refine(isToken, '32 lower-case hex digits').meta({ pattern: '^[0-9a-f]{32}$' })

export const modificationNumber = z.int().nonnegative()
