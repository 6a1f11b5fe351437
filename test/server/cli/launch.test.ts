/** The launcher: which Node it takes, and that arguments, exit codes and signals pass through. */

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../../..')
const systemNode = '/usr/bin/node'

// A checkout in small: the launcher, an entry point, and the installed modules by a link.
let checkout = ''
beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'nightferry-launch-'))
  mkdirSync(join(checkout, 'server/cli'), { recursive: true })
  for (const name of ['launch.mjs', 'nightferry.mjs'])
    cpSync(join(root, 'server/cli', name), join(checkout, 'server/cli', name))
  writeFileSync(join(checkout, 'package.json'), '{ "type": "module" }')
  symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'))
  writeFileSync(
    join(checkout, 'server/cli/main.ts'),
    `const args: string[] = process.argv.slice(2)
     process.on('SIGTERM', () => process.exit(7))
     console.log(JSON.stringify({ args, version: process.versions.node }))
     if (args[0] === 'exit') process.exit(Number(args[1]))
     if (args[0] === 'wait') setInterval(() => undefined, 1000)`,
  )
})
afterEach(() => rmSync(checkout, { recursive: true, force: true }))

const nodes = [process.execPath, ...(existsSync(systemNode) ? [systemNode] : [])]

describe.each(nodes)('started by %s', (node) => {
  it('runs TypeScript on a recent Node with the arguments given', () => {
    const ran = spawnSync(node, [join(checkout, 'server/cli/nightferry.mjs'), 'exit', '11', '--x=a b'], {
      encoding: 'utf8',
    })
    const answer = JSON.parse(ran.stdout) as { args: string[]; version: string }
    expect(answer.args).toEqual(['exit', '11', '--x=a b'])
    expect(Number(answer.version.split('.')[0])).toBeGreaterThanOrEqual(22)
    expect(ran.status).toBe(11)
  })

  it('passes SIGTERM on and ends as the program ends', async () => {
    const child = spawn(node, [join(checkout, 'server/cli/nightferry.mjs'), 'wait'])
    await once(child.stdout, 'data')
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([7, null])
  })
})

describe('the launcher', () => {
  it('says what failed when dependencies cannot be installed', () => {
    rmSync(join(checkout, 'node_modules'))
    writeFileSync(join(checkout, 'package-lock.json'), 'no lock file')
    const ran = spawnSync(process.execPath, [join(checkout, 'server/cli/nightferry.mjs')], { encoding: 'utf8' })
    expect(ran.status).toBe(1)
    expect(ran.stdout).toBe('')
    expect(ran.stderr).toContain('npm ci')
  })
})
