/**
 * Runs the agent as its users do: `nightferry-device` as a process of its own, with `--json`, on a home of the test's.
 * The exit code and the one JSON object on stdout are the answer; a second object there is an error.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { AGENT_PROGRAM } from './programs.ts'
import type { TestAccount } from './startServer.ts'

/** The one JSON object a command prints. */
export type AgentReport = Readonly<Record<string, unknown>>

/** How one command ended. */
export interface AgentAnswer {
  readonly exitCode: number | null
  readonly report: AgentReport
  /** `error.code` of the report; empty if the command succeeded. */
  readonly errorCode: string
  readonly stderr: string
  readonly durationMs: number
}

/** A command that goes on until it is stopped, such as `watch`. */
export interface RunningCommand {
  readonly process: ChildProcess
  /** What it wrote to stderr so far. */
  stderr(): string
  /** SIGTERM, then the answer. */
  stop(): Promise<AgentAnswer>
  /** Fulfilled when it ends by itself. */
  readonly ended: Promise<AgentAnswer>
}

/** The agent of one home. */
export interface AgentProcess {
  readonly home: string
  /** Runs one command to its end, whatever that is. */
  run(...args: readonly string[]): Promise<AgentAnswer>
  /** Runs one command that must succeed. @throws Error with its answer if the exit code is not 0. */
  do(...args: readonly string[]): Promise<AgentReport>
  /** Starts a command and leaves it running. */
  start(...args: readonly string[]): RunningCommand
}

/** The agent with its state in `home`; `environment` is added to the test's own, and `via` runs it, if it is given. */
export function createAgentProcess(
  home: string,
  environment: Readonly<Record<string, string>> = {},
  via: readonly string[] = [],
): AgentProcess {
  const start = (...args: readonly string[]) => startCommand(args, home, environment, via)
  return {
    home,
    start,
    run: (...args) => start(...args).ended,
    do: async (...args) => {
      const answer = await start(...args).ended
      if (answer.exitCode === 0) return answer.report
      throw new Error(
        `nightferry-device ${args.join(' ')} ended with ${answer.exitCode}: ${JSON.stringify(answer.report)} ${answer.stderr}`,
      )
    },
  }
}

/** An agent that is registered as `device` of `account`. */
export async function createRegisteredAgent(
  server: { readonly url: string },
  account: TestAccount,
  home: string,
  device: string,
  via: readonly string[] = [],
): Promise<AgentProcess> {
  const agent = createAgentProcess(home, { NIGHTFERRY_PASSWORD: account.password }, via)
  await agent.do('init', '--server', server.url, '--user', account.user, '--device', device)
  return agent
}

function startCommand(
  args: readonly string[],
  home: string,
  environment: Readonly<Record<string, string>>,
  via: readonly string[],
): RunningCommand {
  const startedAt = performance.now()
  const [first = process.execPath, ...between] = [...via, process.execPath]
  const child = spawn(first, [...between, AGENT_PROGRAM, ...args, '--home', home, '--json'], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const endWithTest = (): void => void child.kill('SIGTERM')
  process.once('exit', endWithTest)
  const out = collect(child.stdout)
  const err = collect(child.stderr)
  const ended = once(child, 'close').then(([exitCode]): AgentAnswer => {
    process.off('exit', endWithTest)
    const report = parseReport(args, out())
    const error = report.error as { code?: string } | undefined
    const durationMs = performance.now() - startedAt
    return { exitCode: exitCode as number | null, report, errorCode: error?.code ?? '', stderr: err(), durationMs }
  })
  const stop = (): Promise<AgentAnswer> => {
    child.kill('SIGTERM')
    return ended
  }
  return { process: child, stderr: err, stop, ended }
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Uint8Array[] = []
  stream.on('data', (chunk: Uint8Array) => void chunks.push(chunk))
  return () => Buffer.concat(chunks).toString('utf8')
}

/** A killed agent prints nothing; any other prints exactly one object, on one line. */
function parseReport(args: readonly string[], text: string): AgentReport {
  if (text === '') return {}
  try {
    return JSON.parse(text) as AgentReport
  } catch (cause) {
    throw new Error(`nightferry-device ${args.join(' ')} printed more or less than one JSON object: ${text}`, { cause })
  }
}
