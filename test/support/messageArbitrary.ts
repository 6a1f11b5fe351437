/**
 * Random SyncML messages for property tests: every command, every field, awkward text, octets.
 * Octets stand under Format `bin`, text never under `bin` or `b64`, as real senders have it.
 */

import fc from 'fast-check'
import type * as m from '../../schemas/syncml/message.ts'

/** Text as fields other than Data carry it: no white space at the ends, no characters XML cannot carry. */
const word = fc
  .string({ unit: 'grapheme', maxLength: 12 })
  .map((text) => cleaned(text).trim())
  .filter((text) => !/^\s|\s$/.test(text))

const itemText = fc
  .oneof(
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.constantFrom(
      'BEGIN:VCARD\r\nN:A;B\r\nEND:VCARD\r\n',
      ']]>',
      '&amp;#13;&lt;',
      '  \r\n\r\r\n ',
      '\ufeffx',
      '<a b="c">d</a>',
    ),
  )
  .map(cleaned)

function cleaned(text: string): string {
  return [...text.toWellFormed()]
    .filter((char) => char >= ' ' || '\t\n\r'.includes(char))
    .join('')
    .replaceAll(/[\ufffe\uffff]/g, '')
}

const id = fc.integer({ min: 1, max: 99_999 }).map(String)
const count = fc.integer({ min: 0, max: 2 ** 45 })
const flag = fc.constant(true as const)
const octets = fc.uint8Array({ maxLength: 60 })

/** A record whose `optional` keys are there or not; absent, never undefined. */
function record<T extends object, K extends keyof T>(model: { [P in keyof T]: fc.Arbitrary<T[P]> }, required: K[]) {
  return fc.record(model, { requiredKeys: required })
}

const anchor = record({ last: word, next: word }, ['next'])
const metaModel = {
  format: fc.constantFrom('chr', 'xml'),
  type: word,
  mark: fc.constantFrom('draft', 'final', 'read'),
  size: count,
  anchor,
  version: word,
  nextNonce: fc.uint8Array({ maxLength: 20 }),
  maxMsgSize: count,
  maxObjSize: count,
  emi: fc.array(word, { minLength: 1, maxLength: 3 }),
  mem: record({ sharedMem: flag, freeMem: count, freeId: count }, ['freeMem', 'freeId']),
  fieldLevel: flag,
}
const meta = record(metaModel, [])
const cred = record({ meta, data: word.map((text) => ({ kind: 'text' as const, text })) }, ['data'])

const location = record({ locUri: word, locName: word }, ['locUri'])

const textData: fc.Arbitrary<m.ItemData> = fc.oneof(
  itemText.map((text) => ({ kind: 'text' as const, text })),
  anchor.map((value) => ({ kind: 'anchor' as const, anchor: value })),
)

const plainItem = record(
  { target: location, source: location, sourceParent: word, targetParent: word, meta, data: textData, moreData: flag },
  [],
)
const binaryItem = record(
  {
    target: location,
    source: location,
    meta: record({ ...metaModel, format: fc.constant('bin') }, ['format']),
    data: octets.map((bytes) => ({ kind: 'bytes' as const, bytes })),
    moreData: flag,
  },
  ['meta', 'data'],
)

const filter = record({ meta, field: plainItem, record: plainItem, filterType: fc.constant('INCLUSIVE') }, [])
const filteringItem = record({ target: record({ locUri: word, locName: word, filter }, ['locUri', 'filter']) }, [
  'target',
])
const item: fc.Arbitrary<m.Item> = fc.oneof(
  { weight: 5, arbitrary: plainItem },
  { weight: 3, arbitrary: binaryItem },
  { weight: 1, arbitrary: filteringItem },
)
const items = fc.array(item, { maxLength: 3 })

const words = fc.array(word, { maxLength: 3 })
const contentType = fc.record({ ctType: word, verCt: word })
const parameter = record({ paramName: word, dataType: word, maxSize: count, valEnums: words, displayName: word }, [
  'paramName',
  'valEnums',
])
const property = record(
  {
    propName: word,
    dataType: word,
    maxOccur: count,
    maxSize: count,
    noTruncate: flag,
    valEnums: words,
    displayName: word,
    params: fc.array(parameter, { maxLength: 2 }),
  },
  ['propName', 'valEnums', 'params'],
)
const ctCap = record(
  { ctType: word, verCt: word, fieldLevel: flag, properties: fc.array(property, { maxLength: 3 }) },
  ['ctType', 'verCt', 'properties'],
)
const dataStore = record(
  {
    sourceRef: word,
    displayName: word,
    maxGuidSize: count,
    rxPref: contentType,
    rx: fc.array(contentType, { maxLength: 2 }),
    txPref: contentType,
    tx: fc.array(contentType, { maxLength: 2 }),
    ctCaps: fc.array(ctCap, { maxLength: 2 }),
    dsMem: record({ sharedMem: flag, maxMem: count, maxId: count }, []),
    supportHierarchicalSync: flag,
    syncCap: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 7 }),
    filterRx: fc.array(contentType, { minLength: 1, maxLength: 2 }),
    filterCaps: fc.array(fc.record({ ctType: word, verCt: word, filterKeywords: words, propNames: words }), {
      minLength: 1,
      maxLength: 2,
    }),
  },
  ['sourceRef', 'rx', 'tx', 'ctCaps', 'syncCap'],
)

