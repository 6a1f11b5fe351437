/**
 * Every bound on input in one place, each with its reason.
 * A reader that meets a larger thing refuses it; no bound is ever stretched to let one through.
 */

/** Octets of one SyncML message we accept. Larger items travel as large objects. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024

/** Octets of all messages that are being received or worked on, and of those of one address: 128 and 32 of the largest. */
export const MAX_BODIES_BYTES = 512 * 1024 * 1024
export const MAX_BODIES_BYTES_OF_ADDRESS = 128 * 1024 * 1024

/** Octets of disk that received objects leave free: small Deltas and the catalogue need room to go on. */
export const MIN_FREE_DISK_BYTES = 1024 * 1024 * 1024

/** `MaxMsgSize` we announce: small enough to buffer per device, large enough that 500 MB are a few hundred exchanges. */
export const OWN_MAX_MSG_SIZE = 1024 * 1024

/** Element nesting of a SyncML message; the deepest legal one is about 15. */
export const MAX_XML_DEPTH = 32

/** Elements in one message: 4 MiB of the smallest legal commands stay well below. */
export const MAX_XML_ELEMENTS = 200_000

/** Attributes of one element; SyncML has only `xmlns`. */
export const MAX_XML_ATTRIBUTES = 8

/** A WBXML string table: the public identifier is 29 octets, real ones stay below 1 KiB. */
export const MAX_WBXML_STRING_TABLE = 16 * 1024

/** Characters of an id, URI or name from a peer (SessionID, LocURI, LocName, CmdID). */
export const MAX_URI_CHARS = 1024

/** Commands in one message, Items in one command: a message of `OWN_MAX_MSG_SIZE` with Items of 100 octets has fewer. */
export const MAX_COMMANDS = 8000
export const MAX_ITEMS = 8000

/** Characters of one line of a Delta: one row, so the largest row that goes as JSON (BLOBs grow by a third). */
export const MAX_DELTA_LINE_CHARS = 192 * 1024 * 1024

/** Characters between two sections of a Delta: a line break is all that belongs there. */
export const MAX_DELTA_BLANK_CHARS = 1024 * 1024

/** Positions a Delta may name: one for every night that was sealed and not acknowledged. */
export const MAX_POSITIONS = 1000

/** Schema objects of one database, columns of one table, characters of one definition (SQLite's own are higher). */
export const MAX_SCHEMA_OBJECTS = 20_000
export const MAX_COLUMNS = 2000
export const MAX_SQL_CHARS = 1_000_000

/** Plain octets of one database file. */
export const MAX_DATABASE_BYTES = 64 * 1024 * 1024 * 1024

/** Compressed octets of one object; also our `MaxObjSize`. */
export const MAX_OBJECT_BYTES = 32 * 1024 * 1024 * 1024

/** Compressed octets of one segment of a RestoreImage. */
export const SEGMENT_BYTES = 1024 * 1024
