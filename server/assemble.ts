/**
 * Builds a whole server from its configuration: with the files named `assemble…` the only place that names adapters.
 * Nothing listens before `listen`, and a data folder with a wrong key is left as it is.
 */

import { randomBytes } from 'node:crypto'
import { createDatastorePasswords } from './account/datastorePasswords.ts'
import { createFailureLimits } from './account/failureLimits.ts'
import { createServerPasswords } from './account/serverPasswords.ts'
import { createLoginVerifier } from './account/verifyLogin.ts'
import { openAccounts, operatorToken } from './assembleAccounts.ts'
import { assembleAlerts } from './assembleAlerts.ts'
import { assembleBackups } from './assembleBackups.ts'
import { assembleCare } from './assembleCare.ts'
import { assembleEdge } from './assembleEdge.ts'
import { assembleInstallations } from './assembleInstallations.ts'
import { describeKeys, joinKeys } from './assembleKeys.ts'
import { assemblePush } from './assemblePush.ts'
import { assembleQuota } from './assembleQuota.ts'
import { assembleTrace } from './assembleTrace.ts'
import { assembleVerify } from './assembleVerify.ts'
import { sqlClientDescriptions } from './catalogue/sqlite/clientDescriptions.ts'
import { sqlDatabaseStores } from './catalogue/sqlite/databaseStores.ts'
import { sqlDatastorePasswords } from './catalogue/sqlite/datastorePasswords.ts'
import { sqlHeldObjects } from './catalogue/sqlite/heldObjects.ts'
import { sqlKnownLogins } from './catalogue/sqlite/knownLogins.ts'
import { sqlNonceStore } from './catalogue/sqlite/nonceStore.ts'
import { checkCatalogue, openCatalogue } from './catalogue/sqlite/openCatalogue.ts'
import { sqlOwnLogins } from './catalogue/sqlite/ownLogins.ts'
import { sqlSessionStore } from './catalogue/sqlite/sessionStore.ts'
import type { OpenedServer } from './cli/openedServer.ts'
import type { Config } from './config/config.ts'
import type { Secrets } from './config/secrets.ts'
import { accountInternalHandlers } from './http/accountInternalHandlers.ts'
import { createApp } from './http/app.ts'
import { backupHandlers } from './http/backupHandlers.ts'
import { datastoreHandlers } from './http/datastoreHandlers.ts'
import { diffHandlers } from './http/diffHandlers.ts'
import { fenceHandlers } from './http/fenceHandlers.ts'
import { type Listening, listen } from './http/listen.ts'
import { notificationHandlers } from './http/notificationHandlers.ts'
import { operatorHandlers } from './http/operatorHandlers.ts'
import { pinHandlers } from './http/pinHandlers.ts'
import { quotaHandlers } from './http/quotaHandlers.ts'
import { serverPasswordHandlers } from './http/serverPasswordHandlers.ts'
import { createLoggers } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { createOmads, type OmadsDeps } from './omads/handleMessage.ts'
import { rehearseSessions } from './omads/rehearsal.ts'
import { timerDelay } from './omads/timerDelay.ts'
import { checkWritable } from './storage/checkWritable.ts'
import { createMessageDecoder } from './worker/decodeMessages.ts'

/** How often silent sessions and expired restores are looked for, milliseconds. */
const SWEEP_MS = 60_000

const clock = (): number => Date.now()

/**
 * Opens a whole server; its log goes to stderr unless `logTo` says where.
 * @throws {CodedError} `key.wrong`, `config.invalid`, `storage.*`; nothing was changed then.
 */
