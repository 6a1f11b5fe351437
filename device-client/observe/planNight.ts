/**
 * What a night has to say: whether anything changed since the acknowledged position and, if so, what the Delta starts
 * from: that position, or the last whole file (a differential). Rules DC-8, DC-130.
 */

import type { SqlDatabase } from '../ports.ts'
import { recallTable } from './compareRows.ts'
import { type Extraction, findChanges } from './extractDelta.ts'
import { type DeltaPlan, planDelta } from './planDelta.ts'
import type { RowPicture } from './rowPicture.ts'
import type { SchemaPicture } from './schemaPicture.ts'
import { isPictured, positionChain, sentSchemas } from './seal.ts'
import type { AcknowledgedPicture, TrackingState } from './trackingState.ts'

/** Nights that one whole file serves, far below the positions a Delta may name. */
const MAX_NIGHTS_OF_BASE = 500

export interface Night {
  readonly reader: SqlDatabase
  readonly picture: RowPicture
  readonly state: TrackingState
  readonly lineage: string
  readonly acknowledged: AcknowledgedPicture
  readonly current: SchemaPicture
  /** Undefined for a Delta; `renew`: it is time for a whole file. */
  readonly differential: { readonly renew: boolean } | undefined
}

/** `full`: a differential has no whole file to start from, or needs a new one. Call it inside a comparison of `picture`. */
export function planNight(night: Night): Extraction | 'none' | 'full' {
  const { reader, picture, state, lineage, acknowledged, current, differential } = night
  const common = { reader, picture, properties: current.properties }
  const pictured = isPictured(state, picture.token())
  const since = {
    ...common,
    chain: { lineage, positions: positionChain(state) },
    // Notes that a differential keeps are no news.
    after: differential ? (state.acknowledged?.number ?? 0) : 0,
    plan: planDelta(acknowledged, current, state.tables, sentSchemas(state), pictured),
  }
  const changed = findChanges(since) || state.unconfirmed || state.sealed.some((position) => position.sent)
  if (!changed) return 'none'
  if (!differential) return since
  const { base } = state
  if (base === undefined || differential.renew || base.since.length > MAX_NIGHTS_OF_BASE) return 'full'
  const told = [...base.since.flatMap(({ tables }) => (tables ? [tables] : [])), ...sentSchemas(state)]
  const plan = planDelta(base.picture, current, state.tables, told, pictured)
  for (const planned of plan.tables)
    if (planned.rows === 'keep' && planned.registered.mode !== 'triggers') recallTable(common, planned)
  const positions = [base.position, ...base.since, ...state.sealed].map(({ number, token }) => ({ number, token }))
  return { ...common, chain: { lineage, positions }, after: 0, plan }
}

/**
 * True if the next differential can go on from the same whole file. A compared table that went whole leaves no keys to
 * say again, unless it goes whole each night, being newer than that file.
 */
export function keepsNotes({ base }: TrackingState, { tables }: DeltaPlan): boolean {
  const old = new Set(base?.picture.tables.map(({ id }) => id))
  return tables.every(
    ({ registered, rows }) => registered.mode === 'triggers' || rows === 'keep' || !old.has(registered.id),
  )
}
