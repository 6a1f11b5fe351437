/**
 * Which Item a LUID stands for that the map does not know, in a slow sync (IT-5): pure choice among Items that no LUID
 * of this sync has named yet.
 */

/** An Item that could be the one a client means. */
export interface MatchCandidate {
  readonly id: string
  /** Both contents mean the same; otherwise only the match key is the same. */
  readonly same: boolean
  /** A LUID of this device named it before this sync: it may come yet. */
  readonly named: boolean
}

/**
 * The candidate to take: the same content before the same key, an Item that this device never named before one it did.
 * One it did name is taken all the same: a device that was reset has new LUIDs for everything.
 */
export function chooseMatch(candidates: readonly MatchCandidate[]): MatchCandidate | undefined {
  const rank = ({ same, named }: MatchCandidate): number => (same ? 0 : 2) + (named ? 1 : 0)
  let best: MatchCandidate | undefined
  for (const candidate of candidates) if (best === undefined || rank(candidate) < rank(best)) best = candidate
  return best
}
