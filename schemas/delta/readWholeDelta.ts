/**
 * Reads a Delta that lies whole in memory. One that is spelled exactly as our writer spells it needs no XML parser: its
 * tags are found where they must be. Whatever is spelled otherwise is left to `DeltaReader`, which knows all of XML;
 * what the sections may say is the same for both (`deltaSections.ts`). Rules WF-10 to WF-14.
 */

import { utf8Stream } from '../utf8.ts'
import { DELTA_VERSION } from '../version.ts'
import type { DeltaEvent } from './delta.ts'
import { DeltaReader } from './deltaReader.ts'
import { DeltaSections, SECTIONS } from './deltaSections.ts'

const BEGIN = `<?xml version="1.0" encoding="UTF-8"?>\n<delta xmlns="urn:nightferry:delta" version="${DELTA_VERSION}">\n`
const END = '</delta>\n'

/** What means something to XML, is forbidden there, or is read as something else. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const SPECIAL = /[&>\u0000-\u0008\u000b-\u001f\ufffe\uffff]/

/**
 * The events of the Delta that `bytes` are.
 * @throws {CodedError} `delta.invalid`, `protocol.too-large`, `protocol.unsupported-version`.
 */
export function readWholeDelta(bytes: Uint8Array): DeltaEvent[] {
  const text = decodeWhole(bytes)
  const usual = text === undefined ? undefined : readUsual(text)
  if (usual) return usual
  const reader = new DeltaReader()
  const events = reader.push(bytes)
  events.push(...reader.close())
  return events
}

/** Undefined if it is not UTF-8. */
function decodeWhole(bytes: Uint8Array): string | undefined {
  const decoder = utf8Stream()
  try {
    const text = decoder.push(bytes)
    decoder.end()
    return text
  } catch {
    return undefined
  }
}

/** Undefined if it is not spelled as usual, well formed or not. */
function readUsual(text: string): DeltaEvent[] | undefined {
  if (!text.startsWith(BEGIN)) return undefined
  const sections = new DeltaSections()
  let at = BEGIN.length
  while (!text.startsWith(END, at)) {
    const name = SECTIONS.find((known) => text.startsWith(`<${known}>`, at))
    if (name === undefined) return undefined
    const from = at + name.length + 2
    const until = text.indexOf('<', from)
    const closing = `</${name}>\n`
    if (until < 0 || !text.startsWith(closing, until)) return undefined
    const content = text.slice(from, until)
    if (SPECIAL.test(content)) return undefined
    sections.open(name)
    sections.close(content)
    at = until + closing.length
  }
  return sections.ended && at + END.length === text.length ? sections.take() : undefined
}
