/** Runs commands of the operator in this process, on an edge of the tests. */

import type { OpenedServer, ServerOpeners } from '../../../server/cli/openedServer.ts'
import { runServerProgram } from '../../../server/cli/program.ts'
import type { Listening } from '../../../server/http/listen.ts'
import { type Edge, noDiff } from '../http/edge.ts'

/** The edge as an opened server; `close` leaves it to the test. */
export function openersOf(edge: Edge, listening: Listening, created = false): ServerOpeners {
  const server: OpenedServer = {
    accounts: edge.local.service,
    ...{ ...edge.stores, verify: edge.verifyNow },
    ...{ listPoints: edge.restores.listPoints, pinning: edge.pinning, diff: noDiff },
    ...{ prune: async () => ({ databases: [], failed: 0 }), allowEmpty: async () => undefined },
    ...{ datastorePasswords: edge.datastorePasswords, serverPasswords: edge.serverPasswords },
    deliveries: edge.deliveries,
    ...{ serverId: 'nightferry-test', wake: edge.push.wake, tracer: edge.tracer, quotas: edge.quotas },
    ...{ keys: { currentKeyId: 'mk_1', masterKeyFile: 'data/master.key', created } },
    ...{ keyCare: edge.keyCare, erasure: edge.erasure, healthOf: edge.healthOf, testAlerts: async () => [] },
    createOperatorToken: (lifeS) => edge.local.service.issueOperatorToken(lifeS),
    listen: async () => ({ url: listening.url }),
    close: async () => undefined,
  }
  return { openServer: async () => server, openAccountServer: async () => server }
}

/** One command, and what came of it. */
export async function runOperator(argv: string[], environment: Record<string, string>, openers: ServerOpeners) {
  const [stdout, stderr]: [string[], string[]] = [[], []]
  const exitCode = await runServerProgram({
    argv,
    environment,
    output: { stdout: (text) => void stdout.push(text), stderr: (text) => void stderr.push(text) },
    stopped: () => new Promise((resolve) => void setTimeout(resolve, 50)),
    openers,
  })
  const printed = stdout.join('')
  return {
    exitCode,
    stdout: printed,
    stderr: stderr.join(''),
    json: () => JSON.parse(printed) as Record<string, unknown>,
  }
}
