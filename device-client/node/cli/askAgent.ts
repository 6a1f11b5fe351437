/**
 * The short way of `backup`: where an agent is resident (`watch`), the request is handed to it and its answer printed.
 * Nothing else of the program is loaded for that. Rules DC-44, DC-45.
 */

import { existsSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { parseArgs } from 'node:util'
import {
  type AgentEnd,
  type AgentLogLevel,
  type AgentRequest,
  backupRequest,
  formatAgentLine,
  MAX_EVENT_BYTES,
  parseAgentEvent,
} from '../../../schemas/cli/agentRequest.ts'
import { agentSocketPath, chooseHome } from '../chooseHome.ts'
import { readLines } from './lineSocket.ts'

/** An agent that is alive accepts at once; one that was stopped or hangs is not waited for. */
const ACCEPT_MS = 2000

export interface AskOptions {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
}

/** The exit code of a `backup` that a resident agent carried out; undefined if this process must do the work itself. */
export async function askAgent(argv: readonly string[], options: AskOptions): Promise<number | undefined> {
  const asked = readBackupArguments(argv)
  if (!asked) return undefined
  const path = agentSocketPath(chooseHome(asked.home, options.environment))
  // A pipe of Windows is no file that could be looked for.
  if (process.platform !== 'win32' && !existsSync(path)) return undefined
  const end = await converse(path, asked.request, (level, line) => {
    if (isShown(level, asked)) options.stderr(line)
  })
  if (!end) return undefined
  if (asked.json) options.stdout(`${JSON.stringify(end.json)}\n`)
  else options.stdout(end.text)
  options.stderr(end.errorText)
  return end.exitCode
}

interface Asked {
  readonly request: AgentRequest
  readonly home: string | undefined
  readonly json: boolean
  readonly quiet: boolean
  readonly verbose: boolean
}

/** Undefined for any other command, and for what only the whole program can explain: errors and help. */
function readBackupArguments(argv: readonly string[]): Asked | undefined {
  const [command, ...args] = argv
  if (command !== 'backup') return undefined
  try {
    const { values } = parseArgs({
      args,
      options: {
        database: { type: 'string' },
        full: { type: 'boolean', default: false },
        home: { type: 'string' },
        json: { type: 'boolean', default: false },
        quiet: { type: 'boolean', default: false },
        verbose: { type: 'boolean', default: false },
      },
    })
    const { json, quiet, verbose, home } = values
    return { request: backupRequest(values.database, values.full), home, json, quiet, verbose }
  } catch {
    return undefined
  }
}

function isShown(level: AgentLogLevel, { quiet, verbose }: Asked): boolean {
  if (verbose) return true
  return level === 'warn' || (level === 'info' && !quiet)
}

/**
 * Undefined if nobody is there, takes the request, or lives until the work is done: it can then be done here,
 * whatever became of it.
 */
async function converse(
  path: string,
  request: AgentRequest,
  onLog: (level: AgentLogLevel, line: string) => void,
): Promise<AgentEnd | undefined> {
  const socket = connect(path)
  const waiting = setTimeout(() => socket.destroy(), ACCEPT_MS)
  socket.write(formatAgentLine(request))
  try {
    return await readAnswer(socket, () => clearTimeout(waiting), onLog)
  } catch {
    return undefined
  } finally {
    clearTimeout(waiting)
    socket.destroy()
  }
}

async function readAnswer(
  socket: Socket,
  onAccepted: () => void,
  onLog: (level: AgentLogLevel, line: string) => void,
): Promise<AgentEnd | undefined> {
  let accepted = false
  for await (const line of readLines(socket, MAX_EVENT_BYTES)) {
    const event = parseAgentEvent(line)
    if (event.event === 'end') return accepted ? event : undefined
    if (event.event === 'log') {
      onLog(event.level, event.line)
      continue
    }
    accepted = true
    onAccepted()
  }
  return undefined
}
