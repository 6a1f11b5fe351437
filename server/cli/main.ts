/** The entry of `nightferry`: one command with this process's arguments, environment and streams. */

import { readSecrets } from '../config/secrets.ts'
import { runServerProgram } from './program.ts'
import { stopSignal } from './stopSignal.ts'
import { growYoungGeneration } from './youngGeneration.ts'

/** Loaded only by commands that open a server: help and completion answer at once. */
function assembly() {
  growYoungGeneration()
  return import('../assemble.ts')
}

const environment = { ...process.env }
// Workers and whatever else is started from here inherit what is left.
delete process.env.NIGHTFERRY_MASTER_KEY
delete process.env.NIGHTFERRY_NEW_MASTER_KEY

const exitCode = await runServerProgram({
  argv: process.argv.slice(2),
  environment,
  output: {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
  },
  stopped: stopSignal,
  openers: {
    openServer: async (config) => (await assembly()).assembleServer(config, readSecrets(environment)),
    openAccountServer: async (config) =>
      (await import('../assembleAccountServer.ts')).assembleAccountServer(config, readSecrets(environment)),
  },
})
// What was written to a pipe must still get out.
process.stdout.write('', () => process.exit(exitCode))
