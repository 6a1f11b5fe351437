/**
 * Reads the settings: command line before environment before default. Wrong values are refused with the name of the
 * setting, never replaced by the default.
 */

import { isAbsolute, resolve } from 'node:path'
import { CodedError } from '../../schemas/errors.ts'
import { environmentName, optionName, type Setting, type SettingName, settings } from './settings.ts'

/** All settings, typed. Optional ones are absent unless given. */
export interface Config {
  readonly host: string
  readonly port: number
  readonly data: string
  readonly publicUrl?: string
  readonly trustProxy: number
  readonly masterKeyFile?: string
  readonly masterKeyCommand?: string
  readonly newMasterKeyFile?: string
  readonly newMasterKeyCommand?: string
  readonly accountsUrl?: string
  readonly registration: 'open' | 'closed'
  readonly corsOrigins: readonly string[]
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  readonly requestTimeoutMs: number
  readonly sessionIdleMs: number
  readonly busyAfterMs: number
  readonly restoreLifeHours: number
  readonly maxObjectMb: number
  readonly workerTimeoutMs: number
  readonly workerMemoryMb: number
  readonly rehearse: 'on' | 'off'
  readonly timeMachine: 'on' | 'off' | 'device'
  readonly allowMethods: readonly string[]
  readonly keep: readonly string[]
  readonly nightHour: number
  readonly proveMb: number
  readonly reencryptMbPerMinute: number
  readonly slots: 'on' | 'off'
  readonly overloadMs: number
  readonly connectionsPerAddress: number
  readonly quotaAccountMb: number
  readonly quotaAccountDatabases: number
  readonly quotaAccountUploadMb: number
  readonly quotaAccountSessions: number
  readonly quotaDeviceMb: number
  readonly quotaDeviceDatabases: number
  readonly quotaDeviceUploadMb: number
  readonly quotaDeviceSessions: number
  readonly conflictPolicy: readonly string[]
  readonly wakeAfterHours: number
  readonly staleAfterHours: number
  readonly alertWebhook?: string
  readonly alertMailTo?: readonly string[]
  readonly alertMailFrom?: string
  readonly smtpUrl?: string
  readonly pushWebhook?: string
  readonly pushServerId?: string
}

/** Values from the command line, by name of the setting; what was not given is absent or undefined. */
export type GivenOptions = Readonly<Partial<Record<SettingName, string | undefined>>>

/**
 * The configuration.
 *
 * @throws {CodedError} `config.invalid` with the setting's names and the value it does not take.
 */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>>,
  options: GivenOptions = {},
): Config {
  const entries = Object.entries<Setting>(settings).flatMap(([name, setting]) => {
    const text = options[name as SettingName] ?? environment[environmentName(name)] ?? setting.fallback
    return text === undefined ? [] : [[name, parse(name, setting, text)] as const]
  })
  // The table's names and types are those of `Config`: a test holds the two together.
  return Object.fromEntries(entries) as unknown as Config
}

function parse(name: string, { type, least = 0 }: Setting, text: string): unknown {
  if (typeof type !== 'string') return type.includes(text) ? text : refuse(name, text, `one of ${type.join(', ')}`)
  switch (type) {
    case 'text':
      return text === '' ? refuse(name, text, 'a text') : text
    case 'path':
      return text === '' ? refuse(name, text, 'a path') : isAbsolute(text) ? text : resolve(text)
    case 'port':
      return wholeNumber(text, 0, 65_535) ?? refuse(name, text, 'a port')
    case 'hour':
      return wholeNumber(text, 0, 23) ?? refuse(name, text, 'an hour, 0 to 23')
    case 'whole':
      return (
        wholeNumber(text, least, Number.MAX_SAFE_INTEGER) ??
        refuse(name, text, least === 0 ? 'a whole number' : `a whole number of at least ${least}`)
      )
    case 'url':
      return httpUrl(text) ?? refuse(name, text, 'an http or https address')
    case 'list':
      return text.split(',').flatMap((item) => (item.trim() === '' ? [] : [item.trim()]))
  }
}

function wholeNumber(text: string, least: number, most: number): number | undefined {
  return /^\d{1,16}$/.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : undefined
}

function httpUrl(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url.href.replace(/\/$/, '') : undefined
}

function refuse(name: string, text: string, wanted: string): never {
  throw new CodedError('config.invalid', `${name} must be ${wanted}, not "${text}"`, {
    fields: { setting: name },
    next: `Change ${environmentName(name)} or ${optionName(name)}.`,
  })
}
