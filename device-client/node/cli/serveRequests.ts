/**
 * The resident agent's socket: takes a request for a backup, answers with its log lines and what the command would have
 * printed. Only this user can reach it: the socket lies in the home and has mode 0600. Rules DC-44 to DC-46.
 */

import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import {
  type AgentEnd,
  type AgentEvent,
  type AgentLogLevel,
  type AgentRequest,
  formatAgentLine,
  MAX_REQUEST_BYTES,
  parseAgentRequest,
} from '../../../schemas/cli/agentRequest.ts'
import type { CommandOutcome } from '../../../schemas/cli/commandTable.ts'
import { exitCodeOfError, formatError, reportError } from '../../../schemas/cli/errorReport.ts'
import { EXIT } from '../../../schemas/cli/exitCode.ts'
import { CodedError } from '../../../schemas/errors.ts'
import { AGENT_PROTOCOL_VERSION } from '../../../schemas/version.ts'
import { agentSocketPath } from '../chooseHome.ts'
import { readLines } from './lineSocket.ts'

/** A request is one short line: who says nothing for this long is cut off. */
const REQUEST_MS = 10_000

/** Askers at once; each is answered at once that the agent is at work. */
const MAX_ASKERS = 32

/** The system's bound on the path of a socket, with its final zero octet. */
const MAX_SOCKET_PATH_BYTES = process.platform === 'darwin' ? 104 : 108

export type LogLine = (level: AgentLogLevel, line: string) => void

/** What the socket works with. */
export interface RequestHost {
  /** Carries out a request. @throws {CodedError} what the command would have failed with. */
  run(request: AgentRequest): Promise<CommandOutcome>
  /** Hands on each line of the log until the returned function is called. */
  follow(onLine: LogLine): () => void
}

/**
 * Listens in `home` until `close`, which is for when nobody works any more. Only the holder of the home's `watch` lock may call it: a socket that lies there
 * already belongs to nobody then.
 *
 * @throws {CodedError} `storage.unavailable` if the socket cannot be made, e.g. because its path is too long.
 */
export async function serveRequests(home: string, host: RequestHost): Promise<{ close(): Promise<void> }> {
  const path = agentSocketPath(home)
  const pipe = process.platform === 'win32'
  if (!pipe && Buffer.byteLength(path) >= MAX_SOCKET_PATH_BYTES) {
    throw new CodedError('storage.unavailable', `the path ${path} is too long for a socket`, { fields: { path } })
  }
  if (!pipe) rmSync(path, { force: true })
  const askers = new Set<Socket>()
  // An asker may close its side after the request, as `echo … |` does, and still reads the answer.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    askers.add(socket)
    socket.on('close', () => askers.delete(socket))
    void answer(socket, host)
  })
  server.maxConnections = MAX_ASKERS
  // The socket is made within this call, so nothing else is made with this mask.
  const mask = pipe ? undefined : process.umask(0o177)
  try {
    server.listen(path)
  } finally {
    if (mask !== undefined) process.umask(mask)
  }
  try {
    await once(server, 'listening')
  } catch (cause) {
    throw new CodedError('storage.unavailable', `the socket ${path} cannot be made`, { cause, fields: { path } })
  }
  return {
    close: async () => {
      server.close()
      for (const socket of askers) socket.destroySoon()
      await once(server, 'close')
    },
  }
}

async function answer(socket: Socket, host: RequestHost): Promise<void> {
  // An asker that went away does not end the work, nor the agent.
  socket.on('error', () => socket.destroy())
  socket.setTimeout(REQUEST_MS, () => socket.destroy())
  const say = (event: AgentEvent): void => {
    if (socket.writable) socket.write(formatAgentLine(event))
  }
  try {
    const request = await readRequest(socket)
    if (!request) return
    socket.setTimeout(0)
    say({ event: 'accepted', nightferry: AGENT_PROTOCOL_VERSION })
    const stop = host.follow((level, line) => say({ event: 'log', level, line }))
    try {
      say(endOf(await host.run(request)))
    } finally {
      stop()
    }
  } catch (error) {
    say(failureOf(error))
  } finally {
    socket.end()
    socket.setTimeout(REQUEST_MS)
  }
}

/** Undefined if the connection ends without one. */
async function readRequest(socket: Socket): Promise<AgentRequest | undefined> {
  for await (const line of readLines(socket, MAX_REQUEST_BYTES)) return parseAgentRequest(line)
  return undefined
}

function endOf({ json, text, exitCode }: CommandOutcome): AgentEnd {
  return { event: 'end', exitCode: exitCode ?? EXIT.ok, json: json ?? {}, text, errorText: '' }
}

function failureOf(error: unknown): AgentEnd {
  const exitCode = exitCodeOfError(error)
  return { event: 'end', exitCode, json: { ...reportError(error) }, text: '', errorText: formatError(error) }
}
