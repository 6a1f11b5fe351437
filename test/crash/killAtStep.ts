/**
 * Loaded into server, workers and agent by `node --import`: ends the process with SIGKILL at a named step. Which step,
 * its how many-eth time, and whether this process or its parent dies, stands in the file that NIGHTFERRY_KILL_FILE
 * names; the file is taken away with the kill, so that it happens once.
 */

import { readFileSync, unlinkSync } from 'node:fs'
import { observeSteps as observeAgent } from '../../device-client/steps.ts'
import { observeSteps as observeServer } from '../../server/steps.ts'

const path = process.env.NIGHTFERRY_KILL_FILE
let counting = ''
let times = 0

function killAt(name: string): void {
  const order = readOrder()
  if (order === undefined) return
  const [step, count, victim] = order.split(' ')
  if (step !== name) return
  times = counting === order ? times + 1 : 1
  counting = order
  if (times < Number(count)) return
  try {
    unlinkSync(path ?? '')
  } catch {
    // Another process was killed by this order already.
    return
  }
  process.kill(victim === 'parent' ? process.ppid : process.pid, 'SIGKILL')
}

function readOrder(): string | undefined {
  try {
    return readFileSync(path ?? '', 'utf8')
  } catch {
    return undefined
  }
}

if (path !== undefined) {
  observeServer(killAt)
  observeAgent(killAt)
}
