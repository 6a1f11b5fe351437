/** Account services for tests: a fresh data directory, a clock moved by hand, and a server of its own for HTTP. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CodedError } from '../../../schemas/errors.ts'
import { createFailureLimits } from '../../../server/account/failureLimits.ts'
import { createHttpAccountService } from '../../../server/account/httpAccountService.ts'
import { createLocalAccountService, type LocalAccountService } from '../../../server/account/localAccountService.ts'
import { openSigningKeys } from '../../../server/account/signingKeys.ts'
import { openAccountStore } from '../../../server/account/sqlite/openAccountStore.ts'
import { accountHandlers } from '../../../server/http/accountHandlers.ts'
import { accountInternalHandlers } from '../../../server/http/accountInternalHandlers.ts'
import { createApp } from '../../../server/http/app.ts'
import { type Listening, listen } from '../../../server/http/listen.ts'
import { openKeyRing } from '../../../server/keys/openKeyRing.ts'
import { createLoggers } from '../../../server/logger.ts'
import { createMetrics } from '../../../server/metrics.ts'
import type { AccountServiceUnderTest } from '../../contract/accountService.ts'

export const SERVICE_SECRET = 'a shared secret of two services'.replaceAll(' ', '-').padEnd(40, '0')

export interface ManualTime {
  now(): number
  advance(ms: number): void
}

export function manualTime(start = Date.UTC(2026, 0, 1)): ManualTime {
  let now = start
  return {
    now: () => now,
    advance: (ms) => {
      now += ms
    },
  }
}

export interface LocalUnderTest extends AccountServiceUnderTest {
  readonly service: LocalAccountService
  readonly dataDir: string
}

/** An account service in this process. */
export async function openLocal(): Promise<LocalUnderTest> {
  const dataDir = mkdtempSync(join(tmpdir(), 'nightferry-account-'))
  const { keyRing } = openKeyRing({ dataDir })
  const store = await openAccountStore(dataDir, keyRing)
  const time = manualTime()
  const signingKeys = openSigningKeys(store.signingKeys, keyRing)
  return {
    service: createLocalAccountService({ store, signingKeys, clock: time.now }),
    time,
    dataDir,
    async close() {
      await store.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** Serves the account service of `local` as a process of its own would. */
export async function serveAccounts(local: LocalUnderTest): Promise<Listening> {
  const metrics = createMetrics({ withProcess: false })
  const app = createApp({
    handlers: {
      ...accountHandlers({
        accountService: local.service,
        limits: createFailureLimits(),
        registration: 'open',
        metrics,
      }),
      ...accountInternalHandlers(local.service),
    },
    verifyToken: local.service.verifyToken,
    isEnabled: async () => true,
    refusalFor: async () => new CodedError('auth.forbidden', 'disabled'),
    serviceSecret: SERVICE_SECRET,
    readiness: {},
    metrics,
    log: createLoggers('silent').http,
    corsOrigins: [],
    trustProxy: 0,
  })
  return listen(app, { host: '127.0.0.1', port: 0, requestTimeoutMs: 10_000 })
}

/** The same over HTTP. */
export async function openOverHttp(): Promise<AccountServiceUnderTest> {
  const local = await openLocal()
  const server = await serveAccounts(local)
  const { time } = local
  return {
    service: createHttpAccountService({ baseUrl: server.url, serviceSecret: SERVICE_SECRET, clock: time.now }),
    time,
    async close() {
      await server.close(0)
      await local.close()
    },
  }
}
