/** `nightferry demo`: backup, change, Delta and restore against a running server, compared independently. */

import { type CommandOutcome, textOf } from '../../../schemas/cli/commandTable.ts'
import { EXIT } from '../../../schemas/cli/exitCode.ts'
import { type DemoReport, formatDemo, runDemo } from '../demo/runDemo.ts'
import type { ServerCommand } from '../serverContext.ts'

export const demo: ServerCommand = {
  spec: {
    name: 'demo',
    summary: 'back up, change and restore a database against a running server',
    args: [],
    options: [{ name: 'server', value: 'URL', summary: 'the server', default: 'http://127.0.0.1:8080' }],
  },
  run: async (context, input) => {
    const url = (textOf(input, 'server') ?? '').replace(/\/+$/, '')
    return demoOutcome(await runDemo(url, (step) => context.notice(`${step} …\n`)))
  },
}

/** What a demo hands back: exit code 0 only if the files are equal. */
export function demoOutcome(report: DemoReport): CommandOutcome {
  return { json: { ...report }, text: formatDemo(report), exitCode: report.equal ? EXIT.ok : EXIT.integrity }
}
