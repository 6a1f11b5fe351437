/** Media types of what travels to and from `./databases/<name>`. */

/** A Delta, gzip (WF-11). */
export const DELTA_TYPE = 'application/vnd.nightferry.delta+gzip'

/** A whole SQLite file, gzip. */
export const FILE_GZIP_TYPE = 'application/vnd.nightferry.file+gzip'

/** A whole SQLite file, Zstandard (RFC 8878). */
export const FILE_ZSTD_TYPE = 'application/vnd.nightferry.file+zstd'

/** A whole SQLite file as it is. */
export const DATABASE_FILE_TYPE = 'application/vnd.sqlite3'
