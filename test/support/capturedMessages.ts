/** Every captured file, and which of them are no messages. */

import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Encoding } from '../../schemas/syncml/message.ts'
import { sharedDir } from './sharedDir.ts'

/** Captures that are no readable SyncML message, each with its reason. */
const NOT_MESSAGES: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/^zijianhuang\+SyncMLDotNet\/SyncML\/(?!SyncML\.xml|Resultsbak|Msg|mlAlert)/, 'a single element as a test fragment'],
  [/buteo-syncml\/(SyncMLHdrTest(_11)?|testAdd|testAlert|testItem|testDevInf|toXMLtest)\.txt$/, 'a single element'],
  [/buteo-syncml\/respinvalid[1-6]\.txt$/, 'invalid on purpose: header or body missing or doubled'],
  [/buteo-syncml\/resp2?\.txt$/, 'a header without SessionID, or Results without CmdID'],
  [/buteo-syncml\/devinf0[12]\.txt$|libwbxml\/syncml\/syncml-011\.xml$/, 'device information alone'],
  [/buteo-syncml\/(obexresp0[123]|SAN01)\.bin$/, 'OBEX frames and a server alerted notification'],
  [/buteo-syncml\/transport_initrequest\.txt$/, 'HTTP headers before the message'],
  [/devaspot\+syncml\/(example|sync_add)\.xml$/, 'an abridged header without MsgID'],
  [/devaspot\+syncml\/putE7\.xml$/, 'WBXML pasted into XML, not UTF-8'],
  [/devaspot\+syncml\/sync_engine_status\.xml$/, 'a single Status'],
  [/devaspot\+syncml\/sync_init\.xml$/, 'typographic quotes around an attribute'],
  [/devaspot\+syncml\/sync_interruption\.xml$/, 'a Status that is only a comment'],
  [/(syncml|my)-01[34]\.(xml|wbxml)$/, 'no SyncHdr'],
  [/txsyncml\/(nokia-6600-sync-ota\.xml|ota\.syncml)$/, 'provisioning documents'],
  [/libwbxml\/ddf\/ddf-001\.ddf$/, 'a device description (DM)'],
  [/syncevolution\/error-unknown-device\/01-response\.bin$/, 'an HTML error page'],
]

export interface Capture {
  readonly name: string
  readonly octets: Uint8Array
  readonly encoding: Encoding
}

function readCaptures(folder: string): readonly Capture[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.json$|^result\.txt$/.test(entry.name))
    .map((entry) => {
      const path = join(entry.parentPath, entry.name)
      const octets = new Uint8Array(readFileSync(path))
      const encoding = /\.(wbxml|bin)$/.test(entry.name) && (octets[0] ?? 0xff) <= 3 ? 'wbxml' : 'xml'
      return { name: relative(folder, path), octets, encoding }
    })
}

/** Why a capture is no message; undefined if it is one. */
export const reasonOf = (name: string): string | undefined => NOT_MESSAGES.find(([pattern]) => pattern.test(name))?.[1]

/** All captured files; none where they do not lie beside the checkout. */
export const captures = sharedDir === undefined ? [] : readCaptures(join(sharedDir, 'captures'))

/** Those that are messages. */
export const capturedMessages = captures.filter(({ name }) => reasonOf(name) === undefined)
