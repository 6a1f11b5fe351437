/** Runs the agent as its users do: a process of its own, with `--json`, its home in a folder of the demo. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { CodedError, isErrorCode } from '../../../schemas/errors.ts'

const program = fileURLToPath(new URL('../../../device-client/node/nightferry-device.mjs', import.meta.url))

/** The agent of one device. */
export interface Agent {
  /** Runs one command and gives the object it prints. @throws {CodedError} what the agent reports. */
  run(...args: readonly string[]): Promise<Readonly<Record<string, unknown>>>
}

/** An agent with `home`; the account's password goes through the environment, never through the arguments. */
export function createAgent(home: string, password: string): Agent {
  return {
    run: async (...args) => {
      const child = spawn(process.execPath, [program, ...args, '--home', home, '--json', '--quiet'], {
        env: { ...process.env, NIGHTFERRY_PASSWORD: password },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const chunks: Uint8Array[] = []
      child.stdout.on('data', (chunk: Uint8Array) => void chunks.push(chunk))
      const [exitCode] = (await once(child, 'close')) as [number | null]
      return readAnswer(args[0] ?? '', Buffer.concat(chunks).toString('utf8'), exitCode)
    },
  }
}

function readAnswer(command: string, text: string, exitCode: number | null): Readonly<Record<string, unknown>> {
  const answer = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
  if (exitCode === 0) return answer
  const error = (answer.error ?? {}) as Record<string, unknown>
  const code = isErrorCode(error.code) ? error.code : 'internal'
  throw new CodedError(
    code,
    `nightferry-device ${command} ended with ${exitCode}: ${error.message ?? 'no reason given'}`,
  )
}
