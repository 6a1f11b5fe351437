/**
 * One tracked database: install and remove observers, tell whether anything changed, prepare a Delta or the
 * bookkeeping of a full backup, and move the acknowledged position when the server has it. Rules DC-1 to DC-10.
 */

import { DeltaWriter } from '../../schemas/delta/deltaWriter.ts'
import { CodedError } from '../../schemas/errors.ts'
import type { Position } from '../../schemas/syncml/position.ts'
import type { SqlDatabase } from '../ports.ts'
import { step } from '../steps.ts'
import { notePicture } from './compareRows.ts'
import { reading } from './connection.ts'
import { type Extraction, findChanges, writeDelta } from './extractDelta.ts'
import { type ForeignWrites, watchForeignWrites } from './foreignWrites.ts'
import { installObservers, reconcileObservers, registerTables, removeObservers } from './install.ts'
import { planDelta } from './planDelta.ts'
import type {
  ImageDescription,
  PreparedBackup,
  PreparedDelta,
  TrackerPorts,
  TrackingSummary,
} from './preparedBackup.ts'
import { openRowPicture, type RowPicture } from './rowPicture.ts'
import { readSchemaPicture, type SchemaPicture } from './schemaPicture.ts'
import {
  acknowledge,
  beginLineage,
  forgetChanges,
  hasNotedChanges,
  isQuiet,
  markSent,
  newestSealed,
  newToken,
  positionChain,
  sealNumber,
  sentSchemas,
  writeOpenNumber,
} from './seal.ts'
import {
  type AcknowledgedPicture,
  createStateTable,
  initialState,
  type RegisteredTable,
  readState,
  type TrackingState,
  writeState,
} from './trackingState.ts'

/** Tries before we give up on an application that changes its schema all the time. */
const SNAPSHOT_TRIES = 5

export class Tracker {
  readonly #ports: TrackerPorts
  readonly #picture: RowPicture
  readonly #foreign: ForeignWrites

  constructor(ports: TrackerPorts) {
    this.#ports = ports
    this.#picture = openRowPicture(ports.picture)
    this.#foreign = watchForeignWrites(ports.picture, ports.footprint)
  }

