/** The line that neither side crosses unasked: a store of Items that is suddenly as good as empty (IT-11, DC-66). Pure. */

/** Fewer Items than this may go without being asked about. */
export const GUARDED_ITEMS = 10

/** True if of at least ten Items fewer than a tenth would stay. */
export function wouldEmpty(before: number, after: number): boolean {
  return before >= GUARDED_ITEMS && after * 10 < before
}
