/**
 * A SyncML message as a value: one type for SyncML 1.0, 1.1 and OMA DS 1.2, whatever the encoding.
 * Field names are the specification's element names in lower camel case (`CmdRef` is `cmdRef`).
 * Reference: OMA SyncML Representation Protocol 1.2.2, sections 5 to 7. Rules WF-1 to WF-5.
 */

/** SyncML versions we speak, as written in `VerDTD`. */
export type SyncmlVersion = '1.0' | '1.1' | '1.2'

/** How a message is encoded on the wire. */
export type Encoding = 'xml' | 'wbxml'

export interface Message {
  readonly header: SyncHdr
  readonly commands: readonly Command[]
  /** The message closes its package. */
  readonly final: boolean
}

export interface SyncHdr {
  /** As received; anything else than a `SyncmlVersion` is answered with 505. */
  readonly verDtd: string
  readonly verProto: string
  readonly sessionId: string
  readonly msgId: string
  readonly target: Location
  readonly source: Location
  readonly respUri?: string
  readonly noResp?: boolean
  readonly cred?: Cred
  readonly meta?: Meta
}

/** `Target` or `Source`. */
export interface Location {
  readonly locUri: string
  readonly locName?: string
  readonly filter?: Filter
}

export interface Filter {
  readonly meta?: Meta
  readonly field?: Item
  readonly record?: Item
  readonly filterType?: string
}

export interface Cred {
  readonly meta?: Meta
  /** Base64 text, or raw octets where WBXML carried an opaque digest. */
  readonly data: ItemData
}

export interface Chal {
  readonly meta: Meta
}

export interface Anchor {
  readonly last?: string
  readonly next: string
}

/** MetInf. Unknown fields are dropped on input. */
export interface Meta {
  readonly format?: string
  readonly type?: string
  readonly mark?: string
  readonly size?: number
  readonly anchor?: Anchor
  readonly version?: string
  /** Decoded octets of the nonce. */
  readonly nextNonce?: Uint8Array
  readonly maxMsgSize?: number
  readonly maxObjSize?: number
  readonly emi?: readonly string[]
  readonly mem?: { readonly sharedMem?: boolean; readonly freeMem: number; readonly freeId: number }
  readonly fieldLevel?: boolean
}

/**
 * Content of `Data`. Text is what an XML reader or STR_I gives; octets come from WBXML OPAQUE and are
 * written as OPAQUE in WBXML and as base64 in XML (the writer then expects `Format` `b64` in the Meta).
 * `anchor` and `devInf` are the two cases of real child elements.
 */
export type ItemData =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'anchor'; readonly anchor: Anchor }
  | { readonly kind: 'devInf'; readonly devInf: DevInf }

export interface Item {
  readonly target?: Location
  readonly source?: Location
  readonly sourceParent?: string
  readonly targetParent?: string
  readonly meta?: Meta
  readonly data?: ItemData
  readonly moreData?: boolean
}

interface CommandBase {
  readonly cmdId: string
  readonly noResp?: boolean
  readonly cred?: Cred
  readonly meta?: Meta
}

