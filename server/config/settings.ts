/**
 * The one table of settings: name, type, default, sentence. Environment variables, command line options and the
 * documentation come from it. Secrets are not here but in `secrets.ts`.
 */

/** How the text of a setting is read. `list` is comma-separated. */
export type SettingType = 'text' | 'path' | 'port' | 'hour' | 'whole' | 'url' | 'list' | readonly string[]

export interface Setting {
  readonly type: SettingType
  /** Absent if the setting has no value unless one is given. */
  readonly fallback?: string
  /** The least number a `whole` setting takes; 0 if absent. */
  readonly least?: number
  readonly sentence: string
}

/** Names are those of the fields of `Config`. */
export const settings = {
  host: { type: 'text', fallback: '127.0.0.1', sentence: 'Address to listen on.' },
  port: { type: 'port', fallback: '8080', sentence: 'Port to listen on; 0 takes a free one.' },
  data: { type: 'path', fallback: './data', sentence: 'Folder of everything the server keeps.' },
  publicUrl: { type: 'url', sentence: 'Address devices reach this server at, if a proxy stands before it.' },
  trustProxy: {
    type: 'whole',
    fallback: '0',
    sentence: 'How many proxies before this server tell the truth about addresses.',
  },
  masterKeyFile: { type: 'path', sentence: 'File of the master key; else `master.key` in the data folder.' },
  masterKeyCommand: {
    type: 'text',
    sentence: 'Command that prints the master key as hex, e.g. the client of a key service; run without a shell.',
  },
  newMasterKeyFile: { type: 'path', sentence: 'File of the master key that the next rotation changes to.' },
  newMasterKeyCommand: {
    type: 'text',
    sentence: 'Command that prints the master key that the next rotation changes to.',
  },
  accountsUrl: { type: 'url', sentence: 'Address of an account service of its own; else it runs in this process.' },
  registration: {
    type: ['open', 'closed'],
    fallback: 'open',
    sentence: 'Whether anyone may register an account, or only the operator.',
  },
  corsOrigins: { type: 'list', fallback: '', sentence: 'Origins of browser clients that may call this server.' },
  logLevel: {
    type: ['debug', 'info', 'warn', 'error', 'silent'],
    fallback: 'info',
    sentence: 'The least important messages that are logged.',
  },
  requestTimeoutMs: {
    type: 'whole',
    fallback: '120000',
    least: 1000,
    sentence: 'Longest time a request may take to arrive.',
  },
  sessionIdleMs: {
    type: 'whole',
    fallback: '900000',
    least: 10000,
    sentence: 'Time after which a silent session is abandoned.',
  },
  busyAfterMs: {
    type: 'whole',
    fallback: '30000',
    sentence: 'Time after which a device that understands it is told that its message is still worked on; 0 never.',
  },
  restoreLifeHours: {
    type: 'whole',
    fallback: '24',
    least: 1,
    sentence: 'Time after which a restore image is removed.',
  },
  maxObjectMb: {
    type: 'whole',
    fallback: '32768',
    sentence: 'Largest compressed backup a device may send; it has one such at a time.',
  },
  workerTimeoutMs: {
    type: 'whole',
    fallback: '600000',
    least: 1000,
    sentence: 'Longest time one backup may take to apply.',
  },
  workerMemoryMb: {
    type: 'whole',
    fallback: '512',
    least: 128,
    sentence: 'Most memory that applying one backup may take.',
  },
  rehearse: {
    type: ['on', 'off'],
    fallback: 'on',
    sentence:
      'Whether a server that starts plays made-up syncs, so that the first device is served as fast as the next.',
  },
  timeMachine: {
    type: ['on', 'off', 'device'],
    fallback: 'device',
    sentence:
      'Whether older states of databases are kept, so that they can be restored; device: as the user of each device chose.',
  },
  allowMethods: {
    type: 'list',
    fallback: 'delta,full,differential,copy',
    sentence: 'Methods of backup that the users of devices may choose from.',
  },
  keep: {
    type: 'list',
    fallback: 'last=7,daily=30,weekly=12,monthly=12',
    sentence:
      'Which restore points stay: last, hourly, daily, weekly, monthly, yearly with a number each; within with hours.',
  },
  nightHour: {
    type: 'hour',
    fallback: '3',
    sentence: 'Hour of the day, in the time zone of the server, at which it drops restore points and proves copies.',
  },
  proveMb: {
    type: 'whole',
    fallback: '4096',
    sentence:
      'Most of all copies that is restored each night to prove that it can be, those first that wait longest; 0 none.',
  },
  reencryptMbPerMinute: {
    type: 'whole',
    fallback: '100',
    sentence:
      'How much of the copies is encrypted anew in a minute after the master key was changed; 0 only by command.',
  },
  slots: {
    type: ['on', 'off'],
    fallback: 'on',
    sentence: 'Whether devices are told when to come next, within their own windows, so that they come evenly.',
  },
  overloadMs: {
    type: 'whole',
    fallback: '10000',
    sentence: 'Time that work may wait for its turn before new sessions are told to come later; 0 never.',
  },
  connectionsPerAddress: {
    type: 'whole',
    fallback: '4000',
    sentence: 'Connections of one address, where no proxy stands before this server; 0 any.',
  },
  quotaAccountMb: {
    type: 'whole',
    fallback: '0',
    sentence: 'What the copies of an account may take, older states included, in MB; 0 any.',
  },
  quotaAccountDatabases: {
    type: 'whole',
    fallback: '0',
    sentence: 'Databases of all devices of an account; 0 any.',
  },
  quotaAccountUploadMb: {
    type: 'whole',
    fallback: '0',
    sentence: 'Largest compressed backup a device of an account may send, in MB; 0 any.',
  },
  quotaAccountSessions: {
    type: 'whole',
    fallback: '0',
    sentence: 'Sessions that all devices of an account may begin in an hour; 0 any.',
  },
  quotaDeviceMb: {
    type: 'whole',
    fallback: '0',
    sentence: 'What the copies of a device may take, older states included, in MB; 0 any.',
  },
  quotaDeviceDatabases: {
    type: 'whole',
    fallback: '1000',
    sentence: 'Databases of one device; 0 any.',
  },
  quotaDeviceUploadMb: {
    type: 'whole',
    fallback: '0',
    sentence: 'Largest compressed backup a device may send, in MB; 0 any.',
  },
  quotaDeviceSessions: {
    type: 'whole',
    fallback: '3600',
    sentence: 'Sessions that a device may begin in an hour; 0 any.',
  },
  conflictPolicy: {
    type: 'list',
    fallback: 'client-wins',
    sentence:
      'Who wins if two devices changed one Item: client-wins, server-wins, newest-wins, duplicate; also DATASTORE=… and ACCOUNT/DATASTORE=….',
  },
  wakeAfterHours: {
    type: 'whole',
    fallback: '48',
    sentence: 'Age of its newest backup at which a device is woken, once; 0 never wakes one.',
  },
  staleAfterHours: {
    type: 'whole',
    fallback: '36',
    least: 1,
    sentence: 'Age of its newest backup from which a database is late, if three of its usual gaps are over, too.',
  },
  alertWebhook: { type: 'url', sentence: 'Address that alerts are posted to; needs the alert secret.' },
  alertMailTo: { type: 'list', sentence: 'Addresses that alerts are mailed to; needs the next two.' },
  alertMailFrom: { type: 'text', sentence: 'Sender of those mails.' },
  smtpUrl: {
    type: 'text',
    sentence: 'Mail server, as smtp://USER@HOST:PORT or smtps://…; its password comes from NIGHTFERRY_SMTP_PASSWORD.',
  },
  pushWebhook: { type: 'url', sentence: 'Gateway that notifications are posted to; needs the push secret.' },
  pushServerId: {
    type: 'text',
    sentence: 'Server id in notifications for classic clients, as their profile has it; else the own one.',
  },
} as const satisfies Record<string, Setting>

export type SettingName = keyof typeof settings

/** `accountsUrl` → `NIGHTFERRY_ACCOUNTS_URL`. */
export function environmentName(name: string): string {
  return `NIGHTFERRY_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/** `accountsUrl` → `--accounts-url`. */
export function optionName(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/** The table as Markdown, for the documentation. */
export function formatSettings(): string {
  const rows = Object.entries<Setting>(settings).map(
    ([name, { type, least, fallback, sentence }]) =>
      `| \`${optionName(name)}\` | \`${environmentName(name)}\` | ${typeof type === 'string' ? type : type.join(', ')}${least === undefined ? '' : `, at least ${least}`} | ${fallback ? `\`${fallback}\`` : ''} | ${sentence} |`,
  )
  return ['| Option | Environment | Type | Default | |', '|---|---|---|---|---|', ...rows].join('\n')
}
