/** Every captured message is read, written in both encodings and read again without a difference. */

import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { CodedError } from '../../../schemas/errors.ts'
import { decodeMessage, encodeMessage } from '../../../schemas/syncml/codec.ts'
import type { Encoding } from '../../../schemas/syncml/message.ts'
import { sharedDir } from '../../support/sharedDir.ts'

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

interface Capture {
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

const captures = sharedDir === undefined ? [] : readCaptures(join(sharedDir, 'captures'))
const reasonOf = (name: string) => NOT_MESSAGES.find(([pattern]) => pattern.test(name))?.[1]
const messages = captures.filter(({ name }) => reasonOf(name) === undefined)
const others = captures.filter(({ name }) => reasonOf(name) !== undefined)

describe.skipIf(captures.length === 0)('captures (skipped where they are not beside the checkout)', () => {
  test.each(['xml', 'wbxml'] as const)('[WF-1] every captured message survives being written in %s', (encoding) => {
    expect(messages.length).toBeGreaterThan(500)
    for (const { name, octets, encoding: original } of messages) {
      const message = decodeMessage(octets, original)
      const again = decodeMessage(encodeMessage(message, encoding), encoding)
      expect(again, name).toEqual(message)
    }
  })

  test('[WF-3] a capture that is no message gives a coded error', () => {
    for (const { name, octets, encoding } of others) {
      expect(() => decodeMessage(octets, encoding), `${name}: ${reasonOf(name)}`).toThrow(CodedError)
    }
  })

  test('[WF-9] CR LF of captured contacts is there after reading', () => {
    const capture = captures.find(({ name }) => name.endsWith('xml-md5-slow-first/02-request.xml'))
    const raw = new TextDecoder().decode(capture?.octets)
    const sync = raw.slice(raw.indexOf('<Sync>'))
    const sent = [...sync.matchAll(/<Data>(<!\[CDATA\[[\s\S]*?)<\/Data>/g)].map((match) =>
      (match[1] ?? '').replaceAll(/<!\[CDATA\[([\s\S]*?)\]\]>/g, '$1'),
    )
    const message = decodeMessage(capture?.octets ?? new Uint8Array(), 'xml')
    const command = message.commands.find(({ name }) => name === 'Sync')
    const added = command?.name === 'Sync' ? command.commands : []
    const read = added.flatMap((add) => ('items' in add ? add.items : [])).map((item) => item.data)
    expect(sent.length).toBeGreaterThan(0)
    expect(read).toEqual(sent.map((text) => ({ kind: 'text', text })))
    expect(sent[0]).toContain('\r\n')
  })
})