/** Commands that carry Items and change a datastore. */
export interface ItemCommand extends CommandBase {
  readonly name: 'Add' | 'Replace' | 'Copy' | 'Move'
  readonly items: readonly Item[]
}
export interface DeleteCommand extends CommandBase {
  readonly name: 'Delete'
  readonly archive?: boolean
  readonly sftDel?: boolean
  readonly items: readonly Item[]
}
export interface AlertCommand extends CommandBase {
  readonly name: 'Alert'
  /** The alert code as text, e.g. `202`. */
  readonly data?: string
  readonly correlator?: string
  readonly items: readonly Item[]
}
export interface SyncCommand extends CommandBase {
  readonly name: 'Sync'
  readonly target?: Location
  readonly source?: Location
  readonly numberOfChanges?: number
  readonly commands: readonly Command[]
}
export interface MapItem {
  readonly target: Location
  readonly source: Location
}
export interface MapCommand extends CommandBase {
  readonly name: 'Map'
  readonly target: Location
  readonly source: Location
  readonly mapItems: readonly MapItem[]
}
export interface GetPutCommand extends CommandBase {
  readonly name: 'Get' | 'Put'
  readonly lang?: string
  readonly items: readonly Item[]
}
export interface ResultsCommand extends CommandBase {
  readonly name: 'Results'
  readonly msgRef?: string
  readonly cmdRef: string
  readonly targetRef?: string
  readonly sourceRef?: string
  readonly items: readonly Item[]
}
export interface StatusCommand {
  readonly name: 'Status'
  readonly cmdId: string
  readonly msgRef: string
  readonly cmdRef: string
  /** Name of the command this is the Status of; `SyncHdr` for the header. */
  readonly cmd: string
  readonly targetRefs: readonly string[]
  readonly sourceRefs: readonly string[]
  readonly cred?: Cred
  readonly chal?: Chal
  /** The status code. */
  readonly data: number
  readonly items: readonly Item[]
}
export interface GroupCommand extends CommandBase {
  readonly name: 'Atomic' | 'Sequence'
  readonly commands: readonly Command[]
}
export interface ExecCommand extends CommandBase {
  readonly name: 'Exec'
  readonly correlator?: string
  readonly items: readonly Item[]
}
export interface SearchCommand extends CommandBase {
  readonly name: 'Search'
  readonly noResults?: boolean
  readonly target?: Location
  readonly sources: readonly Location[]
  readonly lang?: string
  readonly data?: ItemData
}

export type Command =
  | ItemCommand
  | DeleteCommand
  | AlertCommand
  | SyncCommand
  | MapCommand
  | GetPutCommand
  | ResultsCommand
  | StatusCommand
  | GroupCommand
  | ExecCommand
  | SearchCommand

/** Device information; the parts that servers and clients act on. Reference section 2. */
export interface DevInf {
  readonly verDtd: string
  readonly man?: string
  readonly mod?: string
  readonly oem?: string
  readonly fwV?: string
  readonly swV?: string
  readonly hwV?: string
  readonly devId: string
  readonly devTyp: string
  readonly utc?: boolean
  readonly supportLargeObjs?: boolean
  readonly supportNumberOfChanges?: boolean
  readonly dataStores: readonly DevInfDataStore[]
  /** CTCap of 1.0 and 1.1, which stands beside the datastores and serves all of them by content type. */
  readonly ctCaps?: readonly CtCap[]
  readonly ext?: readonly { readonly name: string; readonly values: readonly string[] }[]
}

export interface ContentType {
  readonly ctType: string
  readonly verCt: string
}

export interface DevInfDataStore {
  readonly sourceRef: string
  readonly displayName?: string
  readonly maxGuidSize?: number
  readonly rxPref?: ContentType
  readonly rx: readonly ContentType[]
  readonly txPref?: ContentType
  readonly tx: readonly ContentType[]
  readonly ctCaps: readonly CtCap[]
  readonly dsMem?: { readonly sharedMem?: boolean; readonly maxMem?: number; readonly maxId?: number }
  readonly supportHierarchicalSync?: boolean
  readonly syncCap: readonly number[]
  readonly filterRx?: readonly ContentType[]
  readonly filterCaps?: readonly FilterCap[]
}

/** What a filter grammar can be used with. */
export interface FilterCap extends ContentType {
  readonly filterKeywords: readonly string[]
  readonly propNames: readonly string[]
}

export interface CtCap {
  readonly ctType: string
  readonly verCt: string
  readonly fieldLevel?: boolean
  readonly properties: readonly DevInfProperty[]
}

export interface DevInfProperty {
  readonly propName: string
  readonly dataType?: string
  readonly maxOccur?: number
  readonly maxSize?: number
  readonly noTruncate?: boolean
  readonly valEnums: readonly string[]
  readonly displayName?: string
  readonly params: readonly {
    readonly paramName: string
    readonly dataType?: string
    /** `Size` of 1.1; 1.2 has none for parameters. */
    readonly maxSize?: number
    readonly valEnums: readonly string[]
    readonly displayName?: string
  }[]
}
