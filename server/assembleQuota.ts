/**
 * Builds quotas, slots and the gate of sessions from the configuration. Part of `assemble.ts`.
 */

import { type Advice, formatAdvice, parseWindow } from '../schemas/http/advice.ts'
import type { CatalogueDb } from './catalogue/sqlite/openCatalogue.ts'
import { sqlQuotas } from './catalogue/sqlite/quotas.ts'
import type { Config } from './config/config.ts'
import type { InstallationCare } from './identity/installationCare.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import type { SessionGate } from './omads/sessionGate.ts'
import { createOverload, type WorkWaits } from './quota/overload.ts'
import { createQuotaService, type QuotaEvent, type QuotaService } from './quota/quotaService.ts'
import { createSlots } from './quota/slots.ts'
import { createUsageMeter, type UsageMeter } from './quota/usageMeter.ts'

export interface QuotaAssembly {
  readonly service: QuotaService
  readonly meter: UsageMeter
  /** Who may begin a session, as long as work waits as `waits` says. */
  createGate(waits: () => WorkWaits, clonedAt: InstallationCare['clonedAt']): SessionGate
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
  const createGate: QuotaAssembly['createGate'] = (waits, clonedAt) => {
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
          const cloned = await clonedAt(peer)
          const advice: Advice = { ...(await service.advise(peer)), ...(cloned !== undefined && { clonedAt: cloned }) }
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

function tell(log: Logger, { refused, ...fields }: QuotaEvent): void {
  if (refused) log.error('a quota is used up: something was refused', { ...fields })
  else log.warn('a quota is nearly used up', { ...fields })
}
