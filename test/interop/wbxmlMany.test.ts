/**
 * Our codec against Debian's libwbxml on every captured message and on a thousand generated ones: each reads what the
 * other writes as the same message, and where the encoding leaves no choice the octets are the same.
 */

import { isDeepStrictEqual } from 'node:util'
import { describe, expect, test } from 'vitest'
import { toBase64 } from '../../schemas/syncml/base64.ts'
import { decodeMessage, encodeMessage } from '../../schemas/syncml/codec.ts'
import type { Encoding, Message } from '../../schemas/syncml/message.ts'
import { capturedMessages } from '../support/capturedMessages.ts'
import {
  asLibwbxmlKnows,
  convertAll,
  mapValues,
  typedAs,
  withDoctype,
  withOneSpelling,
  withoutCdataEnd,
  withoutCr,
} from '../support/libwbxml.ts'
import { messageArbitrary } from '../support/messageArbitrary.ts'
import fc from '../support/properties.ts'
import { interop } from '../support/requireProgram.ts'

const reader = interop('wbxml2xml', 'libwbxml2-utils')
const writer = interop('xml2wbxml', 'libwbxml2-utils')
const noCaptures = capturedMessages.length === 0 ? '(skipped: no captures beside the checkout)' : ''
const missing = `${reader.reason}${writer.reason}`
const LIMIT_MS = 240_000

/** White space stays, no indentation is added. */
const TO_XML = ['-k', '-m', '0']
/** White space stays; with a string table, which it needs for elements it has no token for. */
const TO_WBXML = ['-k', '-v', '1.2']
const WITHOUT_TABLE = [...TO_WBXML, '-n']

/** Captures that it has its own opinion of. */
const DEVICE_MANAGEMENT = 'libwbxml+libwbxml/ddf/syncml_with_ddf-001.xml'
const UNKNOWN_NAMESPACE = 'sailfishos+buteo-syncml/testURI.txt'

/** The one writes no octets for a text of its own Type; in the other a text of one line is no OPAQUE. */
const SPELLED_OTHERWISE = [DEVICE_MANAGEMENT, 'syncevolution/xml-md5-two-way-conflicts/02-response.xml']

interface Sample {
  readonly name: string
  readonly message: Message
}

/** What is compared: octets are base64 in XML, the Type of device information follows the encoding. */
function asXml(message: Message): Message {
  const texts = mapValues(message, (value) => {
    const { kind, bytes } = (value ?? {}) as { kind?: string; bytes?: Uint8Array }
    return kind === 'bytes' && bytes ? { kind: 'text', text: toBase64(bytes) } : value
  })
  return typedAs(texts as Message, 'xml')
}

function read(octets: Uint8Array | undefined, encoding: Encoding): unknown {
  return octets === undefined ? 'nothing came' : asXml(decodeMessage(octets, encoding))
}

/** True if our writer makes the octets of `wbxml` of what our reader reads in them. */
function isOurSpelling(wbxml: Uint8Array | undefined): boolean {
  return wbxml !== undefined && Buffer.from(encodeMessage(decodeMessage(wbxml, 'wbxml'), 'wbxml')).equals(wbxml)
}

/** As `toEqual`, which takes its time for thousands of messages. */
function expectSame(got: unknown, expected: unknown, name = ''): void {
  if (!isDeepStrictEqual(got, expected)) expect(got, name).toEqual(expected)
}

function expectReadByWbxml2xml(samples: readonly Sample[]): void {
  const messages = samples.map(({ message }) => withoutCdataEnd(message))
  const converted = convertAll(
    'wbxml2xml',
    TO_XML,
    messages.map((message) => encodeMessage(typedAs(message, 'wbxml'), 'wbxml')),
  )
  messages.forEach((message, at) => {
    expectSame(read(converted[at], 'xml'), asXml(message), samples[at]?.name)
  })
}

/** Our XML of each, as `xml2wbxml` makes WBXML of it. */
function throughXml2wbxml(messages: readonly Message[], flags: readonly string[]): readonly (Uint8Array | undefined)[] {
  const xml = messages.map((message) => withDoctype(encodeMessage(typedAs(message, 'xml'), 'xml'), message))
  return convertAll('xml2wbxml', flags, xml)
}

