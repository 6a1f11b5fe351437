/** The master key as words. Rules KY-9, KY-10. */

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { assembleServer } from '../../../server/assemble.ts'
import { runServerProgram } from '../../../server/cli/program.ts'
import { readConfig } from '../../../server/config/config.ts'
import { openKeyRing } from '../../../server/keys/openKeyRing.ts'
import { parseWords, wordsOf } from '../../../server/keys/recoveryKit.ts'

let dir: string
let data: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightferry-kit-'))
  data = join(dir, 'data')
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

async function run(...argv: string[]) {
  const out: string[] = []
  const exitCode = await runServerProgram({
    argv: [...argv, '--json'],
    environment: { NIGHTFERRY_LOG_LEVEL: 'silent' },
    output: { stdout: (text) => void out.push(text), stderr: () => undefined },
    stopped: async () => undefined,
    openers: {
      openServer: (config) => assembleServer(config, {}),
      openAccountServer: (config) => assembleServer(config, {}),
    },
  })
  return { exitCode, json: JSON.parse(out.join('')) as Record<string, unknown> }
}

const rotate = async () => {
  const server = await assembleServer(readConfig({ NIGHTFERRY_DATA: data, NIGHTFERRY_LOG_LEVEL: 'silent' }), {})
  await server.keyCare.rotate(true)
  await server.close()
}

const kitOf = async () => (await run('keys', 'status', '--data', data)).json.kit

/** Writes words to a file and checks them. */
function check(words: unknown) {
  const file = join(dir, 'words')
  writeFileSync(file, (words as string[]).map((word, at) => `${at + 1}. ${word.toUpperCase()}`).join('\n'))
  return run('keys', 'kit', '--check', '--words-file', file, '--data', data)
}

describe('[KY-9] the words', () => {
  it('are those of BIP 39, and give the key back', () => {
    // Test vectors of the standard, for 256 bits.
    expect(wordsOf(new Uint8Array(32)).join(' ')).toBe(`${'abandon '.repeat(23)}art`)
    expect(wordsOf(new Uint8Array(32).fill(0xff)).join(' ')).toBe(`${'zoo '.repeat(23)}vote`)
    const key = Buffer.from('68a79eaca2324873eacc50cb9c6eca8cc68ea5d936f98787c60c7ebc74e6ce7c', 'hex')
    expect(Buffer.from(parseWords(wordsOf(key).join('\n'))).equals(key)).toBe(true)
  })

  it.each([
    ['one missing', (words: string[]) => words.slice(1)],
    ['one unknown', (words: string[]) => ['nightferry', ...words.slice(1)]],
    ['one wrong', (words: string[]) => ['zoo', ...words.slice(1)]],
  ])('%s is refused, and no word is repeated', (_, change) => {
    const words = [...wordsOf(Buffer.alloc(32, 7))]
    expect(() => parseWords(change(words).join(' '))).toThrow(
      expect.objectContaining({ code: 'config.invalid', message: expect.not.stringMatching(/zoo|nightferry/) }),
    )
  })

  it('are proven, go stale with a rotation, and another server’s are refused', async () => {
    openKeyRing({ dataDir: data })
    expect(await kitOf()).toEqual({ state: 'never' })
    const kit = await run('keys', 'kit', '--data', data)
    expect(kit.json).toMatchObject({ data: 'data', keyId: openKeyRing({ dataDir: data }).keyRing.currentKeyId })
    expect(await check(wordsOf(Buffer.alloc(32, 7)))).toMatchObject({
      exitCode: 12,
      json: { error: { code: 'key.wrong' } },
    })
    expect(await kitOf()).toEqual({ state: 'never' })
    expect((await check(kit.json.words)).exitCode).toBe(0)
    expect(await kitOf()).toEqual({ state: 'proven', provenAt: expect.any(Number) })
    await rotate()
    expect(await kitOf()).toEqual({ state: 'stale', provenAt: expect.any(Number) })
    expect((await check(kit.json.words)).exitCode).toBe(12)
    expect((await check((await run('keys', 'kit', '--data', data)).json.words)).exitCode).toBe(0)
    expect(await kitOf()).toMatchObject({ state: 'proven' })
  })
})

it('[KY-10] the words make the key file again, and overwrite nothing', async () => {
  const { masterKeyPath } = openKeyRing({ dataDir: data })
  const { json } = await run('keys', 'kit', '--data', data)
  const words = join(dir, 'words')
  writeFileSync(words, (json.words as string[]).join(' '))
  const to = join(dir, 'new.key')
  const restore = () => run('keys', 'restore-from-kit', '--to', to, '--words-file', words)
  expect(await restore()).toMatchObject({ exitCode: 0, json: { keyId: json.keyId, masterKeyFile: to } })
  expect(readFileSync(to, 'utf8')).toBe(readFileSync(masterKeyPath, 'utf8'))
  expect(statSync(to).mode & 0o777).toBe(0o600)
  expect(await restore()).toMatchObject({ exitCode: 2, json: { error: { code: 'config.invalid' } } })
})
