/**
 * The one table of error codes: what each means to an HTTP caller, to a SyncML peer, and what helps.
 * Both rooms throw errors that carry one of these codes; nobody branches on message text.
 */

/** When a repeat of the same request can succeed. */
export type RetryAdvice = 'never' | 'later' | 'after-login' | 'full-backup' | 'fetch-map' | 'operator'

interface ErrorEntry {
  readonly http: number
  readonly status: number
  readonly retry: RetryAdvice
  readonly meaning: string
}

const table = {
  'protocol.malformed': { http: 400, status: 400, retry: 'never', meaning: 'the message or document cannot be read' },
  'protocol.too-large': { http: 413, status: 413, retry: 'never', meaning: 'the message or object exceeds a limit' },
  'protocol.unsupported-version': { http: 400, status: 513, retry: 'never', meaning: 'a version we do not speak' },
  'protocol.unknown-path': { http: 404, status: 404, retry: 'never', meaning: 'no call has this path' },
  'protocol.method-not-allowed': { http: 405, status: 405, retry: 'never', meaning: 'the path has no such method' },
  'protocol.range-not-satisfiable': {
    http: 416,
    status: 416,
    retry: 'never',
    meaning: 'the range is outside the object',
  },
  'protocol.unsupported-type': { http: 415, status: 415, retry: 'never', meaning: 'a media type we do not read' },
  'content.invalid': {
    http: 400,
    status: 415,
    retry: 'never',
    meaning: 'an item cannot be read as its content type',
  },
  'auth.missing': { http: 401, status: 407, retry: 'after-login', meaning: 'credentials are required' },
  'auth.invalid': { http: 401, status: 401, retry: 'after-login', meaning: 'the credentials are wrong or expired' },
  'auth.forbidden': { http: 403, status: 403, retry: 'never', meaning: 'known, but not allowed to do this' },
  'auth.limited': { http: 429, status: 401, retry: 'later', meaning: 'too many failed attempts' },
  'auth.server': { http: 401, status: 401, retry: 'operator', meaning: 'the server did not prove who it is' },
  'account.exists': { http: 409, status: 409, retry: 'never', meaning: 'an account of that name exists' },
  'account.unknown': { http: 404, status: 404, retry: 'never', meaning: 'no such account' },
  'account.unavailable': {
    http: 503,
    status: 417,
    retry: 'later',
    meaning: 'the account service does not answer and this login is not known yet',
  },
  'device.unknown': { http: 404, status: 404, retry: 'never', meaning: 'no such device' },
  'device.exists': { http: 409, status: 409, retry: 'never', meaning: 'a device of that name exists' },
  'device.fenced': {
    http: 403,
    status: 403,
    retry: 'operator',
    meaning: 'the device is fenced, since it is said to be lost',
  },
  'device.cloned': {
    http: 403,
    status: 403,
    retry: 'operator',
    meaning: 'another installation presents the identity of this device',
  },
  'session.busy': { http: 503, status: 417, retry: 'later', meaning: 'another session of this device is at work' },
  'push.busy': { http: 503, status: 417, retry: 'later', meaning: 'too many devices wait for notifications' },
  'trace.limited': { http: 409, status: 409, retry: 'later', meaning: 'too many devices are traced' },
  'datastore.unknown': { http: 404, status: 404, retry: 'never', meaning: 'no such datastore' },
  'sync.emptied': { http: 409, status: 403, retry: 'never', meaning: 'a side of a sync is suddenly empty' },
  'anchor.mismatch': {
    http: 409,
    status: 508,
    retry: 'full-backup',
    meaning: 'the copy is not of this lineage or position',
  },
  'delta.gap': { http: 409, status: 508, retry: 'full-backup', meaning: 'changes before this Delta are missing' },
  'delta.invalid': {
    http: 400,
    status: 500,
    retry: 'never',
    meaning: 'the Delta cannot be read or contradicts itself',
  },
  'delta.conflict': { http: 409, status: 508, retry: 'full-backup', meaning: 'the Delta does not fit the copy' },
  'delta.unsupported': {
    http: 409,
    status: 508,
    retry: 'full-backup',
    meaning: 'the schema cannot be evaluated by this server',
  },
  'database.unknown': { http: 404, status: 404, retry: 'never', meaning: 'no such database' },
  'database.locked': { http: 503, status: 417, retry: 'later', meaning: 'the application holds the database locked' },
  'database.invalid': { http: 400, status: 415, retry: 'never', meaning: 'not an intact SQLite database' },
  'database.untrackable': { http: 409, status: 409, retry: 'never', meaning: 'the database cannot be observed' },
  'restore.damaged': { http: 409, status: 510, retry: 'never', meaning: 'the state asked for is damaged' },
  'method.forbidden': {
    http: 403,
    status: 406,
    retry: 'never',
    meaning: "the server's operator does not allow this method of backup",
  },
  'restore.unknown': {
    http: 404,
    status: 404,
    retry: 'fetch-map',
    meaning: 'no such restore or segment; it may have expired',
  },
  'delivery.unknown': { http: 404, status: 404, retry: 'never', meaning: 'no such Delivery, or none of this device' },
  'delivery.ended': { http: 409, status: 409, retry: 'never', meaning: 'the Delivery was cancelled, or it failed' },
  'delivery.limited': { http: 409, status: 409, retry: 'later', meaning: 'too many Deliveries are under way' },
  'pin.limited': { http: 409, status: 409, retry: 'operator', meaning: 'too many restore points are pinned' },
  'restore.mismatch': {
    http: 409,
    status: 409,
    retry: 'never',
    meaning: 'the rows do not fit the table as it is now',
  },
  'restore.target-exists': { http: 409, status: 409, retry: 'never', meaning: 'the target is in use' },
  'integrity.mismatch': { http: 500, status: 510, retry: 'operator', meaning: 'bytes differ from their digest' },
  'key.wrong': {
    http: 500,
    status: 511,
    retry: 'operator',
    meaning: 'the master key is not the one this data was sealed with',
  },
  'storage.unavailable': { http: 503, status: 417, retry: 'later', meaning: 'storage does not answer' },
  'storage.full': { http: 507, status: 420, retry: 'operator', meaning: 'no space left' },
  'quota.exceeded': { http: 413, status: 420, retry: 'operator', meaning: 'the account or device may use no more' },
  'storage.corrupt': { http: 500, status: 510, retry: 'operator', meaning: 'stored bytes are damaged' },
  'worker.limit': { http: 503, status: 417, retry: 'later', meaning: 'the work exceeded its time or memory limit' },
  'network.unreachable': { http: 503, status: 503, retry: 'later', meaning: 'the peer does not answer' },
  'config.invalid': { http: 500, status: 500, retry: 'never', meaning: 'a setting is missing or wrong' },
  internal: { http: 500, status: 511, retry: 'operator', meaning: 'our mistake' },
} as const satisfies Record<string, ErrorEntry>

/** Every code an error of ours can carry. */
export type ErrorCode = keyof typeof table

/** What a code means; see the columns of the table. */
export function errorEntry(code: ErrorCode): ErrorEntry {
  return table[code]
}

/** All codes, for documentation and exhaustive tests. */
export const ERROR_CODES: readonly ErrorCode[] = Object.keys(table) as ErrorCode[]

/** An HTTP problem document (RFC 9457) as we write it. */
export interface ProblemDocument {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ErrorCode
  readonly detail?: string
  readonly retry: RetryAdvice
}

/** True if `value` is one of our codes: for codes that arrive over the wire. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(table, value)
}

/**
 * An error that carries a code of the table. Rooms derive their own classes from it;
 * `fields` are the values that explain it and may be logged.
 */
export class CodedError extends Error {
  readonly code: ErrorCode
  readonly fields: Readonly<Record<string, string | number | boolean>>
  /** What the user can do, in one sentence; empty if the code says it all. */
  readonly next: string

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; next?: string; fields?: Record<string, string | number | boolean> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.next = options.next ?? ''
    this.fields = options.fields ?? {}
  }
}
