/**
 * A BitTorrent swarm of aria2c in a network of namespaces: the server offers the file as a web seed (BEP 19) over each
 * device's own link, and the devices find each other by local discovery (BEP 14).
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NetworkLab } from '../test/support/networkLab.ts'
import type { SharedDelivery, SharingDevice } from '../test/support/sharedDelivery.ts'

const PIECE_BYTES = 131_072
const PORT = 6999
const LONGEST_MS = 180_000

export interface SwarmFigure {
  readonly seconds: number
  readonly sizeBytes: number
  readonly fromServer: number
}

/** @returns undefined where aria2c is not installed, or does not come to an end. */
export async function measureSwarm(
  lab: NetworkLab,
  shared: SharedDelivery,
  devices: readonly SharingDevice[],
): Promise<SwarmFigure | undefined> {
  if (!isInstalled('aria2c')) return undefined
  const folder = join(shared.folder, `swarm${devices.length}`)
  mkdirSync(folder, { recursive: true })
  const bytes = readFileSync(join(shared.folder, 'app.db'))
  const running: ChildProcess[] = []
  const start = (via: readonly string[], command: string, ...args: string[]): ChildProcess => {
    const [first = command, ...between] = [...via, command]
    const child = spawn(first, [...between, ...args], { stdio: 'ignore' })
    running.push(child)
    return child
  }
  const before = devices.map(({ name }) => lab.sentTo(name))
  start(lab.places.server.via, process.execPath, '-e', WEB_SEED, join(shared.folder, 'app.db'), String(PORT))
  await new Promise((resolve) => setTimeout(resolve, 500))
  const from = performance.now()
  const done = devices.map(({ name }) => {
    const own = join(folder, name)
    mkdirSync(own, { recursive: true })
    const torrent = join(own, 'app.torrent')
    writeFileSync(torrent, torrentOf(bytes, `http://${lab.places.device(name).server}:${PORT}/app.db`))
    const hook = join(own, 'hook')
    writeFileSync(hook, `#!/bin/sh\ntouch '${join(own, 'done')}'\n`, { mode: 0o755 })
    start(
      ...([lab.via(name), 'aria2c', '--quiet=true', '--enable-dht=false', '--bt-enable-lpd=true'] as const),
      ...['--bt-lpd-interface=lan', '--seed-time=10', '--bt-max-peers=0', '--min-split-size=1M'],
      ...['--listen-port=6900', '--file-allocation=none', `--dir=${own}`, `--on-bt-download-complete=${hook}`, torrent],
    )
    return join(own, 'done')
  })
  let seconds: number | undefined
  while (performance.now() - from < LONGEST_MS && seconds === undefined) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    if (done.every((path) => existsSync(path))) seconds = (performance.now() - from) / 1000
  }
  for (const child of running) {
    child.kill('SIGKILL')
    await once(child, 'close')
  }
  if (seconds === undefined) return undefined
  const sent = devices.reduce((sum, { name }, index) => sum + lab.sentTo(name) - (before[index] ?? 0), 0)
  return { seconds, sizeBytes: bytes.length, fromServer: sent / bytes.length }
}

function isInstalled(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** A torrent of one file; where its web seed is does not change which torrent it is. */
function torrentOf(bytes: Buffer, seed: string): Buffer {
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; at += PIECE_BYTES)
    pieces.push(
      createHash('sha1')
        .update(bytes.subarray(at, at + PIECE_BYTES))
        .digest(),
    )
  const text = (value: string): string => `${Buffer.byteLength(value)}:${value}`
  const head = `d6:lengthi${bytes.length}e4:name6:app.db12:piece lengthi${PIECE_BYTES}e6:pieces${20 * pieces.length}:`
  const info = Buffer.concat([Buffer.from(head), ...pieces, Buffer.from('e')])
  return Buffer.concat([Buffer.from('d4:info'), info, Buffer.from(`8:url-list${text(seed)}e`)])
}

/** A file over HTTP, with ranges. */
const WEB_SEED = `
const { createReadStream, statSync } = require('node:fs')
const [path, port] = process.argv.slice(1)
const size = statSync(path).size
require('node:http').createServer((request, response) => {
  const [, from = '0', to = ''] = /bytes=(\\d+)-(\\d*)/.exec(request.headers.range ?? '') ?? []
  const [start, end] = [Number(from), to === '' ? size - 1 : Number(to)]
  response.writeHead(request.headers.range ? 206 : 200, {
    'accept-ranges': 'bytes', 'content-length': end - start + 1, 'content-range': 'bytes ' + start + '-' + end + '/' + size,
  })
  if (request.method === 'HEAD') response.end()
  else createReadStream(path, { start, end }).pipe(response)
}).listen(Number(port), '0.0.0.0')
`
