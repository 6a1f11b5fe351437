/** Where the agent's home is, and the socket in it. Needed before anything else, so it imports nothing else. */

import { createHash } from 'node:crypto'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** Where the home is: the option, else `NIGHTFERRY_HOME`, else `~/.nightferry`. */
export function chooseHome(
  option: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const chosen = option ?? environment.NIGHTFERRY_HOME
  return resolve(chosen !== undefined && chosen !== '' ? chosen : join(homedir(), '.nightferry'))
}

/** Where a resident agent of `home` listens: a socket in it, a named pipe on Windows. */
export function agentSocketPath(home: string, platform: string = process.platform): string {
  if (platform !== 'win32') return join(home, 'agent.sock')
  return `\\\\.\\pipe\\nightferry-${createHash('sha256').update(home.toLowerCase()).digest('hex').slice(0, 32)}`
}
