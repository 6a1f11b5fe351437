/** Where the segments of an image are stored (RS-4), and how they go. */

import type { Storage } from '../storage/storage.ts'

/** The key of a segment. */
export function segmentKey(imageId: string, segment: number): string {
  return `${segmentPrefix(imageId)}${segment}`
}

/** What the keys of all segments of an image begin with. */
export function segmentPrefix(imageId: string): string {
  return `images/${imageId}/`
}

/** Removes the segments of an image. No error if there are none. */
export async function removeSegments(imageId: string, storage: Storage): Promise<void> {
  for await (const key of storage.list(segmentPrefix(imageId))) await storage.delete(key)
}
