/**
 * File, Folder and Email objects of OMA DS (reference 9.4): XML with booleans, times and a body in base64 or
 * quoted-printable. Elements come out in the listed order; unknown ones are kept. Rule PIM-9.
 */

import { CodedError } from '../errors.ts'
import { MAX_DATA_OBJECT_BYTES } from '../limits.ts'
import { fromBase64, toBase64 } from '../syncml/base64.ts'
import { escapeText } from '../syncml/escapeText.ts'
import { parseXmlObject, type XmlObject } from '../syncml/xml.ts'
import { decodeUtf8, encodeUtf8 } from '../utf8.ts'
import { contentTooLarge, invalidContent } from './invalid.ts'
import { decodeQuotedPrintable } from './quotedPrintable.ts'

/** `XNam` with its `XVal`s. */
export interface ObjectExt {
  readonly name: string
  readonly values: readonly string[]
}
interface DataObject {
  /** Texts of simple elements by their names, in the specification's words: `created`, `modified`, `role`, … */
  readonly fields: Readonly<Record<string, string>>
  readonly ext?: readonly ObjectExt[]
}
interface NamedObject extends DataObject {
  readonly name: string
  /** `h`, `s`, `a`, `d`, `w`, `r`, `x`. */
  readonly attributes?: Readonly<Record<string, boolean>>
}
export interface FileObject extends NamedObject {
  /** The decoded octets; a Replace without body only renames. */
  readonly body?: Uint8Array
}
export interface FolderObject extends NamedObject {}
export interface EmailObject extends DataObject {
  /** The RFC 822 message; without it only flags change. */
  readonly emailitem?: Uint8Array
}

const order = {
  File: ['name', 'created', 'modified', 'accessed', 'attributes', 'cttype', 'body', 'size'],
  Folder: ['name', 'created', 'modified', 'accessed', 'attributes', 'role'],
  Email: ['read', 'forwarded', 'replied', 'received', 'created', 'modified', 'deleted', 'flagged', 'emailitem'],
} as const

interface Parts {
  readonly fields: Record<string, string>
  readonly ext: ObjectExt[]
  attributes: Record<string, boolean> | undefined
  body: Uint8Array | undefined
}

/** @throws {CodedError} `content.invalid` or `protocol.too-large` */
export function readFile(octets: Uint8Array): FileObject {
  const { body, ...named } = readNamed(octets, 'File')
  return body === undefined ? named : { ...named, body }
}

/** @throws {CodedError} `content.invalid` or `protocol.too-large` */
export function readFolder(octets: Uint8Array): FolderObject {
  const { body: _, ...named } = readNamed(octets, 'Folder')
  return named
}

/** @throws {CodedError} `content.invalid` or `protocol.too-large` */
export function readEmail(octets: Uint8Array): EmailObject {
  const { fields, ext, body } = readObject(octets, 'Email')
  return { fields, ...(ext.length === 0 ? {} : { ext }), ...(body === undefined ? {} : { emailitem: body }) }
}

function readNamed(octets: Uint8Array, root: 'File' | 'Folder'): NamedObject & { body: Uint8Array | undefined } {
  const { fields, ext, attributes, body } = readObject(octets, root)
  const { name, size: _, ...rest } = fields
  if (name === undefined) throw invalidContent(`a ${root} object without a name`)
  return { name, fields: rest, ...(ext.length === 0 ? {} : { ext }), ...(attributes && { attributes }), body }
}

function readObject(octets: Uint8Array, root: keyof typeof order): Parts {
  if (octets.length > MAX_DATA_OBJECT_BYTES) throw contentTooLarge('octets of a data object', MAX_DATA_OBJECT_BYTES)
  const object = parse(decodeUtf8(octets))
  if (object.name !== root) throw invalidContent(`the object is a ${object.name.slice(0, 40)}, not a ${root}`)
  const parts: Parts = { fields: {}, ext: [], attributes: undefined, body: undefined }
  for (const child of object.children) readChild(parts, child)
  return parts
}

function parse(text: string | undefined): XmlObject {
  if (text === undefined) throw invalidContent('a data object is not in UTF-8')
  try {
    return parseXmlObject(text.startsWith('\ufeff') ? text.slice(1) : text)
  } catch (error) {
    if (!(error instanceof CodedError) || error.code !== 'protocol.malformed') throw error
    throw new CodedError('content.invalid', `a data object cannot be read: ${error.message}`, { cause: error })
  }
}

function readChild(parts: Parts, child: XmlObject): void {
  const textOf = (name: string) => child.children.filter((part) => part.name === name).map((part) => part.text)
  if (child.name === 'Ext') parts.ext.push({ name: textOf('XNam')[0] ?? '', values: textOf('XVal') })
  else if (child.name === 'attributes') {
    parts.attributes = Object.fromEntries(child.children.map((part) => [part.name, part.text.trim() === 'true']))
  } else if (child.name === 'body' || child.name === 'emailitem') parts.body = decodeBody(child)
  else if (child.name !== '__proto__') parts.fields[child.name] = child.text.trim()
}

function decodeBody({ text, attributes, name }: XmlObject): Uint8Array {
  const enc = attributes.enc?.toLowerCase()
  if (enc === undefined || enc === '') return encodeUtf8(text)
  if (enc === 'quoted-printable') return decodeQuotedPrintable(text.replace(/=\r?\n/g, ''))
  const octets = enc === 'base64' ? fromBase64(text) : undefined
  if (octets === undefined) throw invalidContent(`the ${name} is not in ${enc.slice(0, 40)}`)
  return octets
}

/** Octets of a File; its size follows from the body. */
export function writeFile(file: FileObject): Uint8Array {
  const size = file.body === undefined ? {} : { size: String(file.body.length) }
  return write('File', { ...file.fields, name: file.name, ...size }, file, file.body)
}

export function writeFolder(folder: FolderObject): Uint8Array {
  return write('Folder', { ...folder.fields, name: folder.name }, folder, undefined)
}

export function writeEmail(email: EmailObject): Uint8Array {
  return write('Email', email.fields, email, email.emailitem)
}

type Written = DataObject & Pick<NamedObject, 'attributes'>

function write(
  root: keyof typeof order,
  fields: Readonly<Record<string, string>>,
  object: Written,
  body?: Uint8Array,
): Uint8Array {
  const known: readonly string[] = order[root]
  let xml = `<${root}>`
  for (const name of known) {
    const value = fields[name]
    if (name === 'attributes' && object.attributes !== undefined)
      xml += `<attributes>${flags(object.attributes)}</attributes>`
    else if ((name === 'body' || name === 'emailitem') && body !== undefined)
      xml += `<${name} enc="base64">${toBase64(body)}</${name}>`
    else if (value !== undefined) xml += leaf(name, value)
  }
  for (const name of Object.keys(fields)) if (!known.includes(name)) xml += leaf(name, fields[name] ?? '')
  for (const { name, values } of object.ext ?? []) {
    xml += `<Ext>${leaf('XNam', name)}${values.map((value) => leaf('XVal', value)).join('')}</Ext>`
  }
  return encodeUtf8(`${xml}</${root}>`)
}

function flags(attributes: Readonly<Record<string, boolean>>): string {
  return Object.keys(attributes)
    .map((name) => leaf(name, String(attributes[name])))
    .join('')
}

function leaf(name: string, text: string): string {
  return `<${name}>${escapeText(text)}</${name}>`
}
