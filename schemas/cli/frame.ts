/**
 * Runs one command of a command table: parses with commander, prints the outcome, maps errors to exit codes.
 * Both programs share it; commander itself and the streams are given by them, so that nothing here has a platform.
 * With `--json` exactly one object goes to stdout, also when the command fails; everything else goes to stderr.
 */

import type * as Commander from 'commander'
import type { Command, Option } from 'commander'
import { CodedError } from '../errors.ts'
import {
  type CommandInput,
  type CommandOutcome,
  type CommandSpec,
  type OptionSpec,
  type ProgramSpec,
  VALUE_BREAK,
} from './commandTable.ts'
import { exitCodeOfError, formatError, reportError } from './errorReport.ts'
import { EXIT } from './exitCode.ts'

/** A command: its row of the table and what it does in `Context`. */
export interface CommandModule<Context> {
  readonly spec: CommandSpec
  run(context: Context, input: CommandInput): Promise<CommandOutcome>
}

/** What is used of commander's module. */
export type CommanderKit = Pick<typeof Commander, 'Argument' | 'Command' | 'CommanderError' | 'Option'>

/** Where a program writes. */
export interface ProgramOutput {
  stdout(text: string): void
  stderr(text: string): void
}

/**
 * Runs the program once and gives its exit code.
 * `open` makes what the commands work with; it is only called when a command really runs.
 */
export async function runProgram<Context>(
  commander: CommanderKit,
  program: ProgramSpec,
  modules: readonly CommandModule<Context>[],
  argv: readonly string[],
  output: ProgramOutput,
  open: (input: CommandInput) => Promise<{ context: Context; close(): Promise<void> }>,
): Promise<number> {
  let exitCode: number = EXIT.ok
  const json = argv.includes('--json')
  const runModule = async (module: CommandModule<Context>, input: CommandInput) => {
    const opened = await open(input)
    try {
      const outcome = await module.run(opened.context, input)
      if (!json) output.stdout(outcome.text)
      else if (outcome.json !== undefined) output.stdout(`${JSON.stringify(outcome.json)}\n`)
      exitCode = outcome.exitCode ?? EXIT.ok
    } finally {
      await opened.close()
    }
  }
  try {
    await buildCommander(commander, program, modules, output, runModule).parseAsync([...argv], { from: 'user' })
  } catch (error) {
    if (error instanceof commander.CommanderError) return endOfParsing(error, json, output)
    if (json) output.stdout(`${JSON.stringify(reportError(error))}\n`)
    output.stderr(formatError(error))
    return exitCodeOfError(error)
  }
  return exitCode
}

/** Help and version end the parsing like errors do, with code 0; the rest is usage. */
function endOfParsing(error: Commander.CommanderError, json: boolean, output: ProgramOutput): number {
  if (error.exitCode === 0) return EXIT.ok
  const message = error.message.replace(/^error: /, '')
  const cause = new CodedError('config.invalid', message, { next: 'Run the command with --help.' })
  if (json) output.stdout(`${JSON.stringify(reportError(cause))}\n`)
  return EXIT.usage
}

function buildCommander<Context>(
  commander: CommanderKit,
  program: ProgramSpec,
  modules: readonly CommandModule<Context>[],
  output: ProgramOutput,
  run: (module: CommandModule<Context>, input: CommandInput) => Promise<void>,
): Command {
  const root = new commander.Command(program.name).description(program.summary).version(program.version)
  root
    .configureOutput({ writeOut: output.stdout, writeErr: output.stderr })
    .exitOverride()
    .showHelpAfterError('(add --help for more)')
  const groups = new Map<string, Command>()
  for (const module of modules) {
    const [first = '', second] = module.spec.name.split(' ')
    const parent = second === undefined ? root : (groups.get(first) ?? root.command(first).copyInheritedSettings(root))
    if (second !== undefined) groups.set(first, parent)
    const command = parent.command(second ?? first, { hidden: module.spec.hidden ?? false })
    command.copyInheritedSettings(root).description(module.spec.summary)
    for (const argument of module.spec.args) {
      const made = new commander.Argument(
        argument.optional ? `[${argument.name}]` : `<${argument.name}>`,
        argument.summary,
      )
      command.addArgument(argument.choices === undefined ? made : made.choices([...argument.choices]))
    }
    for (const option of [...module.spec.options, ...program.options]) command.addOption(makeOption(commander, option))
    command.action(async () => {
      const input: Record<string, string | boolean | undefined> = {}
      for (const option of command.options)
        input[option.long?.slice(2) ?? ''] = command.getOptionValue(option.attributeName())
      module.spec.args.forEach((argument, index) => {
        input[argument.name] = command.args[index]
      })
      await run(module, input)
    })
  }
  return root
}

function makeOption(commander: CommanderKit, spec: OptionSpec): Option {
  const made = new commander.Option(
    spec.value === undefined ? `--${spec.name}` : `--${spec.name} <${spec.value}>`,
    spec.summary,
  )
  if (spec.repeat === true)
    made.argParser((value, before: string | undefined) => (before === undefined ? value : before + VALUE_BREAK + value))
  if (spec.default !== undefined) made.default(spec.default)
  if (spec.env !== undefined) made.env(spec.env)
  if (spec.choices !== undefined) made.choices([...spec.choices])
  return made.makeOptionMandatory(spec.required ?? false)
}
