/** The agent's log: one line per event on stderr, a constant phrase and its fields; stdout belongs to the answer. */

import type { Log } from '../ports.ts'

type LineLevel = 'debug' | 'info' | 'warn'

/** From which level on lines are written. */
export type LogLevel = LineLevel | 'silent'

/** Hands on each line, whatever its level, until the returned function is called. */
export type FollowLog = (onLine: (level: LineLevel, line: string) => void) => () => void

const ranks: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, silent: 3 }

/** Fills the port `Log`. `write` takes whole lines. */
export function createStderrLog(
  level: LogLevel,
  write: (line: string) => void = (line) => void process.stderr.write(line),
): Log & { readonly follow: FollowLog } {
  const followers = new Set<(level: LineLevel, line: string) => void>()
  const line =
    (own: LineLevel): Log['info'] =>
    (message, fields = {}) => {
      const shown = ranks[own] >= ranks[level]
      if (!shown && followers.size === 0) return
      const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${formatField(value)}`)
      const text = `${own === 'warn' ? 'warning: ' : ''}${message}${pairs.join('')}\n`
      if (shown) write(text)
      for (const follower of followers) follower(own, text)
    }
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    follow: (onLine) => {
      followers.add(onLine)
      return () => void followers.delete(onLine)
    },
  }
}

function formatField(value: unknown): string {
  if (typeof value === 'bigint') return value.toString()
  return typeof value === 'string' && /^[\w./:@-]+$/.test(value) ? value : (JSON.stringify(value) ?? 'undefined')
}