const described = describe.skipIf(missing !== '' || noCaptures !== '')

described(`libwbxml on captured messages ${missing}${noCaptures}`, () => {
  const captured: readonly Sample[] = capturedMessages.map(({ name, octets, encoding }) => ({
    name,
    message: decodeMessage(octets, encoding),
  }))

  test('[WF-1] wbxml2xml reads our WBXML of each', { timeout: LIMIT_MS }, () => expectReadByWbxml2xml(captured))

  test('[WF-1] wbxml2xml reads what was captured in WBXML as we do', { timeout: LIMIT_MS }, () => {
    const found = capturedMessages.filter(({ encoding }) => encoding === 'wbxml')
    expect(found.length).toBeGreaterThan(100)
    // The end of CDATA is no end of it there; what stands instead is as long, since lengths are written down.
    const octets = found.map((capture) =>
      Buffer.from(Buffer.from(capture.octets).toString('latin1').replaceAll(']]>', ']] '), 'latin1'),
    )
    const converted = convertAll('wbxml2xml', TO_XML, octets)
    octets.forEach((wbxml, at) => {
      expectSame(read(converted[at], 'xml'), asXml(decodeMessage(wbxml, 'wbxml')), found[at]?.name)
    })
  })

  test('[WF-1] xml2wbxml makes of our XML what we read, in our spelling', { timeout: LIMIT_MS }, () => {
    const messages = captured.map(({ message }) => withoutCr(message))
    const converted = throughXml2wbxml(messages, WITHOUT_TABLE)
    messages.forEach((message, at) => {
      const name = captured[at]?.name
      expectSame(withoutCr(read(converted[at], 'wbxml')), asXml(message), name)
      expect(isOurSpelling(converted[at]), `octets of ${name}`).toBe(SPELLED_OTHERWISE.every((other) => other !== name))
    })
  })

  test('[WF-1] xml2wbxml makes of what was captured in XML what we read', { timeout: LIMIT_MS }, () => {
    const others = [DEVICE_MANAGEMENT, UNKNOWN_NAMESPACE]
    const found = capturedMessages.filter(({ name, encoding }) => encoding === 'xml' && !others.includes(name))
    expect(found.length).toBeGreaterThan(400)
    // White space between elements is no content here, and it would keep that of indented documents.
    const converted = convertAll(
      'xml2wbxml',
      ['-v', '1.2'],
      found.map(({ octets }) => octets),
    )
    found.forEach(({ name, octets }, at) => {
      const expected = withoutCr(asXml(decodeMessage(octets, 'xml')))
      expectSame(withoutCr(read(converted[at], 'wbxml')), expected, name)
    })
  })
})

describe.skipIf(missing !== '')(`libwbxml on generated messages ${missing}`, () => {
  const generated: readonly Sample[] = fc
    .sample(messageArbitrary, { numRuns: 1000, seed: 1 })
    .map((message, at) => ({ name: `generated ${at}`, message: asLibwbxmlKnows(message) }))

  test('[WF-1] wbxml2xml reads our WBXML of each', { timeout: LIMIT_MS }, () => expectReadByWbxml2xml(generated))

  test('[WF-1] xml2wbxml makes of our XML what we read', { timeout: LIMIT_MS }, () => {
    const messages = generated.map(({ message }) => withoutCr(message))
    const converted = throughXml2wbxml(messages, TO_WBXML)
    messages.forEach((message, at) => {
      expectSame(withoutCr(read(converted[at], 'wbxml')), asXml(message), generated[at]?.name)
    })
  })

  test('[WF-1] xml2wbxml makes the same octets of what can be spelled in one way', { timeout: LIMIT_MS }, () => {
    const messages = generated.map(({ message }) => withOneSpelling(message))
    const converted = throughXml2wbxml(messages, WITHOUT_TABLE)
    messages.forEach((message, at) => {
      const ours = Buffer.from(encodeMessage(typedAs(message, 'wbxml'), 'wbxml'))
      expect(ours.equals(converted[at] ?? new Uint8Array()), generated[at]?.name).toBe(true)
    })
  })
})
