/** What the bench and the process of its devices tell each other. */

export interface FleetPlan {
  readonly server: string
  readonly devices: number
  /** Devices of one company are one account; jobs of one account run one after the other (BK-19). */
  readonly accounts: number
  readonly folder: string
}

export type FleetRequest =
  | { readonly kind: 'prepare'; readonly plan: FleetPlan }
  | { readonly kind: 'run'; readonly port: number; readonly width: number }
  /** The devices hear the answers to the night before, and make the messages of the next. */
  | { readonly kind: 'prepareNext'; readonly port: number }

export type FleetReply =
  | { readonly kind: 'prepared' }
  | { readonly kind: 'ran'; readonly latenciesMs: readonly number[]; readonly refused: number }
  | { readonly kind: 'failed'; readonly message: string }

/** The account of a device. */
export function fleetAccount(device: number, plan: Pick<FleetPlan, 'accounts'>): { user: string; password: string } {
  return { user: `company-${device % plan.accounts}`, password: 'a password of the bench' }
}
