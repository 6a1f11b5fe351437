/**
 * All loggers, by subsystem. JSON lines on stderr: stdout belongs to what a command answers. A message is a constant
 * phrase; values are fields. Never content, never credentials: what looks like one is cut out all the same.
 */

import pino from 'pino'

/** The parts of the server that log. */
export const SUBSYSTEMS = [
  'server',
  'http',
  'omads',
  'account',
  'backup',
  'restore',
  'catalogue',
  'storage',
  'keys',
  'push',
] as const

export type Subsystem = (typeof SUBSYSTEMS)[number]
export type Fields = Readonly<Record<string, unknown>>

/** What a subsystem logs with. `error` means that an operator must act. */
export interface Logger {
  debug(message: string, fields?: Fields): void
  info(message: string, fields?: Fields): void
  warn(message: string, fields?: Fields): void
  error(message: string, fields?: Fields): void
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

const SECRET_FIELDS = ['password', 'secret', 'accessToken', 'refreshToken', 'authorization', 'key', 'contentKey', 'ha1']

/** One logger per subsystem, all writing to `destination` (stderr if absent). */
export function createLoggers(
  level: LogLevel,
  destination: pino.DestinationStream = pino.destination({ fd: 2, sync: true }),
): Readonly<Record<Subsystem, Logger>> {
  const root = pino(
    {
      level,
      base: null,
      redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]), censor: '[secret]' },
      serializers: { error: pino.stdSerializers.err },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    destination,
  )
  const logger = (subsystem: Subsystem): Logger => {
    const child = root.child({ subsystem })
    const at =
      (method: 'debug' | 'info' | 'warn' | 'error') =>
      (message: string, fields: Fields = {}): void =>
        child[method](fields, message)
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  }
  return Object.fromEntries(SUBSYSTEMS.map((name) => [name, logger(name)])) as Record<Subsystem, Logger>
}
