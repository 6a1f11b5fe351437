/** Tables and quantities for people. Pure: the width comes from the text itself. */

/** Rows under headings, columns as wide as needed, two spaces apart; `nothing` stands alone where there are no rows. */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  nothing = 'nothing',
): string {
  if (rows.length === 0) return `${nothing}\n`
  const all = [headings, ...rows]
  const widths = headings.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)))
  const lines = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return `${lines.join('\n')}\n`
}

/** `1536` → `1.5 KB` (1024-based). */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  const units = ['KB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = ''
  for (const name of units) {
    if (value < 1024) break
    value /= 1024
    unit = name
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`
}

/** Milliseconds since 1970 → `2026-11-21 07:34:37Z`; nothing → `never`. */
export function formatTime(ms: number | undefined): string {
  return ms === undefined ? 'never' : `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')}Z`
}

/** Milliseconds → the largest fitting unit: `45 s`, `12 min`, `3 h`, `4 d`. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} d`
}
