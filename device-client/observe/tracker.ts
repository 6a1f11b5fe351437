/**
 * One tracked database: install and remove observers, tell whether anything changed, prepare a Delta or the
 * bookkeeping of a full backup, and move the acknowledged position when the server has it. Rules DC-1 to DC-10.
 */

import { DeltaWriter } from '../../schemas/delta/deltaWriter.ts'
import { CodedError } from '../../schemas/errors.ts'
import type { Position } from '../../schemas/syncml/position.ts'
import type { SqlDatabase } from '../ports.ts'
import { step } from '../steps.ts'
import { notePictures } from './compareRows.ts'
import { type KeptConnection, keptConnection, reading } from './connection.ts'
import { type Extraction, writeDelta } from './extractDelta.ts'
import { type ForeignWrites, watchForeignWrites } from './foreignWrites.ts'
import { installObservers, reconcileObservers, registerTables, removeObservers } from './install.ts'
import { keepsNotes, planNight } from './planNight.ts'
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
  compares,
  hasNotedChanges,
  isQuiet,
  markSent,
  newestSealed,
  newToken,
  settle,
  writeOpenNumber,
} from './seal.ts'
import { sealDatabase } from './sealDatabase.ts'
import { summarize } from './summarize.ts'
import {
  type AcknowledgedPicture,
  createStateTable,
  initialState,
  pictureOf,
  readState,
  type TrackingState,
  untracked,
  writeState,
} from './trackingState.ts'

/** Tries before we give up on an application that changes its schema all the time. */
const SNAPSHOT_TRIES = 5

export class Tracker {
  readonly #ports: TrackerPorts
  readonly #picture: RowPicture
  readonly #foreign: ForeignWrites
  /** One connection from the seal until a Delta is marked as sent; else one for each step. */
  readonly #connection: KeptConnection

  constructor(ports: TrackerPorts) {
    this.#ports = ports
    this.#picture = openRowPicture(ports.picture)
    this.#foreign = watchForeignWrites(ports.picture, ports.footprint)
    this.#connection = keptConnection(() => ports.open(), this.#foreign.closing)
  }

