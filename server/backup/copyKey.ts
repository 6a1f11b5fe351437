/** What keys are bound to when they are wrapped: a key moved to another object does not unwrap. */

/** The key of a copy. */
export function copyKeyContext(copyId: string): string {
  return `copy:${copyId}`
}

/** The key that the segments of a restore are sealed with. */
export function contentKeyContext(imageId: string): string {
  return `content:${imageId}`
}
