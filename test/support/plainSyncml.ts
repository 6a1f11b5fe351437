/**
 * A SyncML client that is nothing but a script: message templates from files, text replacement, HTTP, and regular
 * expressions on the answers. It shares no code with the product, so that it can prove the endpoint to others.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, '../fixtures/alert205')

export interface PlainLogin {
  /** Address of the server, without path. */
  readonly url: string
  readonly user: string
  readonly password: string
  readonly device: string
}

/** Base64 characters per message of an upload; whole groups of four. */
const CHUNK_CHARS = 12_000

/** One session of the script. */
export class PlainSession {
  readonly #login: PlainLogin
  readonly #session = String(Math.floor(Math.random() * 1e9))
  #url: string
  #msg = 0
  /** The last answer. */
  reply = ''
  /** Answers in their order. */
  readonly replies: string[] = []

  constructor(login: PlainLogin) {
    this.#login = login
    this.#url = `${login.url}/omads`
  }

  /** Fills a template and posts it. @throws Error unless the answer is HTTP 200. */
  async post(template: string, values: Readonly<Record<string, string>>): Promise<string> {
    this.#msg += 1
    const { url, user, password, device } = this.#login
    const all: Record<string, string> = {
      url: `${url}/omads`,
      device,
      session: this.#session,
      msg: String(this.#msg),
      cred: Buffer.from(`${user}:${password}`).toString('base64'),
      serverMsg: find(this.reply, /<SyncHdr>.*?<MsgID>(.*?)<\/MsgID>/s),
      alertCmd: find(this.reply, /<Alert><CmdID>(\d+)<\/CmdID>/),
      syncCmd: find(this.reply, /<Sync><CmdID>(\d+)<\/CmdID>/),
      addCmd: find(this.reply, /<Add><CmdID>(\d+)<\/CmdID>/),
      guid: find(this.reply, /<Add>.*?<Source><LocURI>(.*?)<\/LocURI>/s),
      ...values,
    }
    const body = readFileSync(join(folder, template), 'utf8').replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => {
      const value = all[name]
      if (value === undefined) throw new Error(`${template} wants ${name}`)
      return value
    })
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.syncml+xml' },
      body,
    })
    this.reply = await response.text()
    this.replies.push(this.reply)
    if (response.status !== 200) throw new Error(`HTTP ${response.status}: ${this.reply}`)
    const next = find(this.reply, /<RespURI>(.*?)<\/RespURI>/)
    if (next !== '') this.#url = next.replaceAll('&amp;', '&')
    return this.reply
  }

  /** Code of the Status of the last answer for a command. */
  status(command: string): string {
    const found = new RegExp(`<Status>(?:(?!</Status>).)*<Cmd>${command}</Cmd>(?:(?!</Status>).)*</Status>`, 's')
    return find(found.exec(this.reply)?.[0] ?? '', /<Data>(\d+)<\/Data>/)
  }
}

/** What a restore by Alert 205 gave. */
export interface PlainRestore {
  readonly octets: Buffer
  /** Octets as the server announced them, as transferred. */
  readonly announced: number
  readonly messages: number
}

/** Restores `database` by Alert 205. @throws Error with the Status if the server refuses. */
export async function plainRestore(
  login: PlainLogin,
  database: string,
  onChunk: () => void | Promise<void> = () => undefined,
): Promise<PlainRestore> {
  const session = new PlainSession(login)
  await session.post('restore-1-alert.xml', { database, next: String(Date.now()) })
  if (session.status('SyncHdr') !== '212') throw new Error(`login: status ${session.status('SyncHdr')}`)
  if (session.status('Alert') !== '200') throw new Error(`alert: status ${session.status('Alert')}`)
  await session.post('restore-2-sync.xml', { database })
  const announced = Number(find(session.reply, /<Size[^>]*>(\d+)<\/Size>/))
  let base64 = ''
  for (;;) {
    const item = find(session.reply, /<Add>(.*?)<\/Add>/s)
    if (item === '') throw new Error(`no item in: ${session.reply.slice(0, 2000)}`)
    base64 += find(item, /<Data>([A-Za-z0-9+/=\s]*)<\/Data>/)
    await onChunk()
    if (!item.includes('<MoreData')) break
    await session.post('restore-3-chunk.xml', { database })
  }
  await session.post('restore-4-done.xml', { database })
  return { octets: Buffer.from(base64, 'base64'), announced, messages: session.replies.length }
}

/**
 * Sends a whole file by Alert 203 in chunks.
 * @returns the Status of the Item. `stopAfter` leaves the session after so many chunks.
 */
export async function plainUpload(
  login: PlainLogin,
  database: string,
  octets: Uint8Array,
  stopAfter = Number.POSITIVE_INFINITY,
): Promise<string> {
  const session = new PlainSession(login)
  await session.post('upload-1-alert.xml', { database, next: String(Date.now()) })
  if (session.status('Alert') !== '200') throw new Error(`alert: status ${session.status('Alert')}`)
  const base64 = Buffer.from(octets).toString('base64')
  for (let at = 0, chunks = 0; ; at += CHUNK_CHARS, chunks += 1) {
    if (chunks === stopAfter) return session.status('Add')
    const data = base64.slice(at, at + CHUNK_CHARS)
    if (at + CHUNK_CHARS >= base64.length) {
      await session.post('upload-4-last-chunk.xml', { database, data })
      break
    }
    const template = at === 0 ? 'upload-2-first-chunk.xml' : 'upload-3-chunk.xml'
    await session.post(template, { database, data, size: String(base64.length) })
    if (session.status('Add') !== '213') return session.status('Add')
  }
  const outcome = session.status('Add')
  if (session.reply.includes('<Sync>')) await session.post('upload-5-done.xml', {})
  return outcome
}

function find(text: string, pattern: RegExp): string {
  return pattern.exec(text)?.[1] ?? ''
}