  /** Gives back what a prepared Delta that was neither sent nor discarded still holds. */
  close(): void {
    this.#connection.release()
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
      'DROP TABLE IF EXISTS _nightferry_state; DELETE FROM picture_row; DELETE FROM picture_pending; DELETE FROM picture_replaced; DELETE FROM picture_uncertain; DELETE FROM picture_since; DELETE FROM picture_position; DELETE FROM picture_footprint',
    )
  }

  /** Positions and whether changes are noted; reads only. */
  summary(): TrackingSummary {
    return this.#read((database) => {
      const state = readState(this.#store(database))
      const triggers = this.#ports.method === 'triggers'
      return summarize(state, (after) => triggers && state !== undefined && hasNotedChanges(database, state, after))
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
    this.#connection.keep()
    let prepared: PreparedDelta | 'none' | 'full' | undefined
    try {
      for (let attempt = 0; attempt < SNAPSHOT_TRIES && !prepared; attempt++) prepared = this.#tryDelta()
    } finally {
      if (typeof prepared !== 'object') this.#connection.release()
    }
    if (prepared) return prepared
    throw new CodedError('database.locked', 'the schema changes while it is read', { next: 'try again later' })
  }

  /** Undefined if the application changed its schema meanwhile. */
  #tryDelta(): PreparedDelta | 'none' | 'full' | undefined {
    const state = this.#write((database) => (this.#isQuiet(database) ? 'none' : this.#sealed(database)))
    if (state === 'none') return 'none'
    if (state.lineage === null || !state.picture || !state.acknowledged) return 'full'
    return this.#snapshot(state, state.lineage, state.picture)
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
    if (JSON.stringify(picture.objects) !== JSON.stringify(state.objects)) return undefined
    notePictures(image.database, this.#picture, picture, state)
    const acknowledged = pictureOf(state.tables, picture)
    const begin = (unconfirmed: boolean) => {
      if (this.#picture.isPending()) this.#picture.acknowledge(position.token)
      const isBase = this.#ports.differential !== undefined
      this.#settle((now) => beginLineage(now, lineage, position, acknowledged, unconfirmed, isBase), position.number)
    }
    // A lost answer must not cost a second full backup: from now on the new life counts, until the server denies it.
    return { chain: { lineage, positions: [position] }, markSent: () => begin(true), acknowledge: () => begin(false) }
  }

  /** Takes over a restored database, under this lineage and position; the server may not know of it yet (DC-36). */
  adopt(lineage: string, position: Position): void {
    this.#foreign.reset()
    this.#write((database) => {
      const store = this.#store(database)
      const triggers = this.#ports.method === 'triggers'
      if (!triggers) createStateTable(store)
      const state = triggers
        ? reconcileObservers(database, installObservers(database))
        : registerTables(database, initialState())
      const picture = readSchemaPicture(database)
      notePictures(database, this.#picture, picture, state)
      this.#picture.acknowledge(position.token)
      const opened = { ...state, openNumber: position.number + 1 }
      if (triggers) writeOpenNumber(database, opened)
      const isBase = this.#ports.differential !== undefined
      writeState(store, beginLineage(opened, lineage, position, pictureOf(state.tables, picture), true, isBase))
    })
  }

  /** The server has exactly this, under this lineage. */
  confirmAdopted(lineage: string): void {
    this.#update((now) => (now.lineage === lineage ? { ...now, unconfirmed: false } : now))
  }

  #isQuiet(database: SqlDatabase): boolean {
    return (
      this.#ports.method === 'triggers' && !this.#foreign.isDistrusted() && isQuiet(database, this.#state(database))
    )
  }

  /** Brings observers up to date and closes the open number. */
  #sealed(database: SqlDatabase): TrackingState {
    const { method, random } = this.#ports
    const distrusted = this.#foreign.isDistrusted()
    const state = sealDatabase(database, this.#state(database), { method, distrusted, random })
    writeState(this.#store(database), state)
    return state
  }

  #snapshot(
    state: TrackingState,
    lineage: string,
    acknowledged: AcknowledgedPicture,
  ): PreparedDelta | 'none' | 'full' | undefined {
    const reader = this.#connection.open()
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
      this.#picture.begin()
      noting = true
      const { differential } = this.#ports
      const night = { reader, picture: this.#picture, state, lineage, acknowledged, current, differential }
      const planned = planNight(night)
      if (typeof planned === 'object') return this.#prepared(planned, state, current, end)
      this.#picture.discard()
      end()
      return planned
    } catch (cause) {
      if (noting) this.#picture.discard()
      end()
      throw cause
    }
  }

  #prepared(extraction: Extraction, state: TrackingState, current: SchemaPicture, end: () => void): PreparedDelta {
    const writer = new DeltaWriter()
    const position = newestSealed(state)
    const acknowledged = pictureOf(state.tables, current)
    const keepsBase = this.#ports.differential !== undefined && keepsNotes(state, extraction.plan)
    return {
      chain: extraction.chain,
      pieces: () => writeDelta(extraction, writer),
      finish: () => {
        this.#picture.save()
        end()
        return {
          chain: extraction.chain,
          counts: writer.counts(),
          markSent: () => {
            this.#update((now) => markSent(now, extraction.plan.schema ? state.tables : undefined))
            this.#connection.release()
          },
          acknowledge: () => {
            if (compares(state) || this.#picture.isPending()) this.#picture.acknowledge(position.token, keepsBase)
            step('picture-acknowledged')
            this.#settle((now) => acknowledge(now, position, acknowledged, keepsBase), position.number)
            step('state-acknowledged')
          },
        }
      },
      discard: () => {
        this.#picture.discard()
        end()
        this.#connection.release()
      },
    }
  }

  /** The server has everything up to `number`: the state that says so, and the notes that are forgotten, at once. */
  #settle(change: (state: TrackingState) => TrackingState, number: number): void {
    if (this.#ports.method !== 'triggers') this.#update(change)
    else this.#foreign.writeFreely(this.#connection.open, (database) => settle(database, change, number))
  }

  #update(change: (state: TrackingState) => TrackingState): void {
    this.#write((database) => writeState(this.#store(database), change(this.#state(database))))
  }

  #state(database: SqlDatabase): TrackingState {
    const state = readState(this.#store(database))
    if (!state) throw untracked()
    return state
  }

  #store(database: SqlDatabase): SqlDatabase {
    return this.#ports.method === 'triggers' ? database : this.#ports.picture
  }

  #read<T>(work: (database: SqlDatabase) => T): T {
    return reading(this.#connection.open, work)
  }

  #write<T>(work: (database: SqlDatabase) => T): T {
    return this.#foreign.write(this.#connection.open, this.#ports.method === 'triggers', work)
  }
}
