/**
 * Where a copy stands: lineage, number and token. Numbers alone cannot tell two histories apart that
 * merely counted alike; a token is born with each sealed number and proves that both sides mean the same one.
 * Travels in `EMI` of the Alert and in the head of a Delta. Rules BK-2, BK-3.
 */

/** A sealed modification number and the random token (32 hex digits) that was born with it. */
export interface Position {
  readonly number: number
  readonly token: string
}

/**
 * The chain a device claims: `positions[0]` is the last acknowledged one (the anchor `Last`),
 * the final one is where the sent state ends (the anchor `Next`).
 */
export interface PositionChain {
  readonly lineage: string
  readonly positions: readonly Position[]
}

const EMI_PREFIX = 'nightferry-position='

/** The `EMI` text of a chain: `nightferry-position=<lineage>;<number>:<token>,…`. */
export function formatPositionEmi(chain: PositionChain): string {
  return `${EMI_PREFIX}${chain.lineage};${chain.positions.map((p) => `${p.number}:${p.token}`).join(',')}`
}

/** The chain in an `EMI` text, or undefined if this EMI is not ours or not well formed. */
export function parsePositionEmi(emi: string, maxPositions: number): PositionChain | undefined {
  if (!emi.startsWith(EMI_PREFIX)) return undefined
  const [lineage, list, ...rest] = emi.slice(EMI_PREFIX.length).split(';')
  if (lineage === undefined || list === undefined || rest.length > 0 || !isToken(lineage)) return undefined
  const parts = list.split(',')
  if (parts.length > maxPositions) return undefined
  const positions: Position[] = []
  for (const part of parts) {
    const match = /^(\d{1,15}):([0-9a-f]{32})$/.exec(part)
    if (!match) return undefined
    positions.push({ number: Number(match[1]), token: match[2] as string })
  }
  return { lineage, positions }
}

/** True for a lineage or token: 32 lower-case hex digits. */
export function isToken(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text)
}
