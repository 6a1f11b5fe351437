/**
 * WBXML token tables and public identifiers of SyncML 1.0, 1.1 and 1.2, as data.
 * One table serves all versions: later ones only add tokens, and phones use them early.
 * Reference: Representation Protocol 1.2.2 section 8, MetaInfo 1.2.2, DevInf 1.2 section 7.
 */

/** The element names of one code page; the token is the index plus 5. */
export type CodePage = readonly (string | undefined)[]

/** First token of every code page; the ones below are global. */
export const FIRST_TAG_TOKEN = 5

const words = (text: string): CodePage => text.split(/\s+/).map((word) => (word === '-' ? undefined : word))

/** Page 0 of a SyncML document. */
export const SYNCML_PAGE = words(
  `Add Alert Archive Atomic Chal Cmd CmdID CmdRef Copy Cred Data Delete Exec Final Get Item Lang LocName LocURI Map
MapItem Meta MsgID MsgRef NoResp NoResults Put Replace RespURI Results Search Sequence SessionID SftDel Source SourceRef
Status Sync SyncBody SyncHdr SyncML Target TargetRef - VerDTD VerProto NumberOfChanges MoreData Field Filter Record
FilterType SourceParent TargetParent Move Correlator`,
)

/** Page 1 of a SyncML document. */
export const METINF_PAGE = words(
  `Anchor EMI Format FreeID FreeMem Last Mark MaxMsgSize Mem MetInf Next NextNonce SharedMem Size Type Version
MaxObjSize FieldLevel`,
)

const DEVINF_1_1 = `CTCap CTType DataStore DataType DevID DevInf DevTyp DisplayName DSMem Ext FwV HwV Man MaxGUIDSize MaxID
MaxMem Mod OEM ParamName PropName Rx Rx-Pref SharedMem Size SourceRef SwV SyncCap SyncType Tx Tx-Pref ValEnum VerCT
VerDTD XNam XVal UTC SupportNumberOfChanges SupportLargeObjs Property PropParam MaxOccur NoTruncate - Filter-Rx FilterCap
FilterKeyword FieldLevel SupportHierarchicalSync`

/** Page 0 of a DevInf document. Token 1C is `Size` in 1.0 and 1.1, `MaxSize` in 1.2. */
export const DEVINF_PAGE = words(DEVINF_1_1)

/** The pages of a kind of document, by page number. */
export const DOCUMENT_PAGES = {
  syncml: [SYNCML_PAGE, METINF_PAGE],
  devinf: [DEVINF_PAGE],
} as const satisfies Record<string, readonly CodePage[]>

/** A kind of document: which token table it starts with. */
export type DocumentKind = keyof typeof DOCUMENT_PAGES

/** Public identifiers by kind of document and version. */
export const PUBLIC_IDS = {
  syncml: { '1.0': 0x0fd1, '1.1': 0x0fd3, '1.2': 0x1201 },
  devinf: { '1.0': 0x0fd2, '1.1': 0x0fd4, '1.2': 0x1203 },
} as const

/** XML namespaces of the two inner vocabularies; that of `SyncML` itself carries its version. */
export const METINF_NAMESPACE = 'syncml:metinf'
export const DEVINF_NAMESPACE = 'syncml:devinf'

/** Where a name stands in a kind of document. */
export interface Token {
  readonly page: number
  readonly token: number
}

const tokens = {
  syncml: tokenTable(DOCUMENT_PAGES.syncml),
  devinf: tokenTable(DOCUMENT_PAGES.devinf).set('MaxSize', { page: 0, token: 0x1c }),
}

function tokenTable(pages: readonly CodePage[]): Map<string, Token> {
  const table = new Map<string, Token>()
  for (const [page, names] of pages.entries()) {
    for (const [index, name] of names.entries()) {
      if (name !== undefined) table.set(name, { page, token: index + FIRST_TAG_TOKEN })
    }
  }
  return table
}

/** Page and token of an element name, or undefined if the document kind has none. */
export function tokenOf(kind: DocumentKind, name: string): Token | undefined {
  return tokens[kind].get(name)
}

/** The element name of a token, or undefined if page or token are unknown. */
export function nameOf(kind: DocumentKind, page: number, token: number): string | undefined {
  const pages: readonly CodePage[] = DOCUMENT_PAGES[kind]
  return pages[page]?.[token - FIRST_TAG_TOKEN]
}

/** True for the names of MetInf, which need their own namespace in XML. */
export function isMetInf(name: string): boolean {
  return tokens.syncml.get(name)?.page === 1
}
