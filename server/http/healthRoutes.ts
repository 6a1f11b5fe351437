/**
 * `/livez`: the process answers. `/readyz`: what it needs answers too. `/metrics`: for a Prometheus server.
 */

import type { Express } from 'express'
import type { Logger } from '../logger.ts'
import type { Metrics } from '../metrics.ts'

/** Named checks; each throws if its part is not ready. */
export type ReadinessChecks = Readonly<Record<string, () => Promise<void>>>

const CHECK_TIMEOUT_MS = 5000

/** Routes the three paths. */
export function routeHealth(app: Express, checks: ReadinessChecks, metrics: Metrics, log: Logger): void {
  app.get('/livez', (_request, response) => void response.json({ status: 'live' }))
  app.get('/readyz', async (_request, response) => {
    const failed = await failedChecks(checks, log)
    if (failed.length === 0) response.json({ status: 'ready' })
    else response.status(503).json({ status: 'not ready', failed })
  })
  app.get('/metrics', async (_request, response) => {
    const { contentType, text } = await metrics.expose()
    response.setHeader('Content-Type', contentType)
    response.end(text)
  })
}

async function failedChecks(checks: ReadinessChecks, log: Logger): Promise<readonly string[]> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        await withinTime(check())
        return undefined
      } catch (error) {
        log.warn('a part is not ready', { part: name, error })
        return name
      }
    }),
  )
  return results.filter((name) => name !== undefined)
}

async function withinTime(work: Promise<void>): Promise<void> {
  const timeout = Promise.withResolvers<never>()
  const timer = setTimeout(() => timeout.reject(new Error('no answer in time')), CHECK_TIMEOUT_MS)
  try {
    await Promise.race([work, timeout.promise])
  } finally {
    clearTimeout(timer)
  }
}
