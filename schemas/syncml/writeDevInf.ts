/**
 * Device information -> elements. A CTCap goes where it stands in the value: inside its datastore in the structured
 * form of 1.2, or beside the datastores in the flat form of 1.0 and 1.1.
 */

import { type Element, flag, leaf, optionalLeaf, parent } from './element.ts'
import type { ContentType, CtCap, DevInf, DevInfDataStore, DevInfProperty } from './message.ts'

/** The `DevInf` element. */
export function writeDevInf(devInf: DevInf): Element {
  return parent('DevInf', [
    leaf('VerDTD', devInf.verDtd),
    optionalLeaf('Man', devInf.man),
    optionalLeaf('Mod', devInf.mod),
    optionalLeaf('OEM', devInf.oem),
    optionalLeaf('FwV', devInf.fwV),
    optionalLeaf('SwV', devInf.swV),
    optionalLeaf('HwV', devInf.hwV),
    leaf('DevID', devInf.devId),
    leaf('DevTyp', devInf.devTyp),
    flag('UTC', devInf.utc),
    flag('SupportLargeObjs', devInf.supportLargeObjs),
    flag('SupportNumberOfChanges', devInf.supportNumberOfChanges),
    ...devInf.dataStores.map(writeDataStore),
    ...(devInf.ctCaps ?? []).map(writeFlatCtCap),
    ...(devInf.ext ?? []).map((ext) => parent('Ext', [leaf('XNam', ext.name), ...leaves('XVal', ext.values)])),
  ])
}

function writeDataStore(store: DevInfDataStore): Element {
  return parent('DataStore', [
    leaf('SourceRef', store.sourceRef),
    optionalLeaf('DisplayName', store.displayName),
    optionalLeaf('MaxGUIDSize', store.maxGuidSize),
    store.rxPref && contentType('Rx-Pref', store.rxPref),
    ...store.rx.map((type) => contentType('Rx', type)),
    store.txPref && contentType('Tx-Pref', store.txPref),
    ...store.tx.map((type) => contentType('Tx', type)),
    ...store.ctCaps.map(writeCtCap),
    store.dsMem &&
      parent('DSMem', [
        flag('SharedMem', store.dsMem.sharedMem),
        optionalLeaf('MaxMem', store.dsMem.maxMem),
        optionalLeaf('MaxID', store.dsMem.maxId),
      ]),
    flag('SupportHierarchicalSync', store.supportHierarchicalSync),
    store.syncCap.length === 0 ? undefined : parent('SyncCap', leaves('SyncType', store.syncCap.map(String))),
    ...(store.filterRx ?? []).map((type) => contentType('Filter-Rx', type)),
    ...(store.filterCaps ?? []).map((cap) =>
      parent('FilterCap', [
        ...contentType('', cap).children,
        ...leaves('FilterKeyword', cap.filterKeywords),
        ...leaves('PropName', cap.propNames),
      ]),
    ),
  ])
}

function contentType(name: string, type: ContentType): Element {
  return parent(name, [leaf('CTType', type.ctType), leaf('VerCT', type.verCt)])
}

function leaves(name: string, values: readonly string[]): readonly Element[] {
  return values.map((value) => leaf(name, value))
}

function writeCtCap(cap: CtCap): Element {
  return parent('CTCap', [
    ...contentType('', cap).children,
    flag('FieldLevel', cap.fieldLevel),
    ...cap.properties.map(writeProperty),
  ])
}

function writeProperty(property: DevInfProperty): Element {
  return parent('Property', [
    leaf('PropName', property.propName),
    optionalLeaf('DataType', property.dataType),
    optionalLeaf('MaxOccur', property.maxOccur),
    optionalLeaf('MaxSize', property.maxSize),
    flag('NoTruncate', property.noTruncate),
    ...leaves('ValEnum', property.valEnums),
    optionalLeaf('DisplayName', property.displayName),
    ...property.params.map((param) => writeParam(param)),
  ])
}

function writeParam(param: DevInfProperty['params'][number]): Element {
  return parent('PropParam', [
    leaf('ParamName', param.paramName),
    optionalLeaf('DataType', param.dataType),
    optionalLeaf('MaxSize', param.maxSize),
    ...leaves('ValEnum', param.valEnums),
    optionalLeaf('DisplayName', param.displayName),
  ])
}

/** The flat form has no VerCT of its own; one that came along is kept. */
function writeFlatCtCap(cap: CtCap): Element {
  return parent('CTCap', [
    leaf('CTType', cap.ctType),
    cap.verCt === '' ? undefined : leaf('VerCT', cap.verCt),
    flag('FieldLevel', cap.fieldLevel),
    ...cap.properties.flatMap((property) => [
      ...writeFlat('PropName', property.propName, property),
      optionalLeaf('MaxOccur', property.maxOccur),
      flag('NoTruncate', property.noTruncate),
      ...property.params.flatMap((param) => writeFlat('ParamName', param.paramName, param)),
    ]),
  ])
}

type Described = Pick<DevInfProperty, 'dataType' | 'maxSize' | 'valEnums' | 'displayName'>

function writeFlat(name: string, value: string, described: Described): readonly (Element | undefined)[] {
  return [
    leaf(name, value),
    ...leaves('ValEnum', described.valEnums),
    optionalLeaf('DataType', described.dataType),
    optionalLeaf('Size', described.maxSize),
    optionalLeaf('DisplayName', described.displayName),
  ]
}
