/** A link to the server as people type it: `home,type=wifi,mbit=20,cost=0,from=192.0.2.7`. */

import { isIP } from 'node:net'
import { CodedError } from '../../../schemas/errors.ts'
import type { LinkOption } from '../../delivery/deliverEntry.ts'

const TYPES = ['ethernet', 'wifi', 'cellular', 'satellite', 'bluetooth'] as const

/** Without a description: what the system has, as fast as such a link usually is until it is measured. */
export const DEFAULT_LINK: LinkOption = { linkId: 'default', type: 'wifi' }

/** @throws {CodedError} `config.invalid`. */
export function parseLink(text: string): LinkOption {
  const [linkId = '', ...fields] = text.split(',')
  const given = new Map(fields.map((field) => field.split(/=(.*)/s, 2) as [string, string]))
  const unknown = [...given.keys()].find((name) => !['type', 'mbit', 'cost', 'from'].includes(name))
  const type = TYPES.find((each) => each === (given.get('type') ?? 'wifi'))
  const [mbit, cost] = [numberOf(given.get('mbit')), numberOf(given.get('cost'))]
  const localAddress = given.get('from')
  const isWell = /^[A-Za-z0-9_-]{1,64}$/.test(linkId) && unknown === undefined && type !== undefined
  if (!isWell || [mbit, cost].some(Number.isNaN) || (localAddress !== undefined && isIP(localAddress) === 0))
    throw new CodedError('config.invalid', `not a link: ${text}`, {
      next: `Give it like home,type=wifi,mbit=20; types are ${TYPES.join(', ')}.`,
    })
  return {
    ...{ linkId, type },
    ...(mbit !== undefined && { bytesPerSecond: (mbit * 1e6) / 8 }),
    ...(cost !== undefined && { costPerGigabyte: cost }),
    ...(localAddress !== undefined && { localAddress }),
  }
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN
}
