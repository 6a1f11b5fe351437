/** `nightferry keys kit` and `keys restore-from-kit`: the master key as words, and back (KY-9, KY-10). */

import { readFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { isCancel, text as prompt } from '@clack/prompts'
import { type CommandInput, type CommandOutcome, textOf } from '../../../schemas/cli/commandTable.ts'
import { formatTime } from '../../../schemas/cli/formatTable.ts'
import { CodedError } from '../../../schemas/errors.ts'
import { keyIdOf } from '../../keys/generation.ts'
import { writeMasterKey } from '../../keys/masterKey.ts'
import { openKeys } from '../../keys/openKeyRing.ts'
import { parseWords, proveKit, requireServer, wordsOf } from '../../keys/recoveryKit.ts'
import { configOf, givenMasterKey, type ServerCommand, type ServerContext, settingOptions } from '../serverContext.ts'

/** 24 words are less than 300 octets. */
const MAX_KIT_BYTES = 4096

const wordsFile = {
  name: 'words-file',
  value: 'FILE',
  summary: 'read the words from a file; else from stdin, or they are asked for',
  path: true,
}

export const keysKit: ServerCommand = {
  spec: {
    name: 'keys kit',
    summary: 'print the master key as words to keep on paper, or prove that they open the data',
    args: [],
    options: [
      { name: 'check', summary: 'ask for the words and say whether they open this data folder' },
      wordsFile,
      ...settingOptions('data', 'masterKeyFile', 'masterKeyCommand'),
    ],
  },
  run: async (context, input) => (input.check === true ? checkKit(context, input) : printKit(context, input)),
}

export const keysRestoreFromKit: ServerCommand = {
  spec: {
    name: 'keys restore-from-kit',
    summary: 'make a master key file of the words of a recovery kit',
    args: [],
    options: [{ name: 'to', value: 'FILE', summary: 'the file to make', path: true }, wordsFile],
  },
  run: async (_context, input) => {
    const to = textOf(input, 'to')
    if (to === undefined)
      throw new CodedError('config.invalid', '--to is missing', { next: 'Name the file: --to FILE.' })
    const path = resolve(to)
    const key = parseWords(await readWords(input))
    writeMasterKey(path, key)
    return { json: { keyId: keyIdOf(key), masterKeyFile: path }, text: `${path}: ${keyIdOf(key)}\n` }
  },
}

async function printKit(context: ServerContext, input: CommandInput): Promise<CommandOutcome> {
  const config = configOf(context, input)
  requireServer(config.data)
  const { keyRing } = await openKeys(config.data, givenMasterKey(context, config))
  const words = wordsOf(keyRing.masterKey)
  const kit = { keyId: keyRing.currentKeyId, data: basename(config.data), printedAt: Date.now() }
  const rows = Array.from({ length: 6 }, (_, row) =>
    [0, 6, 12, 18]
      .map((column) => `${String(row + column + 1).padStart(2)} ${words[row + column]}`.padEnd(13))
      .join(''),
  )
  const head = [
    'NIGHTFERRY RECOVERY KIT',
    '',
    `key      ${kit.keyId}`,
    `data     ${kit.data}`,
    `printed  ${formatTime(kit.printedAt)}`,
    '',
    'These 24 words are the master key: whoever has them and the data reads every backup.',
    'Keep them on paper, apart from the data. If the master key is lost, these bring it back:',
    '  nightferry keys restore-from-kit --to FILE',
    'Prove now that they were taken down rightly: nightferry keys kit --check',
    '',
  ]
  const lines = [...head, ...rows.map((row) => row.trimEnd())]
  return { json: { ...kit, words }, text: `${lines.join('\n')}\n` }
}

async function checkKit(context: ServerContext, input: CommandInput): Promise<CommandOutcome> {
  const { data } = configOf(context, input)
  const provenAt = Date.now()
  const { keyId } = proveKit(data, parseWords(await readWords(input)), provenAt)
  return { json: { keyId, provenAt }, text: `the words open ${data} (${keyId}): the recovery kit is proven\n` }
}

/** Never from an option's value: every user of the machine could see it. */
async function readWords(input: CommandInput): Promise<string> {
  const file = textOf(input, 'words-file')
  if (file === undefined && process.stdin.isTTY) {
    const answer = await prompt({ message: 'The 24 words', output: process.stderr })
    if (isCancel(answer)) throw new CodedError('config.invalid', 'no words were given')
    return answer
  }
  return file === undefined ? await readStdin() : readWordsFile(file)
}

async function readStdin(): Promise<string> {
  let text = ''
  for await (const piece of process.stdin.setEncoding('utf8')) {
    text += piece
    if (text.length > MAX_KIT_BYTES) throw tooLong()
  }
  return text
}

function readWordsFile(file: string): string {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (cause) {
    throw new CodedError('config.invalid', `the file of the words ${file} cannot be read`, { cause })
  }
  if (bytes.length > MAX_KIT_BYTES) throw tooLong()
  return bytes.toString('utf8')
}

function tooLong(): CodedError {
  return new CodedError('config.invalid', `more than ${MAX_KIT_BYTES} octets are no words of a recovery kit`)
}
