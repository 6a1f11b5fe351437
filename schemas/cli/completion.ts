/**
 * Completion scripts for bash, zsh and fish, written from the command table, so that they cannot fall behind it.
 */

import type { CommandSpec, OptionSpec, ProgramSpec } from './commandTable.ts'

/** Shells we write scripts for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

/** The script to be sourced by `shell`. */
export function completionScript(program: ProgramSpec, shell: Shell): string {
  if (shell === 'fish') return fishScript(program)
  // zsh runs the bash function through its own emulation.
  const prelude = shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : ''
  return prelude + bashScript(program)
}

function visible(program: ProgramSpec): CommandSpec[] {
  return program.commands.filter((command) => command.hidden !== true)
}

function optionsOf(program: ProgramSpec, command: CommandSpec): OptionSpec[] {
  return [...command.options, ...program.options]
}

function bashScript(program: ProgramSpec): string {
  const functionName = `_${program.name.replaceAll('-', '_')}_complete`
  const cases: string[] = []
  for (const [prefix, words] of subcommandWords(program)) cases.push(`    '${prefix}') words='${words.join(' ')}' ;;`)
  for (const command of visible(program)) {
    const words = optionsOf(program, command).map((option) => `--${option.name}`)
    for (const argument of command.args) words.push(...(argument.choices ?? []))
    cases.push(`    '${pathOf(command)}') words='${words.join(' ')}' ;;`)
  }
  const paths = visible(program).flatMap((command) =>
    optionsOf(program, command)
      .filter((option) => option.path === true)
      .map((option) => `--${option.name}`),
  )
  if (paths.length === 0) paths.push('--')
  return `${functionName}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command='' words='' word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case " ${namePrefixes(program).join(' ')} " in
      *" \${command:+$command/}$word "*) command="\${command:+$command/}$word" ;;
    esac
  done
  case "$previous" in
    ${[...new Set(paths)].join('|')}) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  case "$command" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F ${functionName} ${program.name}
`
}

/** The words of a command joined by `/`, as the script tells them apart: `account/add`. */
function pathOf(command: CommandSpec): string {
  return command.name.replaceAll(' ', '/')
}

/** Every word sequence that leads to a command: `account`, `account/add`. */
function namePrefixes(program: ProgramSpec): string[] {
  const prefixes = new Set<string>()
  for (const command of visible(program)) {
    const words = command.name.split(' ')
    for (let length = 1; length <= words.length; length++) prefixes.add(words.slice(0, length).join('/'))
  }
  return [...prefixes]
}

/** What may follow each prefix of command words; the empty prefix is the program itself. */
function subcommandWords(program: ProgramSpec): Map<string, string[]> {
  const follow = new Map<string, string[]>()
  for (const command of visible(program)) {
    const [first = '', second] = command.name.split(' ')
    const pairs: [string, string][] =
      second === undefined
        ? [['', first]]
        : [
            ['', first],
            [first, second],
          ]
    for (const [prefix, word] of pairs) {
      const words = follow.get(prefix) ?? []
      if (!words.includes(word)) words.push(word)
      follow.set(prefix, words)
    }
  }
  return follow
}

function fishScript(program: ProgramSpec): string {
  const lines = [`complete -c ${program.name} -f`]
  const groups = new Set<string>()
  for (const command of visible(program)) {
    const [first = '', second] = command.name.split(' ')
    const summary = quote(command.summary)
    if (second === undefined) {
      lines.push(`complete -c ${program.name} -n __fish_use_subcommand -a ${first} -d ${summary}`)
    } else {
      if (!groups.has(first)) lines.push(`complete -c ${program.name} -n __fish_use_subcommand -a ${first}`)
      groups.add(first)
      lines.push(`complete -c ${program.name} -n '__fish_seen_subcommand_from ${first}' -a ${second} -d ${summary}`)
    }
    const seen = `'${command.name
      .split(' ')
      .map((word) => `__fish_seen_subcommand_from ${word}`)
      .join('; and ')}'`
    for (const option of optionsOf(program, command)) {
      const value = option.value === undefined ? '' : option.path === true ? ' -r -F' : ' -x'
      lines.push(`complete -c ${program.name} -n ${seen} -l ${option.name}${value} -d ${quote(option.summary)}`)
    }
    const words = command.args.flatMap((argument) => argument.choices ?? [])
    if (words.length > 0) lines.push(`complete -c ${program.name} -n ${seen} -a ${quote(words.join(' '))}`)
    if (command.args.some((argument) => argument.path)) lines.push(`complete -c ${program.name} -n ${seen} -F`)
  }
  return `${lines.join('\n')}\n`
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
