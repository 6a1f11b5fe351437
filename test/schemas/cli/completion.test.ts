/** Completion scripts, run by the shell they are for. */

import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { AGENT_PROGRAM } from '../../../device-client/node/cli/program.ts'
import { completionScript } from '../../../schemas/cli/completion.ts'
import { SERVER_PROGRAM } from '../../../server/cli/program.ts'

/** What bash offers after `words`; the last is being typed. */
function complete(script: string, words: string[]): string[] {
  const program = words[0] ?? ''
  const call = `${script}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
_${program.replaceAll('-', '_')}_complete; printf '%s\\n' "\${COMPREPLY[@]}"`
  const result = spawnSync('bash', ['--norc', '-c', call], { encoding: 'utf8', cwd: import.meta.dirname })
  expect(result.stderr).toBe('')
  return result.stdout.split('\n').filter((line) => line !== '')
}

describe('completion for bash', () => {
  it('offers commands, subcommands, options and choices', () => {
    const script = completionScript(SERVER_PROGRAM, 'bash')
    expect(complete(script, ['nightferry', 'acc'])).toEqual(['accounts', 'account'])
    expect(complete(script, ['nightferry', 'account', ''])).toEqual([
      'add',
      'list',
      'disable',
      'delete',
      'receipts',
      'app-password',
    ])
    expect(complete(script, ['nightferry', 'account', 'app-password', '--ser'])).toEqual(['--server'])
    expect(complete(script, ['nightferry', 'completion', 'z'])).toEqual(['zsh'])
    expect(complete(script, ['nightferry', 'star'])).toEqual([])
    const agent = completionScript(AGENT_PROGRAM, 'bash')
    expect(complete(agent, ['nightferry-device', 'restore', '--from'])).toEqual(['--from-device'])
    expect(complete(agent, ['nightferry-device', 'restore', '--to', 'completion.te'])).toEqual(['completion.test.ts'])
  })
})

describe.each(['zsh', 'fish'] as const)('completion for %s', (shell) => {
  it('names every command that is not hidden', () => {
    const script = completionScript(SERVER_PROGRAM, shell)
    for (const command of SERVER_PROGRAM.commands) {
      const word = command.name.split(' ').at(-1) ?? ''
      if (command.hidden !== true) expect(script).toContain(word)
    }
    expect(script).not.toMatch(/\bstart\b/)
  })
})
