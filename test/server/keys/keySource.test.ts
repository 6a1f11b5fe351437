/** Where a master key comes from. Rules KY-1, KY-2. */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { keyIdOf } from '../../../server/keys/generation.ts'
import { runKeyCommand, splitCommand } from '../../../server/keys/keySource.ts'
import { openKeys } from '../../../server/keys/openKeyRing.ts'
import { startServer } from '../../support/startServer.ts'

const HEX = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightferry-source-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

/** A command that runs `code`. */
function commandOf(code: string): string {
  const script = join(dir, 'key client.mjs')
  writeFileSync(script, code)
  return `'${process.execPath}' "${script}" --vault 'my vault'`
}

describe('[KY-1] one source', () => {
  it('environment and command give the same key, and no file is made', async () => {
    const data = join(dir, 'data')
    const fromEnvironment = await openKeys(data, { environment: HEX.toUpperCase() })
    expect(fromEnvironment).toMatchObject({ source: { kind: 'environment' }, created: false })
    const fromCommand = await openKeys(data, { command: commandOf(`console.log('${HEX}')`) })
    expect(fromCommand.keyRing.currentKeyId).toBe(keyIdOf(Buffer.from(HEX, 'hex')))
    expect(readdirSync(data)).toEqual(['keyring.json'])
  })

  it('two are refused, and named', async () => {
    await expect(openKeys(dir, { environment: HEX, command: 'true', file: 'x' })).rejects.toMatchObject({
      code: 'config.invalid',
      next: expect.stringMatching(/--master-key-file.*NIGHTFERRY_MASTER_KEY,.*--master-key-command/),
    })
  })

  it.each(['', 'abc', `${HEX}0`, `${HEX.slice(1)}g`])('"%s" is no key, and is not repeated', async (environment) => {
    const message = await openKeys(dir, { environment }).catch((cause: Error) => cause.message)
    expect(message).toBe('NIGHTFERRY_MASTER_KEY is no master key')
  })

  it('a server runs on it, keeps nothing of it, and its workers do not inherit it', async () => {
    const server = await startServer({ environment: { NIGHTFERRY_MASTER_KEY: HEX } })
    try {
      await server.createAccount()
      expect(existsSync(join(server.dataFolder, 'master.key'))).toBe(false)
      const pid = server.process.pid ?? 0
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
      expect(children.length).toBeGreaterThan(0)
      for (const child of children) expect(readFileSync(`/proc/${child}/environ`, 'utf8')).not.toContain(HEX)
      expect(server.log()).not.toContain(HEX)
    } finally {
      await server.stop()
    }
  })
})

describe('[KY-2] a command', () => {
  it.each([
    ['kms get  key', ['kms', 'get', 'key']],
    [`kms 'a b' "c 'd'"`, ['kms', 'a b', "c 'd'"]],
    [`kms --name='a b'c ""`, ['kms', '--name=a bc', '']],
    ['kms $HOME | cat', ['kms', '$HOME', '|', 'cat']],
  ])('%s', (command, words) => expect(splitCommand(command)).toEqual(words))

  it.each(['', '  ', "kms 'a", 'kms "a'])('"%s" is refused', (command) => {
    expect(() => splitCommand(command)).toThrow(expect.objectContaining({ code: 'config.invalid' }))
  })

  it.each([
    ['that fails', `console.log('${HEX}'); process.exit(3)`, /ended with 3/],
    ['that prints something else', `console.log('${HEX} and more')`, /is no master key/],
    ['that prints without end', `for (;;) process.stdout.write('${HEX}'.repeat(100))`, /more than 4096 octets/],
    ['that does not end', `console.log('${HEX}'); setInterval(() => {}, 1000)`, /longer than 2 s/],
  ])('%s is refused, and what it printed is in no message', async (_, code, reason) => {
    const cause = await runKeyCommand(commandOf(code), 2000).then(
      () => new Error('it gave a key'),
      (error: Error) => error,
    )
    expect(cause.message).toMatch(reason)
    expect(JSON.stringify([cause.message, { ...cause }, String(cause.cause)])).not.toContain(HEX.slice(0, 16))
  })

  it('that is not there is refused', async () => {
    const missing = runKeyCommand(join(dir, 'none'), 2000)
    await expect(missing).rejects.toMatchObject({ code: 'config.invalid', message: expect.stringMatching(/ENOENT/) })
  })
})