export async function assembleServer(
  config: Config,
  secrets: Secrets,
  logTo?: Parameters<typeof createLoggers>[1],
): Promise<OpenedServer> {
  const keys = await joinKeys(config, secrets)
  const { keyRing } = keys
  const loggers = createLoggers(config.logLevel, logTo)
  const metrics = createMetrics()
  const limits = createFailureLimits()
  const accounts = await openAccounts(config, secrets, keys, clock)
  const catalogue = await openCatalogue(config.data, keyRing)
  const quota = assembleQuota({
    ...{ config, catalogue, metrics, log: loggers.backup, clock, random: Math.random },
    onRefused: (owner, what) => alerts.quotaRefused(owner, what),
  })
  const held = sqlDatabaseStores(catalogue)
  const stores = { ...held, databases: quota.meter.meterDatabases(held.databases) }
  const { databases, proofs } = stores
  const { serverId } = keyRing
  const alerts = assembleAlerts({
    ...{ config, secrets, catalogue, databases, proofs, metrics, serverId, clock },
    ...{ accounts: accounts.service, log: loggers.server },
  })
  const backups = await assembleBackups({
    ...{ config, catalogue, ...stores, quota, keyRing, loggers, metrics, clock, alerts },
    accounts: accounts.service,
  })
  const care = await assembleCare({
    ...{ config, secrets, keys, catalogue, accounts, limits, clock },
    ...{ spool: backups.spool, reencryption: backups.reencryption, log: loggers.keys },
  })
  const sessions = sqlSessionStore(catalogue)
  const knownLogins = sqlKnownLogins(catalogue)
  const datastorePasswords = createDatastorePasswords({
    ...{ store: sqlDatastorePasswords(catalogue), limits, lockOf: backups.lockOf },
  })
  const serverPasswords = createServerPasswords({
    ...{ store: sqlOwnLogins(catalogue), keyRing, accountService: accounts.service },
  })
  const push = assemblePush({
    ...{ config, secrets, catalogue, knownLogins, loggers, serverId, clock },
    accountService: accounts.service,
  })
  const decoder = createMessageDecoder()
  const tracer = assembleTrace({
    ...{ data: config.data, catalogue, keyRing, clock, log: loggers.omads },
    // Turns of their own: what is only looked at keeps no message of the same sender waiting.
    show: (bytes, from) => decoder.show(bytes, `trace ${from}`),
  })
  const isLocal = accounts.local !== undefined
  const edge = assembleEdge({
    ...{ config, secrets, service: accounts.service, isLocal, limits, metrics, clock },
    onFenced: alerts.fencedTried,
  })
  const installations = assembleInstallations({
    ...{ catalogue, accounts: accounts.service, alerts, log: loggers.omads, clock },
  })
  const omadsDeps: OmadsDeps = {
    sessions,
    decode: (bytes, encoding, from) => decoder.decode(bytes, encoding, from),
    trace: tracer.note,
    nonces: sqlNonceStore(catalogue),
    descriptions: sqlClientDescriptions(catalogue),
    heldObjects: sqlHeldObjects(catalogue),
    verifier: createLoginVerifier({
      ...{ knownLogins, accountService: accounts.service, limits, clock, onFenced: alerts.fencedTried },
      ...(isLocal && { maxAgeMs: 0 }),
    }),
    stopped: edge.stopped,
    datastoreLogins: datastorePasswords,
    ownLogins: serverPasswords,
    registry: backups.registry,
    spool: backups.spool,
    serverId,
    ...{ installations, gate: quota.createGate(backups.waits, { ...installations, ...alerts }) },
    log: loggers.omads,
    challengeKey: keyRing.derive('syncml-challenge'),
    random: (length) => new Uint8Array(randomBytes(length)),
    clock,
    idleTimeoutMs: config.sessionIdleMs,
    ...(config.busyAfterMs > 0 && { busy: { afterMs: config.busyAfterMs, delay: timerDelay } }),
    ...(config.publicUrl === undefined ? {} : { publicUrl: config.publicUrl }),
  }
  const omads = createOmads(omadsDeps)
  const datastoreParts = { accountService: accounts.service, passwords: datastorePasswords }
  const [{ healthOf }, { deliveries }] = [alerts, backups]
  const backupParts = { accountService: accounts.service, ...stores, restores: backups.restores, healthOf }
  const verify = assembleVerify({ data: config.data, ...backupParts, backups, log: loggers.server })
  const app = createApp({
    ...edge.app,
    epoch: verify.epoch,
    handlers: {
      ...verify.handlers,
      ...edge.handlers,
      ...(accounts.local ? accountInternalHandlers(accounts.local) : {}),
      ...backupHandlers(backupParts),
      ...datastoreHandlers(datastoreParts),
      ...deliveries.handlers(accounts.service, edge.unlessStopped),
      ...diffHandlers({ accountService: accounts.service, diff: backups.timeMachine.diff }),
      ...pinHandlers({ accountService: accounts.service, pinning: backups.timeMachine.pinning }),
      ...serverPasswordHandlers({ accountService: accounts.service, passwords: serverPasswords, serverId }),
      ...{ ...fenceHandlers(accounts.service, deliveries.dismiss), ...installations.handlers },
      ...notificationHandlers(async (poll) => edge.unlessStopped(poll, await push.answerPoll(poll))),
      ...quotaHandlers({ accountService: accounts.service, quotas: quota.service }),
      ...care.handlers,
      ...operatorHandlers({
        ...backupParts,
        allowEmpty: backups.allowEmpty,
        wake: push.wake,
        tracer,
        prune: backups.timeMachine.prune,
      }),
      testAlerts: async () => ({ ports: await alerts.test() }),
    },
    handleOmads: omads,
    readiness: { storage: () => checkWritable(config.data), catalogue: () => checkCatalogue(catalogue) },
    metrics,
    log: loggers.http,
  })
  const sweep = async (): Promise<void> => {
    try {
      await omads.expireIdle()
      await backups.restores.sweep()
      await push.wakeOverdue()
      await tracer.sweep()
      await care.tend(false)
      void backups.night.doIfDue()
      void alerts.work()
      metrics.unprovenAre(await proofs.countFailed())
      const oldest = await databases.oldestBackupAt()
      if (oldest !== undefined) metrics.stalestBackupIs((clock() - oldest) / 1000)
    } catch (error) {
      loggers.server.error('the sweep failed', { error })
    }
  }
  const rehearse = async (): Promise<void> => {
    try {
      loggers.server.debug('rehearsed', { sessions: await rehearseSessions(omadsDeps) })
    } catch (error) {
      loggers.server.warn('the rehearsal failed', { error })
    }
  }
  let listening: Listening | undefined
  let timer: NodeJS.Timeout | undefined
  return {
    ...{ accounts: accounts.service, deliveries },
    ...{ ...stores, pinning: backups.timeMachine.pinning, diff: backups.timeMachine.diff, verify: verify.verifyNow },
    quotas: quota.service,
    listPoints: (accountId, deviceId, database) => backups.restores.listPoints(accountId, deviceId, database),
    ...{ prune: backups.timeMachine.prune, allowEmpty: backups.allowEmpty },
    ...{ datastorePasswords, serverPasswords, serverId },
    wake: push.wake,
    testAlerts: alerts.test,
    healthOf: alerts.healthOf,
    tracer,
    keys: describeKeys(keys),
    ...{ keyCare: care.keyCare, erasure: care.erasure },
    createOperatorToken: (lifeS) => operatorToken(accounts, lifeS),
    listen: async () => {
      await backups.removeStrays(sessions)
      await tracer.removeStrays()
      await care.tend(true)
      await sweep()
      await deliveries.start()
      listening = await listen(app, config)
      backups.keepWarm()
      if (config.rehearse === 'on') void rehearse()
      push.start()
      timer = setInterval(() => void sweep(), SWEEP_MS)
      return { url: listening.url }
    },
    close: async () => {
      clearInterval(timer)
      deliveries.stop()
      push.release()
      await listening?.close()
      await omads.settled()
      await tracer.idle()
      await decoder.close()
      await push.close()
      await alerts.close()
      await backups.close()
      await accounts.close()
      await knownLogins.flush()
      await catalogue.destroy()
      keys.lock.close()
    },
  }
}
