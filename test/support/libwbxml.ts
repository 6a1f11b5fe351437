/**
 * libwbxml's command line programs (Debian `libwbxml2-utils`) on many documents at once, and what must be taken from a
 * message before they can carry it.
 */

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Message } from '../../schemas/syncml/message.ts'

/** Converts each document in a process of its own, started by one shell; undefined where the program failed. */
export function convertAll(
  program: string,
  flags: readonly string[],
  documents: readonly Uint8Array[],
): readonly (Uint8Array | undefined)[] {
  const folder = mkdtempSync(join(tmpdir(), 'nightferry-libwbxml-'))
  try {
    for (const name of ['in', 'out']) mkdirSync(join(folder, name))
    documents.forEach((octets, at) => {
      writeFileSync(join(folder, 'in', String(at)), octets)
    })
    const script = 'cd in; for f in *; do "$@" -o "../out/$f" "$f" >/dev/null 2>&1; done; true'
    execFileSync('sh', ['-c', script, 'sh', program, ...flags], { cwd: folder })
    return documents.map((_, at) => {
      const path = join(folder, 'out', String(at))
      return existsSync(path) ? new Uint8Array(readFileSync(path)) : undefined
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** `xml2wbxml` chooses the version by the DOCTYPE. */
export function withDoctype(xml: Uint8Array, { header }: Message): Uint8Array {
  const doctype = `<!DOCTYPE SyncML PUBLIC "-//SYNCML//DTD SyncML ${header.verDtd}//EN" "http://h/s.dtd">`
  return Buffer.from(Buffer.from(xml).toString().replace('?>', `?>${doctype}`))
}

/** The same value with every text changed; octets stay. */
export function mapTexts<T>(value: T, change: (text: string) => string): T {
  return mapValues(value, (inner) => (typeof inner === 'string' ? change(inner) : inner)) as T
}

/** The same value with each value in it changed, the inner ones first. */
export function mapValues(value: unknown, change: (inner: unknown) => unknown): unknown {
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return change(value)
  if (Array.isArray(value)) return change(value.map((inner) => mapValues(inner, change)))
  return change(Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mapValues(inner, change)])))
}

/** Both programs write the Type of device information in the encoding they make, and know it by that alone. */
export function typedAs<T>(value: T, encoding: 'xml' | 'wbxml'): T {
  return mapTexts(value, (text) =>
    text.replace(/^(application\/vnd\.syncml(?:-devinf|\.dmtnds))\+(wb)?xml$/, `$1+${encoding}`),
  )
}

/** `wbxml2xml` puts texts into CDATA and does not mind that they may hold its end. */
export function withoutCdataEnd<T>(value: T): T {
  return mapTexts(value, (text) => text.replaceAll(']]>', ']] >'))
}

/** `xml2wbxml` puts a CR before each LF of most texts, also where one is. */
export function withoutCr<T>(value: T): T {
  return mapTexts(value, (text) => text.replaceAll('\r', ''))
}

/** Their tables have no such elements in any version. */
const UNKNOWN = ['fieldLevel', 'correlator']
/** Nor have those of 1.0 and 1.1 what came later, though phones use some of it early. */
const LATER = [
  ...['filter', 'sourceParent', 'targetParent', 'maxOccur', 'noTruncate'],
  ...['filterRx', 'filterCaps', 'supportHierarchicalSync'],
]

const NOT_1_0 = ['utc', 'supportLargeObjs', 'supportNumberOfChanges']

/**
 * A generated message with what libwbxml can carry: elements it has tokens for, octets and credentials as text of base64
 * (it tells neither by Format), device information under its Type.
 */
export function asLibwbxmlKnows(message: Message): Message {
  const version = message.header.verDtd
  const later = version === '1.2' ? [] : version === '1.1' ? LATER : [...LATER, ...NOT_1_0]
  const known = mapValues(message, (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) return value
    const entries = Object.entries(value).filter(([key]) => ![...UNKNOWN, ...later].includes(key))
    const record: Record<string, unknown> = Object.fromEntries(entries)
    if (record.kind === 'bytes') return { kind: 'text', text: 'b2N0ZXRz' }
    if (record.format === 'bin') return { ...record, format: 'chr' }
    if (record.name === 'Move' && later.length > 0) return { ...record, name: 'Copy' }
    if (record.devId !== undefined) return { ...record, verDtd: version }
    if (record.properties !== undefined && later.length > 0) return { ...record, properties: [] }
    if (record.cred !== undefined) return { ...record, cred: { data: { kind: 'text', text: 'YTpi' } } }
    return record
  }) as Message
  return withoutCdataEnd(mapValues(known, describedByType) as Message)
}

function describedByType(value: unknown): unknown {
  const { items } = (value ?? {}) as { items?: readonly { data?: { kind?: string } }[] }
  if (!items?.some(({ data }) => data?.kind === 'devInf')) return value
  return { ...(value as object), meta: { type: 'application/vnd.syncml-devinf+xml' } }
}

/**
 * The message without what can be spelled in several ways: text of Items and credentials may be inline or OPAQUE, and
 * `MaxSize`, whose token libwbxml knows by the older name `Size` alone, is a literal of its.
 */
export function withOneSpelling(message: Message): Message {
  const several = ['cred', 'maxSize']
  return mapValues(message, (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) return value
    const entries = Object.entries(value).filter(
      ([key, inner]) => !several.includes(key) && !(key === 'data' && inner?.kind === 'text'),
    )
    return Object.fromEntries(entries)
  }) as Message
}
