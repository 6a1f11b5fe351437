/** Locations, Meta, credentials and Items -> elements, in the order of the content models (rule WF-2). */

import { toBase64 } from './base64.ts'
import { type Element, flag, leaf, optionalLeaf, parent } from './element.ts'
import type { Anchor, Chal, Cred, Filter, Item, ItemData, Location, Meta } from './message.ts'
import { writeDevInf } from './writeDevInf.ts'

/** A `Target` or `Source`. */
export function writeLocation(name: 'Target' | 'Source', location: Location | undefined): Element | undefined {
  if (location === undefined) return undefined
  return parent(name, [
    leaf('LocURI', location.locUri),
    optionalLeaf('LocName', location.locName),
    location.filter && writeFilter(location.filter),
  ])
}

function writeFilter(filter: Filter): Element {
  return parent('Filter', [
    writeMeta(filter.meta),
    filter.field && parent('Field', [writeItem(filter.field)]),
    filter.record && parent('Record', [writeItem(filter.record)]),
    optionalLeaf('FilterType', filter.filterType),
  ])
}

/** `Meta` with the MetInf elements directly inside, as is the practice. */
export function writeMeta(meta: Meta | undefined): Element | undefined {
  if (meta === undefined) return undefined
  return parent('Meta', [
    flag('FieldLevel', meta.fieldLevel),
    optionalLeaf('Format', meta.format),
    optionalLeaf('Type', meta.type),
    optionalLeaf('Mark', meta.mark),
    optionalLeaf('Size', meta.size),
    meta.anchor && writeAnchor(meta.anchor),
    optionalLeaf('Version', meta.version),
    optionalLeaf('NextNonce', meta.nextNonce && toBase64(meta.nextNonce)),
    optionalLeaf('MaxMsgSize', meta.maxMsgSize),
    optionalLeaf('MaxObjSize', meta.maxObjSize),
    ...(meta.emi ?? []).map((emi) => leaf('EMI', emi)),
    meta.mem &&
      parent('Mem', [
        flag('SharedMem', meta.mem.sharedMem),
        optionalLeaf('FreeMem', meta.mem.freeMem),
        optionalLeaf('FreeID', meta.mem.freeId),
      ]),
  ])
}

function writeAnchor(anchor: Anchor): Element {
  return parent('Anchor', [optionalLeaf('Last', anchor.last), leaf('Next', anchor.next)])
}

export function writeCred(cred: Cred | undefined): Element | undefined {
  return cred && parent('Cred', [writeMeta(cred.meta), writeData(cred.data)])
}

export function writeChal(chal: Chal | undefined): Element | undefined {
  return chal && parent('Chal', [writeMeta(chal.meta)])
}

export function writeItem(item: Item): Element {
  return parent('Item', [
    writeLocation('Target', item.target),
    writeLocation('Source', item.source),
    writeParentId('SourceParent', item.sourceParent),
    writeParentId('TargetParent', item.targetParent),
    writeMeta(item.meta),
    item.data && writeData(item.data),
    flag('MoreData', item.moreData),
  ])
}

function writeParentId(name: string, locUri: string | undefined): Element | undefined {
  return locUri === undefined ? undefined : parent(name, [leaf('LocURI', locUri)])
}

/** `Data`; octets stay octets, what becomes of them is the encoding's matter. */
export function writeData(data: ItemData): Element {
  switch (data.kind) {
    case 'text':
      return leaf('Data', data.text)
    case 'bytes':
      return leaf('Data', data.bytes)
    case 'anchor':
      return parent('Data', [writeAnchor(data.anchor)])
    case 'devInf':
      return parent('Data', [writeDevInf(data.devInf)])
  }
}
