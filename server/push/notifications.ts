/**
 * The port for notifications that were issued: one per device, kept until the device has it (PU-1, PU-2).
 */

import type { AlertedSync } from '../../schemas/syncml/notification.ts'

/** Names a device. */
export interface DeviceKey {
  readonly accountId: string
  readonly deviceId: string
}

/** What was issued for a device, and what became of it. Times in milliseconds since 1970. */
export interface IssuedNotification extends DeviceKey {
  /** 1 to 65535. */
  readonly sessionId: number
  readonly issuedAt: number
  /** Empty: everything the device keeps here. */
  readonly syncs: readonly AlertedSync[]
  /** When the device said that it has it. */
  readonly takenAt?: number
  /** When a gateway took it. */
  readonly pushedAt?: number
  /** How often a gateway was asked in vain. */
  readonly attempts: number
}

export interface Notifications {
  get(key: DeviceKey): Promise<IssuedNotification | undefined>
  /** Replaces the device's. Issued at `now`, or just after the one before. Durable when it returns. */
  issue(
    notification: DeviceKey & Pick<IssuedNotification, 'sessionId' | 'syncs'>,
    now: number,
  ): Promise<IssuedNotification>
  /** The device has everything that was issued up to `issuedAt`; later ones are issued after that, whatever the clock. */
  take(key: DeviceKey, issuedAt: number, now: number): Promise<void>
  /** Those issued since a moment that nobody took. */
  listSince(since: number): Promise<readonly IssuedNotification[]>
  /** Those a gateway shall be asked for now, of those issued since a moment. */
  listDue(now: number, since: number, limit: number): Promise<readonly IssuedNotification[]>
  /** A gateway took it; nothing happens if a newer one was issued. */
  markPushed(notification: IssuedNotification, now: number): Promise<void>
  /** A gateway did not take it: it is asked again at `nextAt`, or never. Nothing happens if a newer one was issued. */
  postpone(notification: IssuedNotification, nextAt: number | undefined): Promise<void>
  /**
   * Devices with a database whose newest backup is before `before`, longest first, without those that were woken for it:
   * since that backup, unless they took it before `before` (PU-9).
   */
  listOverdue(before: number, limit: number): Promise<readonly DeviceKey[]>
}
