/** Whether this device takes over what a lost one was to fetch: by policy, or as the user at the terminal says (DV-7). */

import type { Log } from '../../ports.ts'

export async function askTakeOver(log: Log, policy: string, lost: readonly string[]): Promise<boolean> {
  if (policy !== 'ask' || !process.stdin.isTTY) {
    const takesOver = policy === 'yes'
    log.info(takesOver ? 'takes over what a lost device was to fetch' : 'a lost device is not taken over for', {
      lost: lost.join(),
    })
    return takesOver
  }
  const { confirm } = await import('@clack/prompts')
  const message = `${lost.length} device(s) of the Delivery are lost. Fetch their part, too?`
  return (await confirm({ message, output: process.stderr })) === true
}