/** Random device information. */
export const devInfArbitrary: fc.Arbitrary<m.DevInf> = record(
  {
    verDtd: fc.constantFrom('1.0', '1.1', '1.2'),
    man: word,
    mod: word,
    oem: word,
    fwV: word,
    swV: word,
    hwV: word,
    devId: word,
    devTyp: word,
    utc: flag,
    supportLargeObjs: flag,
    supportNumberOfChanges: flag,
    dataStores: fc.array(dataStore, { maxLength: 2 }),
    ctCaps: fc.array(ctCap, { minLength: 1, maxLength: 2 }),
    ext: fc.array(fc.record({ name: word, values: words }), { minLength: 1, maxLength: 2 }),
  },
  ['verDtd', 'devId', 'devTyp', 'dataStores'],
)
const devInfItem = record(
  { source: location, data: devInfArbitrary.map((devInf) => ({ kind: 'devInf' as const, devInf })) },
  ['data'],
)

const base = { cmdId: id, noResp: flag, cred, meta }

const { command } = fc.letrec<{ command: m.Command }>((tie) => ({
  command: fc.oneof(
    { maxDepth: 2, depthIdentifier: 'command' },
    record({ name: fc.constantFrom('Add', 'Replace', 'Copy', 'Move'), ...base, items }, ['name', 'cmdId', 'items']),
    record({ name: fc.constant('Delete'), ...base, archive: flag, sftDel: flag, items }, ['name', 'cmdId', 'items']),
    record({ name: fc.constant('Alert'), ...base, data: id, correlator: word, items }, ['name', 'cmdId', 'items']),
    record(
      {
        name: fc.constant('Map'),
        ...base,
        target: location,
        source: location,
        mapItems: fc.array(fc.record({ target: location, source: location }), { maxLength: 3 }),
      },
      ['name', 'cmdId', 'target', 'source', 'mapItems'],
    ),
    record({ name: fc.constant('Get'), ...base, lang: word, items }, ['name', 'cmdId', 'items']),
    record(
      {
        name: fc.constant('Put'),
        ...base,
        lang: word,
        items: fc.oneof(items, fc.array(devInfItem, { maxLength: 2 })),
      },
      ['name', 'cmdId', 'items'],
    ),
    record(
      {
        name: fc.constant('Results'),
        ...base,
        msgRef: id,
        cmdRef: id,
        targetRef: word,
        sourceRef: word,
        items: fc.array(devInfItem, { maxLength: 2 }),
      },
      ['name', 'cmdId', 'cmdRef', 'items'],
    ),
    record(
      {
        name: fc.constant('Status'),
        cmdId: id,
        msgRef: id,
        cmdRef: id,
        cmd: fc.constantFrom('SyncHdr', 'Sync', 'Add'),
        targetRefs: words,
        sourceRefs: words,
        cred,
        chal: fc.record({ meta }),
        data: fc.integer({ min: 101, max: 599 }),
        items,
      },
      ['name', 'cmdId', 'msgRef', 'cmdRef', 'cmd', 'targetRefs', 'sourceRefs', 'data', 'items'],
    ),
    record({ name: fc.constant('Exec'), ...base, correlator: word, items }, ['name', 'cmdId', 'items']),
    record(
      {
        name: fc.constant('Search'),
        ...base,
        noResults: flag,
        target: location,
        sources: fc.array(location, { maxLength: 2 }),
        lang: word,
        data: textData,
      },
      ['name', 'cmdId', 'sources'],
    ),
    record(
      {
        name: fc.constant('Sync'),
        ...base,
        target: location,
        source: location,
        numberOfChanges: count,
        commands: fc.array(tie('command'), { maxLength: 4 }),
      },
      ['name', 'cmdId', 'commands'],
    ),
    record(
      { name: fc.constantFrom('Atomic', 'Sequence'), ...base, commands: fc.array(tie('command'), { maxLength: 3 }) },
      ['name', 'cmdId', 'commands'],
    ),
  ) as fc.Arbitrary<m.Command>,
}))

/** Random commands. */
export const commandArbitrary: fc.Arbitrary<m.Command> = command

/** Random messages of all three versions. */
export const messageArbitrary: fc.Arbitrary<m.Message> = fc.constantFrom('1.0', '1.1', '1.2').chain((version) =>
  fc.record({
    header: record(
      {
        verDtd: fc.constant(version),
        verProto: fc.constant(`SyncML/${version}`),
        sessionId: word,
        msgId: id,
        target: location,
        source: location,
        respUri: word,
        noResp: flag,
        cred,
        meta,
      },
      ['verDtd', 'verProto', 'sessionId', 'msgId', 'target', 'source'],
    ),
    commands: fc.array(command, { maxLength: 6 }),
    final: fc.boolean(),
  }),
)
