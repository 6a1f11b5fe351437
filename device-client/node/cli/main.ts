/** The agent's program: environment, terminal and signals meet the command line here, and nowhere else. */

import { askAgent } from './askAgent.ts'

const argv = process.argv.slice(2)
const environment = process.env
const output = {
  stdout: (text: string) => void process.stdout.write(text),
  stderr: (text: string) => void process.stderr.write(text),
}

process.exitCode = (await askAgent(argv, { environment, ...output })) ?? (await runHere())

/** The whole program, loaded only where no resident agent does the work. */
async function runHere(): Promise<number> {
  const [{ openNodeClient }, { AGENT_PROGRAM, runAgent }, { stopSignal }] = await Promise.all([
    import('../openNodeClient.ts'),
    import('./program.ts'),
    import('./stopSignal.ts'),
  ])
  return runAgent({
    argv,
    environment,
    output,
    stopped: stopSignal,
    openClient: (home, log) => openNodeClient(home, log, AGENT_PROGRAM.version),
  })
}
