/**
 * Every bound on input in one place, each with its reason.
 * A reader that meets a larger thing refuses it; no bound is ever stretched to let one through.
 */

/** Octets of one SyncML message we accept. Larger items travel as large objects. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024

/** Octets of all messages that are being received or worked on, and of those of one address: 128 and 32 of the largest. */
export const MAX_BODIES_BYTES = 512 * 1024 * 1024
export const MAX_BODIES_BYTES_OF_ADDRESS = 128 * 1024 * 1024

/** Connections at once: a poll of each of 10,000 devices, and as many that send. */
export const MAX_CONNECTIONS = 20_000

/** Octets of messages that are worked on although their requests were answered (busy): a sixteenth of the above. */
export const MAX_BACKGROUND_BYTES = 32 * 1024 * 1024

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

/** A notification (package 0): it must fit a few SMS; 15 datastores with the longest names stay below. */
export const MAX_NOTIFICATION_BYTES = 8 * 1024

/** Characters of an id, URI or name from a peer (SessionID, LocURI, LocName, CmdID). */
export const MAX_URI_CHARS = 1024

/** Commands in one message, Items in one command: a message of `OWN_MAX_MSG_SIZE` with Items of 100 octets has fewer. */
export const MAX_COMMANDS = 8000
export const MAX_ITEMS = 8000

/** Statuses, Results and Alerts that one session may wait to send: a client that lets more pile up is not listening. */
export const MAX_OWED_STATUSES = 16_000
export const MAX_OWED_COMMANDS = 200

/** Datastores one session may open; a phone has about ten. */
export const MAX_SESSION_DATASTORES = 100

/** Octets of Statuses in one of our answers: encoding them is work that nobody else's message shall wait for. */
export const MAX_STATUS_BYTES = 64 * 1024

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

/** Compressed octets of one segment of a RestoreImage that is one gzip. */
export const SEGMENT_BYTES = 1024 * 1024

/** Plain octets of one segment that stands for a range of the file: a few in memory, and a cut line costs little. */
export const SEGMENT_RANGE_BYTES = 2 * 1024 * 1024

/** Octets of one contact, event, note or bookmark; the largest are contacts with a photo of some megabytes. */
export const MAX_CONTENT_BYTES = 16 * 1024 * 1024

/** Properties of one item, recurrence exceptions included. */
export const MAX_CONTENT_PROPERTIES = 10_000

/** Characters between the name and the value of a property, and parameters there: real ones stay below 200 and 10. */
export const MAX_CONTENT_PARAM_CHARS = 8192
export const MAX_CONTENT_PARAMS = 100

/** Components inside one another; VCALENDAR, VEVENT, VALARM are three, and an AGENT rarely has one of its own. */
export const MAX_CONTENT_DEPTH = 8

/** Values of one property and components of one structured value; a folder of a thousand exception dates is rare. */
export const MAX_CONTENT_VALUES = 10_000

/** Items of one datastore: ten times the largest address book seen. */
export const MAX_ITEMS_PER_STORE = 100_000

/** Octets of one Item of a SyncML client; a job holds some of them in memory at once. */
export const MAX_ITEM_BYTES = 32 * 1024 * 1024

/** Losing sides of conflicts that are kept per account, the newest, and for how long: a quarter to notice. */
export const MAX_KEPT_LOSERS = 1000
export const KEPT_LOSER_MS = 92 * 24 * 3_600_000

/** Octets of one file or email object as XML; larger files travel as raw octets. */
export const MAX_DATA_OBJECT_BYTES = 64 * 1024 * 1024

/** Requests for notifications that wait at once: a device has one, and each costs a socket and some KiB. */
export const MAX_WAITING_POLLS = 10_000

/** Longest time one of them waits, seconds: many proxies cut a silent connection after a minute. */
export const MAX_POLL_WAIT_S = 55

/** Datastores one notification can name: its count has four bits. */
export const MAX_ALERTED_SYNCS = 15

/** Devices that are traced at a time, messages and sealed octets of one trace, characters shown of one message. */
export const MAX_TRACED_DEVICES = 16
export const MAX_TRACE_MESSAGES = 200
export const MAX_TRACE_BYTES = 8 * 1024 * 1024
export const MAX_TRACED_CHARS = 64 * 1024

/** Longest time a trace is switched on for. */
export const MAX_TRACE_HOURS = 72

/** Points of one database that its owner, or the operator, can pin: they stay for good, and each takes room. */
export const MAX_OWNER_PINS = 20
export const MAX_OPERATOR_PINS = 1000

/** Points the server pins by itself, and how long at least none of them gives way to a newer one (TM-19). */
export const MAX_GUARD_PINS = 10
export const GUARD_PIN_MS = 30 * 24 * 3_600_000

/** Characters of the reason a point is pinned for. */
export const MAX_PIN_REASON_CHARS = 200

/** Devices of one Delivery, links of one device, networks it names: a crew's size, and what a device can have. */
export const MAX_DELIVERY_DEVICES = 1000
export const MAX_DEVICE_LINKS = 8
export const MAX_DEVICE_NETWORKS = 16

/** Segments that one device has on their way from the server, and addresses at which its peers reach it. */
export const MAX_DEVICE_FLIGHTS = 64
export const MAX_DEVICE_ADDRESSES = 16

/** Ranges of segments that one report of a device, or one message to a peer, names: the next one names others. */
export const MAX_REPORTED_RANGES = 2000

/** Segments a small image is cut into for a Delivery, so that its parts can follow the speeds of links. */
export const DELIVERY_SEGMENTS = 256

/** Octets of the smallest of them: below, what is said around a segment counts for more than the segment. */
export const LEAST_RANGE_BYTES = 64 * 1024

/** Deliveries of one account that are not over. */
export const MAX_OPEN_DELIVERIES = 16

/** How long a Delivery waits for devices that were named, and how long a device may wait for news of it, seconds. */
export const MAX_DELIVERY_WAIT_S = 3600
export const MAX_NEWS_WAIT_S = 25

/** Segments of a Delivery, and ranges of them in one report: as many as the largest object has. */
export const MAX_DELIVERY_SEGMENTS = Math.ceil(MAX_OBJECT_BYTES / SEGMENT_BYTES)

/** Rows and objects that one look at the difference of two points lists, and octets of a value and characters of a definition it shows. */
export const MAX_DIFF_ROWS = 1000
export const MAX_DIFF_OBJECTS = 1000
export const MAX_SHOWN_BYTES = 200
export const MAX_SHOWN_SQL_CHARS = 2000

/** Columns of a table whose rows can be compared: each stands three times in one statement of at most 2,000. */
export const MAX_DIFF_COLUMNS = 600

/** Characters of an access token inside a request; ours have about 400. */
export const MAX_TOKEN_CHARS = 4096

/** One answer about digests of a copy: ranges asked for, blocks told, rows and octets read. About a second of work. */
export const MAX_DIGEST_RANGES = 64
export const MAX_DIGEST_BLOCKS = 4096
export const MAX_DIGEST_ROWS = 262_144
export const MAX_DIGEST_BYTES = 64 * 1024 * 1024

/** Rows of a table without a key, which is read in one piece. */
export const MAX_UNKEYED_ROWS = 1_000_000
