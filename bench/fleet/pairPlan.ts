/** What the bench of two servers and the process of their devices tell each other. */

import type { MadeDevice } from './accounts.ts'

/** With time machine, quotas and slots, or without all of it. */
export type Side = 'on' | 'off'

export type PairRequest =
  /** Makes the devices and takes their first backups. */
  | {
      readonly kind: 'begin'
      readonly server: string
      readonly folder: string
      readonly devices: readonly MadeDevice[]
    }
  /** The devices hear the answers to the night before, and make the messages of this one. */
  | { readonly kind: 'night'; readonly night: number; readonly ports: Readonly<Record<Side, number>> }
  /** Devices `[from, to)` send theirs to one of the servers. */
  | {
      readonly kind: 'send'
      readonly side: Side
      readonly from: number
      readonly to: number
      readonly width: number
    }
  /** Some devices hear their last answer and restore what the server has. */
  | { readonly kind: 'restore'; readonly port: number; readonly devices: readonly number[] }

export type PairReply =
  | { readonly kind: 'done' }
  | {
      readonly kind: 'sent'
      readonly latenciesMs: readonly number[]
      readonly acknowledged: number
      /** Answers that named a slot. */
      readonly slots: number
    }
  /** How many restored files hold what their devices hold. */
  | { readonly kind: 'restored'; readonly equal: number }
  | { readonly kind: 'failed'; readonly message: string }
