/** The agent's program: environment, terminal and signals meet the command line here, and nowhere else. */

import { openNodeClient } from '../openNodeClient.ts'
import { AGENT_PROGRAM, runAgent } from './program.ts'
import { stopSignal } from './stopSignal.ts'

process.exitCode = await runAgent({
  argv: process.argv.slice(2),
  environment: process.env,
  output: { stdout: (text) => process.stdout.write(text), stderr: (text) => process.stderr.write(text) },
  stopped: stopSignal,
  openClient: (home, log) => openNodeClient(home, log, AGENT_PROGRAM.version),
})
