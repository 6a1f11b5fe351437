/** The agent's log: one line per event on stderr, a constant phrase and its fields; stdout belongs to the answer. */

import type { Log } from '../ports.ts'

/** From which level on lines are written. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'silent'

const ranks: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, silent: 3 }

/** Fills the port `Log`. `write` takes whole lines. */
export function createStderrLog(
  level: LogLevel,
  write: (line: string) => void = (line) => void process.stderr.write(line),
): Log {
  const line =
    (own: 'debug' | 'info' | 'warn'): Log['info'] =>
    (message, fields = {}) => {
      if (ranks[own] < ranks[level]) return
      const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${formatField(value)}`)
      write(`${own === 'warn' ? 'warning: ' : ''}${message}${pairs.join('')}\n`)
    }
  return { debug: line('debug'), info: line('info'), warn: line('warn') }
}

function formatField(value: unknown): string {
  if (typeof value === 'bigint') return value.toString()
  return typeof value === 'string' && /^[\w./:@-]+$/.test(value) ? value : (JSON.stringify(value) ?? 'undefined')
}
