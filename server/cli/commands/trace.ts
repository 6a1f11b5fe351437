/** `nightferry trace decode`: one SyncML message of a file, WBXML or XML, as readable XML or in the other encoding. */

import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type CommandInput, textOf } from '../../../schemas/cli/commandTable.ts'
import { CodedError } from '../../../schemas/errors.ts'
import { MAX_MESSAGE_BYTES } from '../../../schemas/limits.ts'
import { formatTrace, readTrace, redactTrace, type TracedMessage, writeTrace } from '../../../schemas/syncml/trace.ts'
import type { ServerCommand } from '../serverContext.ts'

export const traceDecode: ServerCommand = {
  spec: {
    name: 'trace decode',
    summary: 'show a SyncML message, or write it in the other encoding',
    args: [{ name: 'FILE', summary: 'one message, WBXML or XML', path: true }],
    options: [
      { name: 'reveal', summary: 'show credentials, nonces, names and contents too' },
      { name: 'to', value: 'ENCODING', summary: 'write it to --out in this encoding', choices: ['xml', 'wbxml'] },
      { name: 'out', value: 'PATH', summary: 'where the written message goes; with its contents', path: true },
    ],
  },
  run: async (_context, input) => {
    const message = readTrace(readMessageFile(textOf(input, 'FILE') ?? ''))
    const to = textOf(input, 'to')
    return to === undefined ? show(message, input) : write(message, to === 'wbxml' ? 'wbxml' : 'xml', input)
  },
}

function show(message: TracedMessage, input: CommandInput) {
  const redacted = input.reveal !== true
  const xml = formatTrace(redacted ? redactTrace(message) : message)
  const { encoding, version } = message
  return { json: { encoding, version, redacted, xml }, text: xml }
}

function write(message: TracedMessage, encoding: 'xml' | 'wbxml', input: CommandInput) {
  const out = textOf(input, 'out')
  if (out === undefined) {
    throw new CodedError('config.invalid', '--to needs --out', { next: 'Say where the message goes: --out PATH.' })
  }
  const path = resolve(out)
  const octets = writeTrace(message, encoding)
  // Whoever may read the message may read this one: it holds what was in it.
  writeFileSync(path, octets, { mode: 0o600 })
  return {
    json: { encoding, version: message.version, path, sizeBytes: octets.length },
    text: `${path}: ${octets.length} octets of ${encoding}\n`,
  }
}

function readMessageFile(path: string): Uint8Array {
  try {
    // The reader's own bound, before anything is read.
    if (statSync(path).size > MAX_MESSAGE_BYTES) {
      throw new CodedError('protocol.too-large', `${path} is larger than any message`, {
        fields: { limit: MAX_MESSAGE_BYTES },
      })
    }
    return readFileSync(path)
  } catch (cause) {
    if (cause instanceof CodedError) throw cause
    throw new CodedError('config.invalid', `${path} cannot be read`, { cause, next: 'Give a file with one message.' })
  }
}
