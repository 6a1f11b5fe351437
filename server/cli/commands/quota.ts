/** `nightferry quota …`: what an account and its devices may use, and what they use (QT-9). */

import { type CommandInput, type OptionSpec, textOf } from '../../../schemas/cli/commandTable.ts'
import { formatBytes, formatTable } from '../../../schemas/cli/formatTable.ts'
import { CodedError } from '../../../schemas/errors.ts'
import type { QuotaChange, QuotaReport, QuotaState } from '../../../schemas/http/quotas.ts'
import { findDevice } from '../findDevice.ts'
import type { OperatorApi } from '../operatorApi.ts'
import { type ServerCommand, WHERE_OPTIONS, withOperatorApi } from '../serverContext.ts'

const ownerArgument = { name: 'OWNER', summary: 'ACCOUNT, or ACCOUNT/DEVICE by name or id' }

const LIMIT_OPTIONS = {
  'stored-mb': 'storedMb',
  databases: 'databases',
  'upload-mb': 'uploadMb',
  sessions: 'sessionsPerHour',
} as const satisfies Record<string, keyof QuotaChange>

const limitOptions: readonly OptionSpec[] = [
  { name: 'stored-mb', value: 'MB', summary: 'what is stored, older states included; 0 any, default as the server' },
  { name: 'databases', value: 'N', summary: 'number of databases' },
  { name: 'upload-mb', value: 'MB', summary: 'one compressed upload' },
  { name: 'sessions', value: 'N', summary: 'sessions begun in an hour' },
]

export const quotaShow: ServerCommand = {
  spec: {
    name: 'quota show',
    summary: 'show what an account and its devices may use, and what they use',
    args: [ownerArgument],
    options: WHERE_OPTIONS,
  },
  run: (context, input) =>
    withOperatorApi(context, input, async (api) => {
      const { account, deviceId } = await readOwner(api, input)
      const report = await api.readQuota(account)
      const devices = report.devices.filter((device) => deviceId === undefined || device.deviceId === deviceId)
      return { json: { owner: account, ...report, devices }, text: formatReport(account, { ...report, devices }) }
    }),
}

export const quotaSet: ServerCommand = {
  spec: {
    name: 'quota set',
    summary: 'set what an account or a device may use',
    args: [ownerArgument],
    options: [...limitOptions, ...WHERE_OPTIONS],
  },
  run: (context, input) => {
    const change = readChange(input)
    return withOperatorApi(context, input, async (api) => {
      const { account, deviceId } = await readOwner(api, input)
      await api.setQuota(account, deviceId, change)
      const report = await api.readQuota(account)
      const devices = report.devices.filter((device) => device.deviceId === deviceId)
      return { json: { owner: account, ...report, devices }, text: formatReport(account, { ...report, devices }) }
    })
  },
}

async function readOwner(api: OperatorApi, input: CommandInput): Promise<{ account: string; deviceId?: string }> {
  const owner = textOf(input, 'OWNER') ?? ''
  const cut = owner.indexOf('/')
  if (cut === -1) return { account: owner }
  const account = owner.slice(0, cut)
  const wanted = owner.slice(cut + 1)
  const devices = await api.listDevices()
  const byId = devices.find((device) => device.accountName === account && device.deviceId === wanted)
  return { account, deviceId: (byId ?? (await findDevice(api, owner))).deviceId }
}

function readChange(input: CommandInput): QuotaChange {
  const change: { -readonly [Name in keyof QuotaChange]: QuotaChange[Name] } = {}
  for (const [option, name] of Object.entries(LIMIT_OPTIONS)) {
    const text = textOf(input, option)
    if (text === undefined) continue
    if (text !== 'default' && !/^\d{1,9}$/.test(text))
      throw new CodedError('config.invalid', `--${option} must be a whole number or default, not "${text}"`)
    change[name] = text === 'default' ? null : Number(text)
  }
  if (Object.keys(change).length > 0) return change
  throw new CodedError('config.invalid', 'nothing is set', {
    next: `Give one of ${Object.keys(LIMIT_OPTIONS)
      .map((option) => `--${option}`)
      .join(', ')}.`,
  })
}

function formatReport(account: string, { account: whole, devices }: QuotaReport): string {
  const rows = [rowOf(account, whole), ...devices.map((device) => rowOf(`${account}/${device.deviceId}`, device))]
  return formatTable(['OWNER', 'STORED', 'DATABASES', 'UPLOAD', 'SESSIONS/H', ''], rows)
}

const MEGABYTE = 1024 * 1024

function rowOf(owner: string, state: QuotaState): string[] {
  const { storedMb, databases, uploadMb, sessionsPerHour } = state.limits
  const of = (used: string, limit: string, isAny: boolean): string => (isAny ? used : `${used} of ${limit}`)
  return [
    owner,
    of(formatBytes(state.storedBytes), formatBytes(storedMb * MEGABYTE), storedMb === 0),
    of(String(state.databases), String(databases), databases === 0),
    uploadMb === 0 ? 'any' : formatBytes(uploadMb * MEGABYTE),
    of(String(state.sessionsLastHour), String(sessionsPerHour), sessionsPerHour === 0),
    state.level === 'free' ? '' : state.level.toUpperCase(),
  ]
}
