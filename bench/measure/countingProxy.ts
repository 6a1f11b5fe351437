/** A TCP proxy on loopback that counts every octet between a device and a server, HTTP headers and all. */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface CountingProxy {
  readonly port: number
  /** Octets since the last call. */
  take(): { up: number; down: number }
  close(): void
}

export async function openCountingProxy(targetPort: number): Promise<CountingProxy> {
  let [up, down] = [0, 0]
  const sockets = new Set<Socket>()
  const server = createServer((device) => {
    const target = connect(targetPort, '127.0.0.1')
    for (const socket of [device, target]) {
      socket.setNoDelay(true)
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        ;(socket === device ? target : device).destroy()
      })
    }
    device.on('data', (chunk) => {
      up += chunk.length
    })
    target.on('data', (chunk) => {
      down += chunk.length
    })
    device.pipe(target)
    target.pipe(device)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    take: () => {
      const counted = { up, down }
      up = 0
      down = 0
      return counted
    },
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
