/** Where our programs are: packed into few files by `packPrograms.ts`, or as they stand in this checkout without it. */

import { join, resolve } from 'node:path'

/** This checkout: its programs run the sources as they are. */
export const CHECKOUT = resolve(import.meta.dirname, '../..')

/** A checkout in small with the same code, which starts faster. */
export const PACKED = process.env.NIGHTFERRY_PACKED ?? CHECKOUT

/** `nightferry`, to be started with Node. */
export const SERVER_PROGRAM = join(PACKED, 'server/cli/nightferry.mjs')

/** `nightferry-device`, to be started with Node. */
export const AGENT_PROGRAM = join(PACKED, 'device-client/node/nightferry-device.mjs')
