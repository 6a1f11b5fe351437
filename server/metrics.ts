/**
 * What the server counts, one function per event. Labels have few values and never an id: who did something is in the
 * log, how often is here.
 */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export interface Metrics {
  /** The text a Prometheus server reads, and its media type. */
  expose(): Promise<{ readonly contentType: string; readonly text: string }>
  httpAnswered(call: string, status: number, durationMs: number): void
  loginRefused(way: 'syncml' | 'account' | 'device'): void
  backupApplied(mode: 'full' | 'delta' | 'duplicate', receivedBytes: number, durationMs: number): void
  backupRefused(code: string): void
  /** Octets of the plain file an image was made of. */
  restoreCreated(sizeBytes: number): void
  restoreCompleted(): void
  segmentSent(bytes: number): void
  /** Age of the oldest newest backup of all databases: what a fleet's operator watches. */
  stalestBackupIs(ageS: number): void
  /** Databases and devices by the words of AL-1; those that are well are not counted. */
  healthIs(counts: ReadonlyMap<string, number>): void
  /** Databases that could not be restored when they were last tried (RS-19). */
  unprovenAre(count: number): void
  /** Copies whose own key is older than the master key (KY-15). */
  waitForReencryptionAre(count: number): void
  /** A Delta took most rows of a table, and the point before it was pinned, or not (TM-18). */
  guardTripped(outcome: 'pinned' | 'full'): void
  /** Something beyond a quota was refused (QT-6). */
  quotaRefused(what: 'stored' | 'databases' | 'sessions'): void
  /** A session was told to come later, because there is too much to do (QT-13). */
  sessionDeferred(): void
}

const SECONDS = [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300]

/** Metrics of one server, in a registry of their own; `withProcess` adds those of the process. */
export function createMetrics(options: { readonly withProcess: boolean } = { withProcess: true }): Metrics {
  const registry = new Registry()
  if (options.withProcess) collectDefaultMetrics({ register: registry })
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> =>
    new Counter({ name: `nightferry_${name}`, help, labelNames: [...labelNames], registers: [registry] })
  const histogram = <Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
  ): Histogram<Label> =>
    new Histogram({
      name: `nightferry_${name}`,
      help,
      labelNames: [...labelNames],
      buckets: SECONDS,
      registers: [registry],
    })
  const requests = histogram('http_seconds', 'HTTP calls by name and class of status', ['call', 'status'])
  const logins = counter('logins_refused_total', 'Refused logins', ['way'])
  const backups = histogram('backup_seconds', 'Backups applied, by mode', ['mode'])
  const received = counter('backup_received_bytes_total', 'Octets of applied backups', ['mode'])
  const refused = counter('backups_refused_total', 'Backups refused, by code', ['code'])
  const guards = counter(
    'tables_emptied_total',
    'Backups that took most rows of a table, by what became of the point before',
    ['point'],
  )
  const restores = counter('restores_total', 'Restores by step', ['step'])
  const sent = counter('restore_bytes_total', 'Octets of restore images', ['what'])
  const stalest = new Gauge({
    name: 'nightferry_stalest_backup_seconds',
    help: 'Age of the newest backup of the database that waits longest',
    registers: [registry],
  })
  const unwell = new Gauge({
    name: 'nightferry_databases_unwell',
    help: 'Databases, and devices without one, that are late, failing, never backed up or unproven',
    labelNames: ['state'],
    registers: [registry],
  })
  const unproven = new Gauge({
    name: 'nightferry_databases_not_restorable',
    help: 'Databases whose copy could not be restored when that was last tried',
    registers: [registry],
  })
  const toReencrypt = new Gauge({
    name: 'nightferry_copies_to_reencrypt',
    help: 'Copies whose own key is older than the master key',
    registers: [registry],
  })
  const quotas = counter('quota_refused_total', 'Refusals beyond a quota', ['what'])
  const deferred = counter('sessions_deferred_total', 'Sessions told to come later', [])
  return {
    expose: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
    httpAnswered: (call, status, durationMs) =>
      requests.observe({ call, status: `${Math.floor(status / 100)}xx` }, durationMs / 1000),
    loginRefused: (way) => logins.inc({ way }),
    backupApplied(mode, receivedBytes, durationMs) {
      backups.observe({ mode }, durationMs / 1000)
      received.inc({ mode }, receivedBytes)
    },
    backupRefused: (code) => refused.inc({ code }),
    restoreCreated(sizeBytes) {
      restores.inc({ step: 'created' })
      sent.inc({ what: 'built' }, sizeBytes)
    },
    restoreCompleted: () => restores.inc({ step: 'completed' }),
    segmentSent: (bytes) => sent.inc({ what: 'sent' }, bytes),
    stalestBackupIs: (ageS) => stalest.set(ageS),
    healthIs(counts) {
      for (const state of ['late', 'failing', 'never', 'unproven']) unwell.set({ state }, counts.get(state) ?? 0)
    },
    unprovenAre: (count) => unproven.set(count),
    waitForReencryptionAre: (count) => toReencrypt.set(count),
    guardTripped: (outcome) => guards.inc({ point: outcome === 'pinned' ? 'pinned' : 'not-pinned' }),
    quotaRefused: (what) => quotas.inc({ what }),
    sessionDeferred: () => deferred.inc(),
  }
}
