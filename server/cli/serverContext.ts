/** What the operator's commands work with, and the options that say which server is meant. */

import { type CommandInput, type OptionSpec, textOf } from '../../schemas/cli/commandTable.ts'
import type { CommandModule } from '../../schemas/cli/frame.ts'
import { CodedError } from '../../schemas/errors.ts'
import { type Config, type GivenOptions, readConfig } from '../config/config.ts'
import { environmentName, optionName, type Setting, type SettingName, settings } from '../config/settings.ts'
import type { GivenKeySources } from '../keys/keySource.ts'
import { createDirectOperatorApi } from './directOperatorApi.ts'
import type { ServerOpeners } from './openedServer.ts'
import type { OperatorApi } from './operatorApi.ts'
import { createRestOperatorApi } from './restOperatorApi.ts'

export interface ServerContext {
  readonly openers: ServerOpeners
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Prints progress or a notice for people. */
  readonly notice: (text: string) => void
  /** Prints the one JSON line that a command gives before it ends; only `serve` has one. */
  readonly announce: (json: Readonly<Record<string, unknown>>) => void
  readonly json: boolean
  /** Takes over SIGINT and SIGTERM; fulfilled when one of them asks the program to end. */
  readonly stopped: () => Promise<void>
}

/** A command of the operator's program. */
export type ServerCommand = CommandModule<ServerContext>

/** Options for settings of the table, under the table's own names. */
export function settingOptions(...names: readonly SettingName[]): OptionSpec[] {
  return names.map((name) => {
    const { type, fallback, sentence }: Setting = settings[name]
    const standard = fallback === undefined || fallback === '' ? '' : ` (default: ${fallback})`
    return {
      name: optionName(name).slice(2),
      value: typeof type === 'string' ? type.toUpperCase() : type.join('|'),
      summary: `${sentence.replace(/\.$/, '')}${standard} [${environmentName(name)}]`,
      path: type === 'path',
    }
  })
}

/** All settings as options. */
export const ALL_SETTING_OPTIONS: readonly OptionSpec[] = settingOptions(...(Object.keys(settings) as SettingName[]))

/** The configuration with what was given on the command line. @throws {CodedError} `config.invalid`. */
export function configOf(context: ServerContext, input: CommandInput): Config {
  const names = Object.keys(settings) as SettingName[]
  const given: GivenOptions = Object.fromEntries(names.map((name) => [name, textOf(input, optionName(name).slice(2))]))
  return readConfig(context.environment, given)
}

/** Where the master key comes from, for commands that open the keys alone. */
export function givenMasterKey(context: ServerContext, config: Config): GivenKeySources {
  const environment = context.environment.NIGHTFERRY_MASTER_KEY
  return {
    ...(config.masterKeyFile !== undefined && { file: config.masterKeyFile }),
    ...(config.masterKeyCommand !== undefined && { command: config.masterKeyCommand }),
    ...(environment !== undefined && { environment }),
  }
}

/** Options of commands that work on a data folder here or on a server elsewhere. */
export const WHERE_OPTIONS: readonly OptionSpec[] = [
  ...settingOptions('data', 'masterKeyFile', 'masterKeyCommand', 'accountsUrl'),
  { name: 'server', value: 'URL', summary: 'a server elsewhere; the token comes from NIGHTFERRY_TOKEN' },
]

/** Runs `work` with the operator's interface of the server that is meant, and closes it again. */
export async function withOperatorApi<T>(
  context: ServerContext,
  input: CommandInput,
  work: (api: OperatorApi) => Promise<T>,
): Promise<T> {
  const url = textOf(input, 'server')
  if (url !== undefined) return await work(createRestOperatorApi(checkUrl(url), tokenOf(context)))
  const server = await context.openers.openServer(configOf(context, input))
  try {
    return await work(createDirectOperatorApi(server))
  } finally {
    await server.close()
  }
}

function checkUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed?.protocol === 'http:' || parsed?.protocol === 'https:') return parsed.href.replace(/\/+$/, '')
  throw new CodedError('config.invalid', `not an http or https address: ${url}`, {
    next: 'Give it like http://host:8080.',
  })
}

function tokenOf(context: ServerContext): string {
  const token = context.environment.NIGHTFERRY_TOKEN
  if (token !== undefined && token !== '') return token
  throw new CodedError('auth.missing', 'no token is given', {
    next: "Set NIGHTFERRY_TOKEN to an operator's token (nightferry operator-token on the server's machine).",
  })
}
