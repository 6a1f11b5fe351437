/**
 * The steps of the agent's work at which a kill could matter, by name. The client says where it stands; nobody
 * listens unless a crash test loaded an observer into the process (DC-50).
 */

/** Every step, in the order of the work. */
export const AGENT_STEPS = [
  'register',
  'secret-kept',
  'identity-kept',
  'install',
  'seal',
  'sealed',
  'image',
  'image-described',
  'extract',
  'extracted',
  'scratch',
  'mark-sent',
  'marked-sent',
  'send',
  'answer',
  'acknowledge',
  'picture-acknowledged',
  'state-acknowledged',
  'acknowledged',
  'history',
  'ticket',
  'ticket-kept',
  'segment',
  'segment-kept',
  'join',
  'joined',
  'retire',
  'rename',
  'renamed',
  'adopt',
  'adopted',
  'confirmed',
  'cleared',
] as const

export type AgentStep = (typeof AGENT_STEPS)[number]

let observer: ((name: AgentStep) => void) | undefined

/** Says that the work stands here. Does nothing unless somebody observes. */
export function step(name: AgentStep): void {
  observer?.(name)
}

/** Calls `next` at each step of this process from now on. */
export function observeSteps(next: (name: AgentStep) => void): void {
  observer = next
}
