/**
 * Builds what wakes devices: the notifications that are kept, the ways they take, and who issues them.
 * Part of `assemble.ts`.
 */

import { randomBytes } from 'node:crypto'
import { CodedError } from '../schemas/errors.ts'
import type { WakeRequest } from '../schemas/http/operator.ts'
import { type AlertedSync, alertedSyncType, contentTypeNumber } from '../schemas/syncml/notification.ts'
import type { AccountService } from './account/accountService.ts'
import type { KnownLogins } from './catalogue/catalogue.ts'
import { sqlNotifications } from './catalogue/sqlite/notifications.ts'
import type { CatalogueDb } from './catalogue/sqlite/openCatalogue.ts'
import type { Config } from './config/config.ts'
import type { Secrets } from './config/secrets.ts'
import { findStoreView } from './items/stores.ts'
import type { createLoggers } from './logger.ts'
import { answerPoll, type IssuedOctets, type Poll } from './push/answerPoll.ts'
import { createDispatcher } from './push/dispatch.ts'
import { createLongPoll } from './push/longPoll.ts'
import type { DeviceKey, IssuedNotification } from './push/notifications.ts'
import { createWaker } from './push/wakeDevices.ts'
import { createWebhook } from './push/webhook.ts'

/** How often other processes' notifications and the gateway's due ones are looked for, milliseconds. */
const DISPATCH_MS = 1000

export interface PushAssembly {
  /** @throws {CodedError} `device.unknown`, `auth.forbidden`. */
  wake(device: DeviceKey, request: WakeRequest): Promise<IssuedNotification>
  answerPoll(poll: Poll): Promise<IssuedOctets | undefined>
  /** Wakes devices whose backup is overdue; nothing if that is switched off. */
  wakeOverdue(): Promise<void>
  /** Brings notifications on their way from now on. */
  start(): void
  /** Sends requests that wait home, so that the server can stop. */
  release(): void
  close(): Promise<void>
}

export interface PushAssemblyParts {
  readonly config: Config
  readonly secrets: Secrets
  readonly catalogue: CatalogueDb
  readonly knownLogins: KnownLogins
  readonly accountService: AccountService
  readonly loggers: ReturnType<typeof createLoggers>
  readonly serverId: string
  readonly clock: () => number
}

/** @throws {CodedError} `config.invalid` if there is a webhook without a secret. */
export function assemblePush(parts: PushAssemblyParts): PushAssembly {
  const { config, knownLogins, clock, serverId, accountService } = parts
  const log = parts.loggers.push
  const notifications = sqlNotifications(parts.catalogue)
  const longPoll = createLongPoll(notifications)
  const stop = new AbortController()
  const webhook = webhookOf(parts, stop.signal)
  const dispatch = createDispatcher({ notifications, longPoll, clock, log, ...(webhook && { webhook }) })
  let timer: NodeJS.Timeout | undefined
  let pass: Promise<void> = Promise.resolve()
  const bring = async (): Promise<void> => {
    // A process that only issues leaves the rest to the one that serves.
    if (timer !== undefined) pass = dispatch()
    await pass
  }
  const waker = createWaker({
    ...{ notifications, knownLogins, accountService, clock, log },
    random: (length) => new Uint8Array(randomBytes(length)),
    dispatch: bring,
  })
  return {
    wake: (device, { syncs }) => waker.wake(device, syncs.map(toSync)),
    answerPoll: (poll) => answerPoll({ notifications, longPoll, knownLogins, clock, serverId }, poll),
    wakeOverdue: async () => {
      if (config.wakeAfterHours > 0) await waker.wakeOverdue(clock() - config.wakeAfterHours * 3_600_000)
    },
    start: () => {
      timer = setInterval(() => void bring(), DISPATCH_MS)
    },
    release: () => longPoll.close(),
    close: async () => {
      clearInterval(timer)
      timer = undefined
      stop.abort()
      await pass
    },
  }
}

function webhookOf({ config, secrets, knownLogins, clock, serverId }: PushAssemblyParts, stopped: AbortSignal) {
  if (config.pushWebhook === undefined) return undefined
  if (secrets.pushSecret === undefined) {
    throw new CodedError('config.invalid', 'a webhook needs a secret that signs what it is given', {
      next: 'Set NIGHTFERRY_PUSH_SECRET or NIGHTFERRY_PUSH_SECRET_FILE.',
    })
  }
  return createWebhook({
    ...{ url: config.pushWebhook, secret: secrets.pushSecret, serverId, knownLogins, clock, stopped },
    pushServerId: config.pushServerId ?? serverId,
  })
}

/** The content type is that of the datastore, in the oldest form: those who look at it are old. */
function toSync({ serverUri, type }: WakeRequest['syncs'][number]): AlertedSync {
  const types = (findStoreView(serverUri)?.contentTypes ?? []).map(([contentType]) => contentTypeNumber(contentType))
  return { type: alertedSyncType(type), serverUri, contentType: types.findLast((number) => number > 0) ?? 0 }
}
