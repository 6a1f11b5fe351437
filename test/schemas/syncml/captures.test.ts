/** Every captured message is read, written in both encodings and read again without a difference. */

import { describe, expect, test } from 'vitest'
import { CodedError } from '../../../schemas/errors.ts'
import { decodeMessage, encodeMessage } from '../../../schemas/syncml/codec.ts'
import { capturedMessages, captures, reasonOf } from '../../support/capturedMessages.ts'

const others = captures.filter(({ name }) => reasonOf(name) !== undefined)

describe.skipIf(captures.length === 0)('captures (skipped where they are not beside the checkout)', () => {
  test.each(['xml', 'wbxml'] as const)('[WF-1] every captured message survives being written in %s', (encoding) => {
    expect(capturedMessages.length).toBeGreaterThan(500)
    for (const { name, octets, encoding: original } of capturedMessages) {
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
