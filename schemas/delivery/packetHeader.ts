/**
 * What stands before a segment on its way, from the server or from a peer: which segment of which data set of which
 * server, where it belongs, when it was made and when it was sent (WF-41). The SegmentMap decides whether it is that one.
 */

import { z } from 'zod'
import { byteCount, identifier, timestamp } from '../http/fields.ts'
import { MAX_DELIVERY_SEGMENTS } from '../limits.ts'

/** The HTTP header that carries it. */
export const PACKET_HEADER = 'nightferry-packet'

const packetHeader = z.strictObject({
  segment: z.coerce.number().pipe(z.int().min(0).max(MAX_DELIVERY_SEGMENTS)),
  set: identifier,
  server: z.string().min(1).max(128),
  /** Where its plain octets begin in the file. */
  position: z.coerce.number().pipe(byteCount),
  /** When the image was made, and when this packet was sent. */
  made: z.coerce.number().pipe(timestamp),
  sent: z.coerce.number().pipe(timestamp),
})
export type PacketHeader = Readonly<z.infer<typeof packetHeader>>

/** One line, such as `segment=3; set=…; server=…; position=393216; made=…; sent=…`. */
export function formatPacketHeader(header: PacketHeader): string {
  const { segment, set, server, position, made, sent } = header
  return `segment=${segment}; set=${set}; server=${server}; position=${position}; made=${made}; sent=${sent}`
}

/** What such a line says; undefined if it is none. */
export function parsePacketHeader(line: string | null): PacketHeader | undefined {
  if (line === null || line.length > 1000) return undefined
  const fields = line.split('; ').map((field) => field.split(/=(.*)/s, 2) as [string, string])
  const parsed = packetHeader.safeParse(Object.fromEntries(fields))
  return parsed.success ? parsed.data : undefined
}
