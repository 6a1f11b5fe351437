/** Builds the account service as a process of its own from its configuration. Nothing listens before `listen`. */

import { CodedError } from '../schemas/errors.ts'
import { createFailureLimits } from './account/failureLimits.ts'
import { openLocalAccounts } from './assembleAccounts.ts'
import { assembleEdge } from './assembleEdge.ts'
import { describeKeys, joinKeys } from './assembleKeys.ts'
import type { OpenedServer } from './cli/openedServer.ts'
import type { Config } from './config/config.ts'
import type { Secrets } from './config/secrets.ts'
import { accountInternalHandlers } from './http/accountInternalHandlers.ts'
import { createApp } from './http/app.ts'
import { type Listening, listen } from './http/listen.ts'
import { createLoggers } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { checkWritable } from './storage/checkWritable.ts'

const clock = (): number => Date.now()

/** Opens the account service as a process of its own (`nightferry accounts serve`). @throws as `assembleServer`. */
export async function assembleAccountServer(
  config: Config,
  secrets: Secrets,
): Promise<Pick<OpenedServer, 'listen' | 'close' | 'keys'>> {
  if (secrets.serviceSecret === undefined) {
    throw new CodedError('config.invalid', 'an account service of its own needs a service secret', {
      next: 'Set NIGHTFERRY_SERVICE_SECRET or NIGHTFERRY_SERVICE_SECRET_FILE, the same for the backup server.',
    })
  }
  const keys = await joinKeys(config, secrets)
  const loggers = createLoggers(config.logLevel)
  const metrics = createMetrics()
  const { service, close } = await openLocalAccounts(config, keys, clock)
  const limits = createFailureLimits()
  // Alerts are the backup server's: devices log in there.
  const onFenced = () => undefined
  const edge = assembleEdge({ config, secrets, service, isLocal: true, limits, metrics, clock, onFenced })
  const app = createApp({
    ...edge.app,
    handlers: { ...edge.handlers, ...accountInternalHandlers(service) },
    readiness: { storage: () => checkWritable(config.data) },
    metrics,
    log: loggers.account,
  })
  let listening: Listening | undefined
  return {
    keys: describeKeys(keys),
    listen: async () => {
      listening = await listen(app, config)
      return { url: listening.url }
    },
    close: async () => {
      await listening?.close()
      await close()
      keys.lock.close()
    },
  }
}
