/**
 * Element tree -> device information of 1.0, 1.1 (one flat CTCap beside the datastores) and 1.2 (structured, inside).
 * Devices are sloppy here and nothing of it is needed to answer them, so what is missing is empty, never an error.
 */

import type { Element } from './element.ts'
import { child, childrenOf, flagOf, present, text, textOf, texts, wholeNumber } from './fields.ts'
import type { ContentType, CtCap, DevInf, DevInfDataStore, FilterCap } from './message.ts'

/** A `DevInf` element. */
export function readDevInf(devInf: Element): DevInf {
  const ctCaps = childrenOf(devInf, 'CTCap').flatMap(readCtCaps)
  const ext = childrenOf(devInf, 'Ext').map((e) => ({ name: text(e, 'XNam') ?? '', values: texts(e, 'XVal') }))
  return present<DevInf>({
    verDtd: text(devInf, 'VerDTD') ?? '',
    man: text(devInf, 'Man'),
    mod: text(devInf, 'Mod'),
    oem: text(devInf, 'OEM'),
    fwV: text(devInf, 'FwV'),
    swV: text(devInf, 'SwV'),
    hwV: text(devInf, 'HwV'),
    devId: text(devInf, 'DevID') ?? '',
    devTyp: text(devInf, 'DevTyp') ?? '',
    utc: flagOf(devInf, 'UTC'),
    supportLargeObjs: flagOf(devInf, 'SupportLargeObjs'),
    supportNumberOfChanges: flagOf(devInf, 'SupportNumberOfChanges'),
    dataStores: childrenOf(devInf, 'DataStore').map(readDataStore),
    ctCaps: ctCaps.length === 0 ? undefined : ctCaps,
    ext: ext.length === 0 ? undefined : ext,
  })
}

function readDataStore(store: Element): DevInfDataStore {
  const filterRx = childrenOf(store, 'Filter-Rx').map(contentType)
  const filterCaps = childrenOf(store, 'FilterCap').map(readFilterCap)
  return present<DevInfDataStore>({
    sourceRef: text(store, 'SourceRef') ?? '',
    displayName: text(store, 'DisplayName'),
    maxGuidSize: wholeNumber(store, 'MaxGUIDSize'),
    rxPref: optionalContentType(store, 'Rx-Pref'),
    rx: childrenOf(store, 'Rx').map(contentType),
    txPref: optionalContentType(store, 'Tx-Pref'),
    tx: childrenOf(store, 'Tx').map(contentType),
    ctCaps: childrenOf(store, 'CTCap').flatMap(readCtCaps),
    dsMem: readDsMem(child(store, 'DSMem')),
    supportHierarchicalSync: flagOf(store, 'SupportHierarchicalSync'),
    syncCap: childrenOf(store, 'SyncCap').flatMap(readSyncTypes),
    filterRx: filterRx.length === 0 ? undefined : filterRx,
    filterCaps: filterCaps.length === 0 ? undefined : filterCaps,
  })
}

function contentType(element: Element): ContentType {
  return { ctType: text(element, 'CTType') ?? '', verCt: text(element, 'VerCT') ?? '' }
}

function optionalContentType(store: Element, name: string): ContentType | undefined {
  const found = child(store, name)
  return found && contentType(found)
}

function readDsMem(mem: Element | undefined): DevInfDataStore['dsMem'] {
  if (mem === undefined) return undefined
  return present<NonNullable<DevInfDataStore['dsMem']>>({
    sharedMem: flagOf(mem, 'SharedMem'),
    maxMem: wholeNumber(mem, 'MaxMem'),
    maxId: wholeNumber(mem, 'MaxID'),
  })
}

function readSyncTypes(cap: Element): readonly number[] {
  return texts(cap, 'SyncType')
    .filter((type) => /^\d{1,9}$/.test(type))
    .map(Number)
}

function readFilterCap(cap: Element): FilterCap {
  return { ...contentType(cap), filterKeywords: texts(cap, 'FilterKeyword'), propNames: texts(cap, 'PropName') }
}

interface OpenParam {
  paramName: string
  dataType?: string
  maxSize?: number
  valEnums: string[]
  displayName?: string
}
interface OpenProperty extends Omit<OpenParam, 'paramName'> {
  propName: string
  maxOccur?: number
  noTruncate?: boolean
  params: OpenParam[]
}
interface OpenCtCap {
  ctType: string
  verCt: string
  fieldLevel?: boolean
  properties: OpenProperty[]
}

/**
 * One tolerant loop for both forms and for what lies between (reference 2.3): CTType opens a content type, PropName a
 * property, ParamName a parameter; what follows belongs to the last one opened.
 */
function readCtCaps(cap: Element): readonly CtCap[] {
  const caps: OpenCtCap[] = []
  readCapChildren(caps, cap)
  return caps
}

function readCapChildren(caps: OpenCtCap[], element: Element): void {
  let param: OpenParam | undefined
  for (const part of element.children) {
    const cap = caps.at(-1)
    const property = cap?.properties.at(-1)
    if (part.name === 'CTType') caps.push({ ctType: textOf(part), verCt: '', properties: [] })
    else if (part.name === 'Property' || part.name === 'PropParam') readCapChildren(caps, part)
    else if (part.name === 'PropName') {
      param = undefined
      cap?.properties.push({ propName: textOf(part), valEnums: [], params: [] })
    } else if (part.name === 'ParamName') {
      param = { paramName: textOf(part), valEnums: [] }
      property?.params.push(param)
    } else if (part.name === 'VerCT' && cap) cap.verCt = textOf(part)
    else if (part.name === 'FieldLevel' && cap) cap.fieldLevel = true
    else readDetail(param ?? property, part, property)
  }
}

function readDetail(
  owner: OpenParam | OpenProperty | undefined,
  part: Element,
  property: OpenProperty | undefined,
): void {
  const number = wholeNumber({ name: '', children: [part] }, part.name)
  if (part.name === 'ValEnum') owner?.valEnums.push(textOf(part))
  else if (owner && part.name === 'DataType') owner.dataType = textOf(part)
  else if (owner && part.name === 'DisplayName') owner.displayName = textOf(part)
  else if (property && part.name === 'NoTruncate') property.noTruncate = true
  else if (number === undefined) return
  else if (owner && (part.name === 'Size' || part.name === 'MaxSize')) owner.maxSize = number
  else if (property && part.name === 'MaxOccur') property.maxOccur = number
}
