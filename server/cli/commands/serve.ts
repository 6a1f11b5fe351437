/** `nightferry serve` and `nightferry accounts serve`: run a server until it is told to stop. */

import type { CommandOutcome } from '../../../schemas/cli/commandTable.ts'
import type { OpenedServer } from '../openedServer.ts'
import { ALL_SETTING_OPTIONS, configOf, type ServerCommand, type ServerContext } from '../serverContext.ts'

export const serve: ServerCommand = {
  spec: { name: 'serve', summary: 'run the backup server', args: [], options: ALL_SETTING_OPTIONS },
  run: async (context, input) => runUntilStopped(context, await context.openers.openServer(configOf(context, input))),
}

export const accountsServe: ServerCommand = {
  spec: {
    name: 'accounts serve',
    summary: 'run the account service as a process of its own',
    args: [],
    options: ALL_SETTING_OPTIONS,
  },
  run: async (context, input) =>
    runUntilStopped(context, await context.openers.openAccountServer(configOf(context, input))),
}

/** Listens, says where, waits for the signal, lets what is in work finish. The line was printed: nothing at the end. */
export async function runUntilStopped(
  context: ServerContext,
  server: Pick<OpenedServer, 'listen' | 'close' | 'keys'>,
): Promise<CommandOutcome> {
  const stopped = context.stopped()
  try {
    noticeNewKey(context, server.keys)
    const { url } = await server.listen()
    context.announce({ listening: url })
    if (!context.json) context.notice(`listening on ${url}\n`)
    await stopped
    context.notice('stopping\n')
  } finally {
    await server.close()
  }
  return { text: '' }
}

/** The plain notice of the embedded default: where the key lies, and that it must be kept (once, at the first start). */
export function noticeNewKey(context: ServerContext, keys: OpenedServer['keys']): void {
  if (!keys.created || keys.masterKeyFile === undefined) return
  context.notice(`A master key was made: ${keys.masterKeyFile}\n`)
  context.notice('Keep a copy of it elsewhere: without it no backup here can be read again.\n')
  context.notice('Print it as words with "nightferry keys kit"; no recovery kit is proven yet.\n')
}
