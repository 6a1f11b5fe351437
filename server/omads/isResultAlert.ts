/** Alert 221 (reference 3.12): a client that was told to wait asks for the answer. */

import { ALERT } from '../../schemas/syncml/codes.ts'
import type { Message } from '../../schemas/syncml/message.ts'

/** True if the client asks for the answer to its last message, and for nothing else. */
export function isResultAlert({ commands }: Message): boolean {
  const [alert, ...others] = commands.filter(({ name }) => name !== 'Status')
  return alert?.name === 'Alert' && others.length === 0 && Number((alert.data ?? '').trim()) === ALERT.resultAlert
}
