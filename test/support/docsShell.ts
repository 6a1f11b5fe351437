/**
 * Runs the commands of a document in order, as a reader would: in one folder that is also the home, with variables that
 * last from block to block, and programs that go on (`serve`, `watch`) in terminals of their own. The programs are the
 * real ones; `npx` is left away and found on the search path instead.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

const PROGRAMS = {
  nightferry: 'server/cli/nightferry.mjs',
  'nightferry-device': 'device-client/node/nightferry-device.mjs',
}

const GOES_ON = /^nightferry (accounts )?serve\b|^nightferry-device watch\b/
const STOP = /^# stop the server/
const START_MS = 20_000

/** The home that documents show. */
const SHOWN_HOME = '/srv/alice'

/** A reader's terminals. */
export interface DocsShell {
  /** The folder in which commands run; also `HOME`. */
  readonly home: string
  /** Runs the lines of one block. @throws Error if a command ends otherwise than the document says. */
  run(lines: readonly string[], output: 'all' | 'stdout'): Promise<string>
  /** Ends what goes on. @throws Error if something did not end with 0. */
  stop(): Promise<void>
  /** Ends what goes on, however, and removes the folder. */
  remove(): Promise<void>
}

interface Terminal {
  readonly process: ChildProcess
  readonly ended: Promise<unknown[]>
  output(): string
}

/**
 * A shell in a folder of its own, with the programs of `checkout`, and `settings` in the environment; documents' ports
 * 8080 and 8081 become free ones.
 */
export async function openDocsShell(
  checkout: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<DocsShell> {
  const folder = mkdtempSync(join(tmpdir(), 'nightferry-docs-'))
  const home = join(folder, 'home')
  mkdirSync(home)
  const ports = { '8080': await freePort(), '8081': await freePort() }
  const environment = {
    ...ownEnvironment(),
    ...settings,
    HOME: home,
    NIGHTFERRY_PORT: ports['8080'],
    PATH: makePath(folder, checkout),
  }
  const variables = join(folder, 'variables')
  let terminals: Terminal[] = []

  const toReal = (line: string) =>
    line.replaceAll(/\bnpx (?=nightferry)/g, '').replaceAll(/\b808[01]\b/g, (port) => ports[port as '8080'])
  const toShown = (text: string) =>
    text.replaceAll(home, SHOWN_HOME).replaceAll(`:${ports['8080']}`, ':8080').replaceAll(`:${ports['8081']}`, ':8081')
  const start = (script: string): Terminal => {
    const loaded = existsSync(variables) ? `. '${variables}'\n` : ''
    const child = spawn('sh', ['-c', `set -ea\n${loaded}${script}`], { cwd: home, env: environment })
    let text = ''
    const keep = (chunk: Buffer): void => {
      text += chunk.toString('utf8')
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    return { process: child, ended: once(child, 'close'), output: () => text }
  }
  const runScript = async (lines: readonly string[], output: 'all' | 'stdout'): Promise<string> => {
    if (lines.length === 0) return ''
    const errors = join(folder, 'stderr')
    const redirect = output === 'all' ? 'exec 2>&1' : `exec 2>'${errors}'`
    const script = start([redirect, ...lines.map(checkExit), `export -p >'${variables}'`].join('\n'))
    const [code] = await script.ended
    if (code !== 0) throw new Error(`ended with ${String(code)}: ${lines.join('\n')}\n${script.output()}`)
    return script.output()
  }
  const startTerminal = async (line: string): Promise<string> => {
    const terminal = start(`exec ${line}`)
    terminals.push(terminal)
    const deadline = performance.now() + START_MS
    while (!/^(listening on|watching)/m.test(terminal.output())) {
      if (terminal.process.exitCode !== null || performance.now() > deadline)
        throw new Error(`${line} did not start: ${terminal.output()}`)
      await wait(20)
    }
    return terminal.output()
  }
  const stop = async (): Promise<void> => {
    const stopping = terminals
    terminals = []
    for (const terminal of stopping) terminal.process.kill('SIGTERM')
    for (const terminal of stopping) {
      const [code] = await terminal.ended
      if (code !== 0) throw new Error(`a program that was stopped ended with ${String(code)}: ${terminal.output()}`)
    }
  }
  return {
    home,
    stop,
    run: async (lines, output) => {
      let text = ''
      let script: string[] = []
      for (const line of lines.map(toReal)) {
        const goesOn = GOES_ON.test(line)
        if (!goesOn && !STOP.test(line)) {
          script.push(line)
          continue
        }
        text += await runScript(script, output)
        script = []
        if (goesOn) text += await startTerminal(line)
        else await stop()
      }
      return toShown(text + (await runScript(script, output)))
    },
    remove: async () => {
      for (const terminal of terminals) {
        terminal.process.kill('SIGKILL')
        await terminal.ended
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** `command # exit code N` must end with N; every other command with 0 (`set -e`). */
function checkExit(line: string): string {
  const match = /^(.*?) +# exit code (\d+)$/.exec(line)
  if (match === null) return line
  const [, command = '', code = ''] = match
  return `code=0; ${command} || code=$?; [ "$code" = ${code} ] || { echo "ended with $code"; exit 1; }`
}

function makePath(folder: string, checkout: string): string {
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  for (const [name, path] of Object.entries(PROGRAMS)) {
    writeFileSync(join(bin, name), `#!/bin/sh\nexec '${process.execPath}' '${join(checkout, path)}' "$@"\n`)
    chmodSync(join(bin, name), 0o755)
  }
  return `${bin}:${process.env.PATH ?? ''}`
}

/** What the test was started with says nothing about the documents. */
function ownEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('NIGHTFERRY_')))
}

async function freePort(): Promise<string> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return String(address.port)
}
