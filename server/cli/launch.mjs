/**
 * Starts a TypeScript entry point on a Node that can run it. Plain JavaScript without dependencies, for Node 20 and later.
 * In a fresh checkout it installs the locked dependencies first; where the running Node is too old (no type stripping,
 * a SQLite build that crashes) it re-executes with the locked `node_modules/.bin/node`.
 */

import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { constants } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { setFlagsFromString } from 'node:v8'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const lockedNode = join(root, 'node_modules', '.bin', 'node')
const compiledCode = join(root, 'node_modules', '.cache', 'nightferry')
/** A young generation that may grow takes up to 128 MiB, which most commands have no use for; a server lets it grow. */
const youngGeneration = '--semi-space-growth-factor=1'
const forwardedSignals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']

/** True if `version` (as in `process.versions.node`) strips types without a flag and has Node-API 10. */
export function isNodeRecentEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major >= 24 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18)
}

/** Installs the locked dependencies if this checkout has none, with progress on stderr. Ends the process if that fails. */
export function installIfMissing() {
  // npm writes this file last: a folder without it is an installation that was cut off.
  const installed = existsSync(join(root, 'node_modules', '.package-lock.json'))
  const isCheckout = existsSync(join(root, 'package-lock.json'))
  if (installed || !isCheckout) return
  process.stderr.write('installing dependencies (npm ci) …\n')
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: root, stdio: ['ignore', 2, 2] })
  if (result.error !== undefined || result.status !== 0) {
    const cause = result.error?.message ?? `npm ended with ${result.status ?? result.signal}`
    process.stderr.write(`dependencies could not be installed: ${cause}\nRun "npm ci" in ${root} to see why.\n`)
    process.exit(1)
  }
}

/** Runs `entry` (a path from the root of the checkout) with `args`, in this process if its Node is recent enough. */
export async function launch(entry, args) {
  installIfMissing()
  const path = join(root, entry)
  if (isNodeRecentEnough(process.versions.node)) {
    process.argv = [process.argv[0], path, ...args]
    keepCompiledCode()
    setFlagsFromString(youngGeneration)
    await import(pathToFileURL(path).href)
    return
  }
  if (!existsSync(lockedNode)) {
    process.stderr.write(`Node ${process.versions.node} is too old: Node 22.18 or later is needed.\n`)
    process.stderr.write('Install a newer Node, or run "npm ci" without --omit=optional on Linux to get one here.\n')
    process.exit(1)
  }
  reexecute(path, args)
}

/**
 * Code is compiled once, not at every start; child processes find it too. It lies beside the code itself: whoever may
 * write there may change the code anyway, which is not so in a folder for everyone's temporary files.
 */
function keepCompiledCode() {
  process.env.NODE_COMPILE_CACHE ??= compiledCode
  module.enableCompileCache?.(process.env.NODE_COMPILE_CACHE)
}

/** Runs the locked Node on `path`; stdio, signals and exit code pass through. */
function reexecute(path, args) {
  const env = { NODE_COMPILE_CACHE: compiledCode, ...process.env }
  const child = spawn(lockedNode, [youngGeneration, path, ...args], { stdio: 'inherit', env })
  const forwarders = forwardedSignals.map((signal) => {
    // A terminal sends its own signals to both of us; a second one would look like "stop at once".
    const fromTerminal = signal !== 'SIGTERM' && process.stdin.isTTY === true
    const forward = () => void (fromTerminal || child.kill(signal))
    process.on(signal, forward)
    return { signal, forward }
  })
  child.on('error', (error) => {
    process.stderr.write(`${lockedNode} does not start: ${error.message}\n`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    for (const { signal: name, forward } of forwarders) process.off(name, forward)
    if (signal === null) process.exit(code ?? 1)
    process.kill(process.pid, signal)
    // Signals that this process survives still end it, with the shell's number for them.
    process.exitCode = 128 + (constants.signals[signal] ?? 0)
  })
}
