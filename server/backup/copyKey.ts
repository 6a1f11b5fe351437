/** What the key of a copy is bound to when it is wrapped: a key moved to another copy does not unwrap. */
export function copyKeyContext(copyId: string): string {
  return `copy:${copyId}`
}
