/** `trace decode`, which needs no server. */

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { decodeMessage, encodeMessage } from '../../../schemas/syncml/codec.ts'
import { runServerProgram } from '../../../server/cli/program.ts'
import { package1 } from '../../fixtures/syncml.ts'

async function run(argv: string[]) {
  const stdout: string[] = []
  const stderr: string[] = []
  const refuse = (): never => {
    throw new Error('no server is wanted')
  }
  const exitCode = await runServerProgram({
    argv,
    environment: {},
    output: { stdout: (text) => void stdout.push(text), stderr: (text) => void stderr.push(text) },
    stopped: () => new Promise(() => undefined),
    openers: { openServer: refuse, openAccountServer: refuse },
  })
  const json = () => JSON.parse(stdout.join('')) as Record<string, unknown>
  return { exitCode, stdout: stdout.join(''), stderr: stderr.join(''), json }
}

describe('trace decode', () => {
  const path = join(tmpdir(), `nightferry-trace-${process.pid}`)
  afterEach(() => rmSync(path, { force: true }))

  it('[WF-16] shows a message without its contents, and writes it in the other encoding', async () => {
    writeFileSync(path, encodeMessage(package1.message, 'wbxml'))
    const shown = await run(['trace', 'decode', path])
    expect(shown.exitCode).toBe(0)
    expect(shown.stdout).toContain('<VerProto>SyncML/1.2</VerProto>')
    const written = await run(['trace', 'decode', path, '--to', 'xml', '--out', path, '--json'])
    expect(written.json()).toMatchObject({ encoding: 'xml', path })
    expect(decodeMessage(readFileSync(path), 'xml')).toEqual(package1.message)
    expect((await run(['trace', 'decode', path, '--reveal', '--json'])).json()).toMatchObject({ redacted: false })
  })

  it('[WF-16] says what is no message', async () => {
    expect((await run(['trace', 'decode', path])).exitCode).toBe(2)
    writeFileSync(path, 'BEGIN:VCARD')
    const refused = await run(['trace', 'decode', path])
    expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining('protocol.malformed')])
    expect((await run(['trace', 'decode', path, '--to', 'xml'])).exitCode).not.toBe(0)
  })
})
