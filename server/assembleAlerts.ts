/**
 * Builds what tells the operator: looks at the fleet, takes up what others report, brings it by webhook and mail.
 * Part of `assemble.ts`.
 */

import { CodedError, type ErrorCode, errorEntry } from '../schemas/errors.ts'
import type { AccountService } from './account/accountService.ts'
import type { Alert, AlertPort } from './alerts/alert.ts'
import { createAlertDispatcher } from './alerts/dispatchAlerts.ts'
import { type HealthJudge, openHealthJudge } from './alerts/healthJudge.ts'
import { lookAtFleet } from './alerts/lookAtFleet.ts'
import { createMailAlerts } from './alerts/mailAlerts.ts'
import { raiseAlert } from './alerts/raiseAlerts.ts'
import { createWebhookAlerts } from './alerts/webhookAlerts.ts'
import type { DatabaseKey, Databases, Proofs } from './catalogue/catalogue.ts'
import { sqlAlerts } from './catalogue/sqlite/alerts.ts'
import type { CatalogueDb } from './catalogue/sqlite/openCatalogue.ts'
import type { Config } from './config/config.ts'
import type { Secrets } from './config/secrets.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'

/** How often the fleet is looked at, milliseconds. */
const LOOK_MS = 5 * 60_000

/** Alerts are forgotten after this. */
const KEEP_MS = 30 * 24 * 3_600_000

/** What became of a test alert at one port. */
export interface AlertTest {
  readonly port: AlertPort['name']
  /** Why it was not taken; absent if it was. */
  readonly failure?: string
}

export interface AlertAssembly {
  /** A backup was refused: noted unless it is to come again at once, or as a whole file. */
  backupRefused(key: DatabaseKey, code: ErrorCode): void
  /** A Delta took most rows of a table. */
  tableEmptied(key: DatabaseKey): void
  /** A fenced device tried to do something. */
  fencedTried(device: Pick<DatabaseKey, 'accountId' | 'deviceId'>): void
  /** Another installation of a device was refused. */
  deviceCloned(device: Pick<DatabaseKey, 'accountId' | 'deviceId'>, database: string | undefined): void
  /** Something was refused for a quota of an account, or of one device. */
  quotaRefused(owner: Pick<DatabaseKey, 'accountId' | 'deviceId'>, what: string): void
  /** A database of the server's own is damaged. */
  serverDamaged(what: string, found: string): void
  /** Judges the databases of one account. */
  healthOf(accountId: string): Promise<HealthJudge>
  /** Since when the copy of a database cannot be restored, as the last look found (AL-9). */
  unprovenSince(key: DatabaseKey): number | undefined
  /** Looks at the fleet if it is time, and brings what is due. Failures are logged. */
  work(): Promise<void>
  /** Brings one alert to each port now. */
  test(): Promise<readonly AlertTest[]>
  close(): Promise<void>
}

export interface AlertAssemblyParts {
  readonly config: Config
  readonly secrets: Secrets
  readonly catalogue: CatalogueDb
  readonly databases: Pick<Databases, 'list'>
  readonly proofs: Pick<Proofs, 'list'>
  readonly accounts: AccountService
  readonly metrics: Metrics
  readonly log: Logger
  readonly serverId: string
  readonly clock: () => number
}