  /** Puts observers in place (or the stored picture's state); does nothing if they are there. */
  install(): void {
    this.#write((database) => {
      const store = this.#store(database)
      if (readState(store)) return
      if (this.#ports.method === 'compare') {
        createStateTable(store)
        writeState(store, initialState())
        return
      }
      const state = installObservers(database)
      writeState(store, reconcileObservers(database, state))
    })
  }

  /** Takes every object of ours out of the database again. */
  remove(): void {
    if (this.#ports.method === 'triggers') this.#write(removeObservers)
    this.#ports.picture.exec(
      'DROP TABLE IF EXISTS _nightferry_state; DELETE FROM picture_row; DELETE FROM picture_pending; DELETE FROM picture_replaced; DELETE FROM picture_uncertain; DELETE FROM picture_footprint',
    )
  }

  /** Positions and whether changes are noted; reads only. */
  summary(): TrackingSummary {
    return this.#read((database) => {
      const state = readState(this.#store(database))
      if (!state) return { installed: false, lineage: null, acknowledged: 0, current: 0 }
      const acknowledged = state.acknowledged?.number ?? 0
      const noted = this.#ports.method === 'triggers' && hasNotedChanges(database, state, acknowledged)
      return { installed: true, lineage: state.lineage, acknowledged, current: noted ? state.openNumber : acknowledged }
    })
  }

  /**
   * Prepares what changed since the acknowledged position.
   *
   * @returns `none` if the server has everything, `full` if it has nothing of this life of the database.
   * @throws {CodedError} `database.locked` if the application holds the database, or changes its schema faster
   *   than it can be read.
   */
  prepareDelta(): PreparedDelta | 'none' | 'full' {
    for (let attempt = 0; attempt < SNAPSHOT_TRIES; attempt++) {
      const state = this.#seal()
      if (state === 'none') return 'none'
      if (state.lineage === null || !state.picture || !state.acknowledged) return 'full'
      const prepared = this.#snapshot(state, state.lineage, state.picture)
      if (prepared) return prepared
    }
    throw new CodedError('database.locked', 'the schema changes while it is read', { next: 'try again later' })
  }

  /**
   * Seals for a full backup. The caller then takes the image and hands it to `describeImage`.
   */
  prepareFull(): { readonly position: Position; readonly lineage: string } {
    const state = this.#write((database) => this.#sealed(database))
    return { position: newestSealed(state), lineage: newToken(this.#ports.random) }
  }

  /**
   * Notes what an image holds. The image must have been taken after `prepareFull`.
   * @returns undefined if the application changed its schema in between: prepare again.
   */
  describeImage(image: ImageDescription, lineage: string, position: Position): PreparedBackup | undefined {
    const state = this.#read((database) => this.#state(database))
    const seen = readSchemaPicture(image.database)
    const picture = { ...seen, properties: { ...seen.properties, journalMode: image.journalMode } }
    const names = JSON.stringify(picture.objects)
    if (names !== JSON.stringify(state.objects)) return undefined
    this.#notePictures(image.database, picture, state)
    const acknowledged = this.#pictureOf(state.tables, picture)
    const begin = (unconfirmed: boolean) => {
      if (this.#picture.isPending()) this.#picture.acknowledge()
      this.#update((now) => beginLineage(now, lineage, position, acknowledged, unconfirmed))
      this.#forget(position.number)
    }
    // A lost answer must not cost a second full backup: from now on the new life counts, until the server denies it.
    return { chain: { lineage, positions: [position] }, markSent: () => begin(true), acknowledge: () => begin(false) }
  }

  /** Takes over a database that was restored: the server has exactly this, under this lineage and position. */
  adopt(lineage: string, position: Position): void {
    this.#foreign.reset()
    this.#write((database) => {
      const store = this.#store(database)
      const triggers = this.#ports.method === 'triggers'
      if (!triggers) createStateTable(store)
      const fresh = triggers ? installObservers(database) : initialState()
      const state = triggers ? reconcileObservers(database, fresh) : registerTables(database, fresh)
      const picture = readSchemaPicture(database)
      this.#notePictures(database, picture, state)
      this.#picture.acknowledge()
      const opened = { ...state, openNumber: position.number + 1 }
      if (triggers) writeOpenNumber(database, opened)
      writeState(store, beginLineage(opened, lineage, position, this.#pictureOf(state.tables, picture), false))
    })
  }

  #seal(): TrackingState | 'none' {
    return this.#write((database) => {
      const state = this.#state(database)
      const quiet = this.#ports.method === 'triggers' && !this.#foreign.isDistrusted() && isQuiet(database, state)
      return quiet ? 'none' : this.#sealed(database)
    })
  }

  /** Brings observers up to date and closes the open number. */
  #sealed(database: SqlDatabase): TrackingState {
    const held = this.#state(database)
    // The cookie of no schema: every observer is looked at again.
    const found = this.#foreign.isDistrusted() && !held.bypassed
    const before = found ? { ...held, bypassed: true, cookie: -1 } : held
    const fitted =
      this.#ports.method === 'triggers' ? reconcileObservers(database, before) : registerTables(database, before)
    const newest = fitted.sealed[fitted.sealed.length - 1]?.number ?? 0
    const noted = this.#ports.method === 'triggers' && hasNotedChanges(database, fitted, newest)
    const state = sealNumber(fitted, noted, this.#ports.random)
    if (this.#ports.method === 'triggers') writeOpenNumber(database, state)
    writeState(this.#store(database), state)
    return state
  }

  #snapshot(
    state: TrackingState,
    lineage: string,
    acknowledged: AcknowledgedPicture,
  ): PreparedDelta | 'none' | undefined {
    const reader = this.#ports.open()
    const end = () => {
      reader.exec('COMMIT')
      reader.close()
    }
    reader.exec('BEGIN')
    let noting = false
    try {
      const current = readSchemaPicture(reader)
      if (JSON.stringify(current.objects) !== JSON.stringify(state.objects)) {
        end()
        return undefined
      }
      const plan = planDelta(acknowledged, current, state.tables, sentSchemas(state))
      const chain = { lineage, positions: positionChain(state) }
      const extraction: Extraction = { reader, picture: this.#picture, chain, properties: current.properties, plan }
      this.#picture.begin()
      noting = true
      const changed = findChanges(extraction) || state.unconfirmed || state.sealed.some((position) => position.sent)
      if (!changed) {
        this.#picture.discard()
        end()
        return 'none'
      }
      return this.#prepared(extraction, state, current, end)
    } catch (cause) {
      if (noting) this.#picture.discard()
      end()
      throw cause
    }
  }

  #prepared(extraction: Extraction, state: TrackingState, current: SchemaPicture, end: () => void): PreparedDelta {
    const writer = new DeltaWriter()
    const position = newestSealed(state)
    const acknowledged = this.#pictureOf(state.tables, current)
    return {
      chain: extraction.chain,
      pieces: () => writeDelta(extraction, writer),
      finish: () => {
        this.#picture.save()
        end()
        return {
          chain: extraction.chain,
          counts: writer.counts(),
          markSent: () => this.#update((now) => markSent(now, extraction.plan.schema ? state.tables : undefined)),
          acknowledge: () => {
            this.#picture.acknowledge()
            step('picture-acknowledged')
            this.#update((now) => acknowledge(now, position, acknowledged))
            step('state-acknowledged')
            this.#forget(position.number)
          },
        }
      },
      discard: () => {
        this.#picture.discard()
        end()
      },
    }
  }

  /** Notes the digests of all tables that triggers do not serve, as pending. */
  #notePictures(reader: SqlDatabase, picture: SchemaPicture, state: TrackingState): void {
    const comparison = { reader, picture: this.#picture, properties: picture.properties }
    this.#picture.begin()
    for (const shape of picture.tables) {
      const mode = state.tables.find((table) => table.name === shape.name)?.mode
      if (mode !== undefined && mode !== 'triggers') notePicture(comparison, shape, mode)
    }
    this.#picture.save()
  }

  #pictureOf(tables: readonly RegisteredTable[], current: SchemaPicture): AcknowledgedPicture {
    return { objects: current.objects, tables, properties: current.properties }
  }

  #forget(number: number): void {
    if (this.#ports.method !== 'triggers') return
    this.#foreign.writeFreely(this.#ports.open, (database) => forgetChanges(database, this.#state(database), number))
  }

  #update(change: (state: TrackingState) => TrackingState): void {
    this.#write((database) => writeState(this.#store(database), change(this.#state(database))))
  }

  #state(database: SqlDatabase): TrackingState {
    const state = readState(this.#store(database))
    if (!state) {
      throw new CodedError('database.untrackable', 'the database is not tracked', {
        next: 'its observers are gone, perhaps because the file was replaced: add it again',
      })
    }
    return state
  }

  #store(database: SqlDatabase): SqlDatabase {
    return this.#ports.method === 'triggers' ? database : this.#ports.picture
  }

  #read<T>(work: (database: SqlDatabase) => T): T {
    return reading(this.#ports.open, work)
  }

  #write<T>(work: (database: SqlDatabase) => T): T {
    return this.#foreign.write(this.#ports.open, this.#ports.method === 'triggers', work)
  }
}
