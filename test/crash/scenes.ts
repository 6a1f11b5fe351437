/** At which occasion each named step is passed, and which process dies there. */

import { AGENT_STEPS } from '../../device-client/steps.ts'
import { SERVER_STEPS } from '../../server/steps.ts'

/** What goes on when the kill comes. `night`: a Delta; `large`: one that is spooled; `look`: a restore beside; */
export type Scene = 'register' | 'full' | 'night' | 'large' | 'look' | 'home' | 'clone'

/** A kill: at a step, or at a moment of the scene. */
export interface Kill {
  readonly victim: 'server' | 'worker' | 'agent'
  readonly scene: Scene
  readonly step?: string
  /** The how many-eth time the step is passed. */
  readonly count: number
  /** The part of the scene's usual time that has passed then. */
  readonly moment?: number
}

const SERVER_SCENES: Readonly<Record<string, Scene>> = {
  'spool-write': 'large',
  'spool-written': 'large',
  'import-receive': 'full',
  'import-received': 'full',
  'import-build': 'full',
  'import-settle': 'full',
  'import-settled': 'full',
  'put-aside': 'full',
  'copy-switch': 'full',
  'copy-switched': 'full',
  'copy-removed': 'full',
  'image-build': 'look',
  'image-built': 'look',
  'segment-write': 'look',
  'segment-stored': 'look',
  ticket: 'look',
  'ticket-written': 'look',
  'adopt-position': 'home',
  'adopted-position': 'home',
  confirm: 'home',
  confirmed: 'home',
  clone: 'clone',
  cloned: 'clone',
  account: 'register',
  'account-written': 'register',
  device: 'register',
  'device-written': 'register',
  verify: 'register',
  verified: 'register',
}

const AGENT_SCENES: Readonly<Record<string, Scene>> = {
  register: 'register',
  'secret-kept': 'register',
  'identity-kept': 'register',
  install: 'register',
  image: 'full',
  'image-described': 'full',
  ticket: 'look',
  'ticket-kept': 'look',
  segment: 'look',
  'segment-kept': 'look',
  join: 'look',
  joined: 'look',
  retire: 'home',
  rename: 'home',
  renamed: 'home',
  adopt: 'home',
  adopted: 'home',
  confirmed: 'home',
  cleared: 'home',
}

/** Steps that a worker process passes; there, its parent can be the victim as well. */
const WORKER_STEPS = /^(inflate|apply-|import-|image-|segment-|adopt)/

/** Each named step once, those of workers once with the worker and once with the server as victim. */
export function namedKills(): Kill[] {
  const server = SERVER_STEPS.flatMap((step): Kill[] => {
    const scene = SERVER_SCENES[step] ?? 'night'
    const kill = { victim: 'server', scene, step, count: 1 } as const
    return WORKER_STEPS.test(step) ? [{ ...kill, victim: 'worker' }, kill] : [kill]
  })
  const agent = AGENT_STEPS.map((step): Kill => {
    return { victim: 'agent', scene: AGENT_SCENES[step] ?? 'night', step, count: 1 }
  })
  return [...server, ...agent]
}

/** Whether a worker process passes the step. */
export function isWorkerStep(step: string | undefined): boolean {
  return step !== undefined && WORKER_STEPS.test(step)
}

/** Who has to be named in the order: the process that passes the step, or its parent. */
export function orderedVictim(kill: Kill): 'self' | 'parent' {
  return kill.victim === 'server' && isWorkerStep(kill.step) ? 'parent' : 'self'
}

/** A kill of process `victim` at a random moment of `scene`. */
export function randomKill(random: () => number): Kill {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const scene = pick<Scene>(['night', 'night', 'night', 'large', 'full', 'look', 'home', 'clone'])
  return { victim: pick(['server', 'worker', 'agent', 'agent'] as const), scene, count: 1, moment: random() }
}