/** @throws {CodedError} `config.invalid` if a port lacks what it needs. */
export function assembleAlerts(parts: AlertAssemblyParts): AlertAssembly {
  const { config, catalogue, databases, proofs, accounts, metrics, log, clock } = parts
  const stop = new AbortController()
  const ports = portsOf(parts, stop.signal)
  const alerts = sqlAlerts(catalogue)
  const raising = { alerts, ports, clock }
  const looking = { ...raising, accounts, databases, proofs, staleAfterMs: config.staleAfterHours * 3_600_000 }
  const dispatch = createAlertDispatcher({ alerts, ports, clock, log })
  const failed = (error: unknown): void => log.error('an alert could not be raised', { error })
  const about = async ({ accountId, deviceId }: Pick<DatabaseKey, 'accountId' | 'deviceId'>) => {
    const account = (await accounts.listAccounts()).find((one) => one.accountId === accountId)
    const device = (await accounts.listDevices(accountId)).find((one) => one.deviceId === deviceId)
    return { accountName: account?.name ?? '', deviceId, deviceName: device?.name ?? deviceId }
  }
  let lookedAt = 0
  let unproven: ReadonlyMap<string, number> = new Map()
  const look = async (): Promise<void> => {
    if (clock() - lookedAt < LOOK_MS) return
    lookedAt = clock()
    metrics.healthIs(await lookAtFleet(looking, () => stop.signal.aborted))
    unproven = new Map((await alerts.listState('unproven')).map((row) => [nameOf(row), row.since]))
    await alerts.forget(clock() - KEEP_MS)
  }
  let running = Promise.resolve()
  const pass = async (): Promise<void> => {
    await look().catch((error: unknown) => log.error('looking at the fleet failed', { error }))
    await dispatch().catch((error: unknown) => log.error('bringing alerts failed', { error }))
  }
  return {
    backupRefused(key, code) {
      const { retry } = errorEntry(code)
      if (retry === 'later' || retry === 'full-backup') return
      void alerts.noteFailure(key, clock(), code).catch(failed)
    },
    tableEmptied(key) {
      const text = 'a table lost most of its rows; see its restore points'
      void about(key)
        .then((who) => raiseAlert(raising, { kind: 'guard', severity: 'bad', ...who, database: key.name, text }))
        .catch(failed)
    },
    fencedTried(device) {
      const text = 'it is fenced, and tried to log in'
      void about(device)
        .then((who) => raiseAlert(raising, { kind: 'fenced-device', severity: 'bad', ...who, database: '', text }))
        .catch(failed)
    },
    deviceCloned(device, database) {
      if (database !== undefined)
        void alerts.noteFailure({ ...device, name: database }, clock(), 'device.cloned').catch(failed)
      const text = 'another installation presented its identity, and was refused'
      void about(device)
        .then((who) => raiseAlert(raising, { kind: 'cloned-device', severity: 'bad', ...who, database: '', text }))
        .catch(failed)
    },
    quotaRefused(owner, what) {
      const text = `a quota is used up (${what}): something was refused`
      void about(owner)
        .then((who) => raiseAlert(raising, { kind: 'quota', severity: 'bad', ...who, database: '', text }))
        .catch(failed)
    },
    serverDamaged(what, found) {
      const text = `the server's ${what} is damaged: ${found.slice(0, 200)}; restore it from a backup of the server`
      const nobody = { accountName: '', deviceId: '', deviceName: '', database: '' }
      void raiseAlert(raising, { kind: 'damage', severity: 'bad', ...nobody, text }).catch(failed)
    },
    healthOf: (accountId) => openHealthJudge(looking, accountId),
    unprovenSince: (key) => unproven.get(nameOf(key)),
    work: () => {
      running = running.then(pass)
      return running
    },
    test: () => Promise.all(ports.map((port) => testPort(port, clock()))),
    close: async () => {
      stop.abort()
      await running
    },
  }
}

function nameOf({ accountId, deviceId, name }: DatabaseKey): string {
  return JSON.stringify([accountId, deviceId, name])
}

async function testPort(port: AlertPort, at: number): Promise<AlertTest> {
  const who = { accountName: '', deviceId: '', deviceName: '', database: '' }
  const alert: Alert = { id: `test-${at}`, at, kind: 'test', severity: 'good', ...who, text: 'a test: alerts arrive' }
  try {
    await port.send([alert])
    return { port: port.name }
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    return { port: port.name, failure: error.message }
  }
}

function portsOf({ config, secrets, serverId, clock }: AlertAssemblyParts, stopped: AbortSignal): readonly AlertPort[] {
  const ports: AlertPort[] = []
  if (config.alertWebhook !== undefined) {
    if (secrets.alertSecret === undefined)
      throw lacking('alerts by webhook need a secret that signs them', 'Set NIGHTFERRY_ALERT_SECRET, or …_FILE.')
    ports.push(createWebhookAlerts({ url: config.alertWebhook, secret: secrets.alertSecret, serverId, clock, stopped }))
  }
  if (config.alertMailTo !== undefined) {
    const { alertMailTo: to, alertMailFrom: from, smtpUrl: url } = config
    if (from === undefined || url === undefined || !/^smtps?:\/\/[^/?#]+\/?$/.test(url) || !URL.canParse(url))
      throw lacking('alerts by mail need a sender and a mail server', 'Set --alert-mail-from and --smtp-url.')
    const password = secrets.smtpPassword
    ports.push(createMailAlerts({ url, from, to, serverId, ...(password !== undefined && { password }) }))
  }
  return ports
}

function lacking(message: string, next: string): CodedError {
  return new CodedError('config.invalid', message, { next })
}
