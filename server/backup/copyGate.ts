/**
 * Keeps whoever writes a copy and whoever puts another file in its place apart (KY-16): any number of writers, or one
 * alone. Both wait for each other; what writes never waits inside of what writes.
 */

import type { DatabaseKey } from '../catalogue/catalogue.ts'

export interface CopyGate {
  /** Runs work that may write the copy of a database; nobody replaces its file meanwhile. */
  write<T>(key: DatabaseKey, work: () => Promise<T>): Promise<T>
  /** Runs work when no writer is left; those that come meanwhile wait for its end. */
  alone<T>(key: DatabaseKey, work: () => Promise<T>): Promise<T>
}

interface Place {
  writers: number
  /** Settles when the one alone is done. */
  alone: Promise<void> | undefined
  /** Tells the one alone that the last writer has gone. */
  drained: (() => void) | undefined
}

/** A gate for all databases of this process. */
export function createCopyGate(): CopyGate {
  const places = new Map<string, Place>()
  const enter = (name: string): Place => {
    const place = places.get(name) ?? { writers: 0, alone: undefined, drained: undefined }
    places.set(name, place)
    return place
  }
  const leave = (name: string, place: Place): void => {
    if (place.writers === 0 && place.alone === undefined && places.get(name) === place) places.delete(name)
  }
  return {
    write: async (key, work) => {
      const name = nameOf(key)
      let place = enter(name)
      // What follows the last look happens at once: nobody comes between.
      for (; place.alone !== undefined; place = enter(name)) await place.alone
      place.writers++
      try {
        return await work()
      } finally {
        place.writers--
        if (place.writers === 0) place.drained?.()
        leave(name, place)
      }
    },
    alone: async (key, work) => {
      const name = nameOf(key)
      let place = enter(name)
      // What follows the last look happens at once: nobody comes between.
      for (; place.alone !== undefined; place = enter(name)) await place.alone
      const done = Promise.withResolvers<void>()
      place.alone = done.promise
      try {
        if (place.writers > 0) {
          const drained = Promise.withResolvers<void>()
          place.drained = drained.resolve
          await drained.promise
        }
        return await work()
      } finally {
        place.alone = undefined
        place.drained = undefined
        leave(name, place)
        done.resolve()
      }
    },
  }
}

function nameOf({ accountId, deviceId, name }: DatabaseKey): string {
  return JSON.stringify([accountId, deviceId, name])
}
