/**
 * Builds quotas, slots and the gate of sessions from the configuration. Part of `assemble.ts`.
 */

import { type Advice, formatAdvice, parseWindow } from '../schemas/http/advice.ts'
import { databaseOf } from '../schemas/syncml/databaseUri.ts'
import type { DatabaseKey } from './catalogue/catalogue.ts'
import type { CatalogueDb } from './catalogue/sqlite/openCatalogue.ts'
import { sqlQuotas } from './catalogue/sqlite/quotas.ts'
import type { Config } from './config/config.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import type { SessionGate } from './omads/sessionGate.ts'
import { createOverload, type WorkWaits } from './quota/overload.ts'
import { createQuotaService, type QuotaEvent, type QuotaOwner, type QuotaService } from './quota/quotaService.ts'
import { createSlots } from './quota/slots.ts'
import { createUsageMeter, type UsageMeter } from './quota/usageMeter.ts'

/** What devices are told that others know. */
export interface AdvisedFacts {
  /** When another installation of the device was refused last. */
  clonedAt(device: QuotaOwner): Promise<number | undefined>
  /** Since when the copy of a database cannot be restored. */
  unprovenSince(key: DatabaseKey): number | undefined
}

export interface QuotaAssembly {
  readonly service: QuotaService
  readonly meter: UsageMeter
  /** Who may begin a session, as long as work waits as `waits` says. */
  createGate(waits: () => WorkWaits, facts: AdvisedFacts): SessionGate
}

export interface QuotaAssemblyParts {
  readonly config: Config
  readonly catalogue: CatalogueDb
  readonly metrics: Metrics
  readonly log: Logger
  clock(): number
  random(): number
  /** Something was refused for a quota: of an account, by an empty `deviceId`, or of a device. */
  onRefused(owner: { readonly accountId: string; readonly deviceId: string }, what: string): void
}

export function assembleQuota(parts: QuotaAssemblyParts): QuotaAssembly {
  const { config, catalogue, metrics, log, clock, random } = parts
  const quotas = sqlQuotas(catalogue)
  const meter = createUsageMeter(quotas, clock)
  const service = createQuotaService({
    ...{ quotas, meter, now: clock },
    account: {
      storedMb: config.quotaAccountMb,
      databases: config.quotaAccountDatabases,
      uploadMb: config.quotaAccountUploadMb,
      sessionsPerHour: config.quotaAccountSessions,
    },
    device: {
      storedMb: config.quotaDeviceMb,
      databases: config.quotaDeviceDatabases,
      uploadMb: config.quotaDeviceUploadMb,
      sessionsPerHour: config.quotaDeviceSessions,
    },
    onTold: (event) => {
      tell(log, event)
      const { accountId, deviceId, of, what, refused } = event
      if (refused) parts.onRefused({ accountId, deviceId: of === 'account' ? '' : deviceId }, what)
    },
    onRefused: metrics.quotaRefused,
  })
  const createGate: QuotaAssembly['createGate'] = (waits, facts) => {
    const overload = createOverload({ limitMs: config.overloadMs, waits, now: clock, random })
    const slots = config.slots === 'on' ? createSlots(clock) : undefined
    const later = (retryAfterS: number | undefined): number | undefined => {
      if (retryAfterS !== undefined) metrics.sessionDeferred()
      return retryAfterS
    }
    return {
      deferAll: () => later(overload.deferAll()),
      async begin(peer) {
        const laterS = later(overload.deferAccount(peer.accountId))
        if (laterS !== undefined) return { kind: 'later', retryAfterS: laterS }
        const refused = await service.beginSession(peer)
        if (refused === undefined) {
          slots?.began()
          return undefined
        }
        const { retryAfterS, use } = refused
        return { kind: 'quota', retryAfterS, advice: formatAdvice({ sessions: use }) }
      },
      async advise({ peer, window, ended, datastore }) {
        try {
          const advice = { ...(await service.advise(peer)), ...(await adviseOf(facts, peer, datastore)) }
          const span = ended && slots !== undefined ? parseWindow(window ?? '') : undefined
          const name = JSON.stringify([peer.accountId, peer.deviceId, datastore])
          return formatAdvice(span ? { ...advice, slotAt: slots?.plan(name, span) ?? span.from } : advice)
        } catch (error) {
          // The answer stands: advice is all that is missing.
          log.warn('a device could not be advised', { error })
          return ''
        }
      },
    }
  }
  return { service, meter, createGate }
}

async function adviseOf(facts: AdvisedFacts, peer: QuotaOwner, datastore: string | undefined): Promise<Advice> {
  const { accountId, deviceId } = peer
  const clonedAt = await facts.clonedAt(peer)
  const name = databaseOf(datastore ?? '')
  const unprovenSince = name === undefined ? undefined : facts.unprovenSince({ accountId, deviceId, name })
  return { ...(clonedAt !== undefined && { clonedAt }), ...(unprovenSince !== undefined && { unprovenSince }) }
}

function tell(log: Logger, { refused, ...fields }: QuotaEvent): void {
  if (refused) log.error('a quota is used up: something was refused', { ...fields })
  else log.warn('a quota is nearly used up', { ...fields })
}
