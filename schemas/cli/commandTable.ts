/**
 * The command line as data: help, parsing, completion and documentation come from the same table.
 * A command's code stands in a file of its own; this is only its shape.
 */

/** An option. All take their long form only; without `value` it is a switch. */
export interface OptionSpec {
  /** Without the dashes, e.g. `from-device`. */
  readonly name: string
  /** Name of the value in the help, e.g. `DIR`. */
  readonly value?: string
  readonly summary: string
  readonly default?: string
  /** Environment variable that stands in for the option. */
  readonly env?: string
  readonly required?: boolean
  readonly choices?: readonly string[]
  /** The value is a path: completion offers files. */
  readonly path?: boolean
  /** It can be given several times: `listOf`. */
  readonly repeat?: boolean
}

export interface ArgumentSpec {
  readonly name: string
  readonly summary: string
  readonly optional?: boolean
  readonly choices?: readonly string[]
  readonly path?: boolean
}

export interface CommandSpec {
  /** One or two words: `serve`, `account add`. */
  readonly name: string
  readonly summary: string
  readonly args: readonly ArgumentSpec[]
  readonly options: readonly OptionSpec[]
  /** Left out of help and completion. */
  readonly hidden?: boolean
}

/** One program: its name and its commands. */
export interface ProgramSpec {
  readonly name: string
  readonly summary: string
  readonly version: string
  /** Options that every command takes. */
  readonly options: readonly OptionSpec[]
  readonly commands: readonly CommandSpec[]
}

/** What was given on the command line: options by name, arguments by name; a switch is a boolean. */
export type CommandInput = Readonly<Record<string, string | boolean | undefined>>

/** What a command hands back: `json` for scripts, `text` for people, and an exit code other than 0 if it is partial. */
export interface CommandOutcome {
  /** Absent if the command printed its object before, while it went on. */
  readonly json?: Readonly<Record<string, unknown>>
  readonly text: string
  readonly exitCode?: number
}

/** The text given for `name`, or undefined. A switch gives undefined. */
export function textOf(input: CommandInput, name: string): string | undefined {
  const value = input[name]
  return typeof value === 'string' ? value : undefined
}

/** What stands between the values of an option that repeats: no argument of a process can hold it. */
export const VALUE_BREAK = '\0'

/** All values given for `name`, in their order. */
export function listOf(input: CommandInput, name: string): readonly string[] {
  return textOf(input, name)?.split(VALUE_BREAK) ?? []
}
