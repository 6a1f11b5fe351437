/** rsync against a daemon of its own on loopback, with blocks of 4 KiB: it needs no second copy on the device. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openCountingProxy } from '../measure/countingProxy.ts'
import { processorSeconds } from '../measure/processTree.ts'
import { type Cost, runProcess } from '../measure/runProcess.ts'
import type { Contender, OpenContender } from './contender.ts'
import { folderBytes, isInstalled } from './peers.ts'

/** An open port of loopback, free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function startDaemon(folder: string, store: string): Promise<{ process: ChildProcess; port: number }> {
  const port = await freePort()
  const config = join(folder, 'rsyncd.conf')
  writeFileSync(
    config,
    `use chroot = no\naddress = 127.0.0.1\nport = ${port}\n[store]\npath = ${store}\nread only = no\nuid = ${process.getuid?.()}\ngid = ${process.getgid?.()}\n`,
  )
  const daemon = spawn('rsync', ['--daemon', '--no-detach', `--config=${config}`], { stdio: 'ignore' })
  await sleep(300)
  return { process: daemon, port }
}

export const rsync: OpenContender = async (path, folder) => {
  if (!isInstalled('rsync')) return undefined
  const store = join(folder, 'store')
  mkdirSync(store, { recursive: true })
  const daemon = await startDaemon(folder, store)
  const proxy = await openCountingProxy(daemon.port)
  const remote = `rsync://127.0.0.1:${proxy.port}/store/${basename(path)}`
  const run = async (from: string, to: string): Promise<Cost> => {
    proxy.take()
    const cpuBefore = processorSeconds(daemon.process.pid ?? 0)
    const finished = await runProcess(['rsync', '-z', '--inplace', '--no-whole-file', '--block-size=4096', from, to])
    const { up, down } = proxy.take()
    const serverMs = (processorSeconds(daemon.process.pid ?? 0) - cpuBefore) * 1000
    const { wallMs, cpuMs, rssBytes, ramDiskBytes } = finished
    return {
      wallMs,
      cpuMs: cpuMs + serverMs,
      bytesUp: up,
      bytesDown: down,
      deviceRssBytes: rssBytes,
      serverRssBytes: 0,
      ramDiskBytes,
    }
  }
  const contender: Contender = {
    name: 'rsync -z, 4 KiB blocks',
    note: 'one state only; not encrypted',
    reset: async () => {
      rmSync(store, { recursive: true, force: true })
      mkdirSync(store, { recursive: true })
    },
    firstBackup: () => run(path, remote),
    nightly: () => run(path, remote),
    restore: (to) => run(remote, to),
    storedBytes: () => folderBytes(store),
    close: async () => {
      proxy.close()
      daemon.process.kill('SIGTERM')
      await once(daemon.process, 'exit')
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return contender
}
