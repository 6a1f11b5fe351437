/**
 * The simulated devices, in a process of their own. Each has its own database, identity and secrets and runs the real
 * client: registration and first backup over HTTP; then the message of each measured night is made by the same client
 * and kept, so that the measured time is the server's, and its answer is heard when the night is over. The parent says
 * when what happens.
 */

import http from 'node:http'
import { join } from 'node:path'
import { createDevice, type Device, inParallel, keepNight, moveServer, send } from './device.ts'
import { makeFleetDatabase } from './fleetDatabase.ts'
import { type FleetPlan, type FleetReply, type FleetRequest, fleetAccount } from './plan.ts'

let devices: Device[] = []
let nights = 0

async function prepare(plan: FleetPlan): Promise<FleetReply> {
  makeFleetDatabase(join(plan.folder, 'template.db'))
  devices = Array.from({ length: plan.devices }, (_, number) => createDevice(number, plan.folder))
  await inParallel(devices, 8, async (device) => {
    const { user, password } = fleetAccount(device.number, plan)
    await device.client.init({ server: plan.server, user, password, device: `device-${device.number}` })
    await device.client.add({ path: device.path, name: 'app' })
    await device.client.backup('app')
    await keepNight(device, 0)
  })
  return { kind: 'prepared' }
}

/** The devices hear what the server said to the night before, and make the next one. */
async function prepareNext(serverPort: number): Promise<FleetReply> {
  moveServer(serverPort)
  nights++
  await inParallel(devices, 8, async (device) => {
    const { kept } = device
    if (kept?.answer === undefined) throw new Error('a device has no answer')
    device.keeping = false
    kept.answered(kept.answer)
    await device.night
    await keepNight(device, nights)
  })
  return { kind: 'prepared' }
}

async function run(port: number, width: number): Promise<FleetReply> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: width })
  const latenciesMs: number[] = []
  let refused = 0
  await inParallel(devices, width, async (device) => {
    const startedAt = performance.now()
    if (device.kept === undefined) throw new Error('the message of this device is missing')
    const status = await send(device.kept, port, agent)
    latenciesMs.push(performance.now() - startedAt)
    if (status !== 'accepted') refused++
  })
  agent.destroy()
  return { kind: 'ran', latenciesMs, refused }
}

function carryOut(request: FleetRequest): Promise<FleetReply> {
  if (request.kind === 'prepare') return prepare(request.plan)
  return request.kind === 'run' ? run(request.port, request.width) : prepareNext(request.port)
}

process.on('message', (message) => {
  const request = message as FleetRequest
  carryOut(request).then(
    (reply) => process.send?.(reply),
    (cause: unknown) => {
      process.send?.({
        kind: 'failed',
        message: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause),
      })
    },
  )
})
process.on('disconnect', () => process.exit(0))
