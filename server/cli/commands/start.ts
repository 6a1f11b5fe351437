/** `npm start`: the server on the embedded default, the demo against it once, then it keeps serving. */

import { EXIT } from '../../../schemas/cli/exitCode.ts'
import { formatDemo, runDemo } from '../demo/runDemo.ts'
import { ALL_SETTING_OPTIONS, configOf, type ServerCommand } from '../serverContext.ts'
import { demoOutcome } from './demo.ts'
import { noticeNewKey } from './serve.ts'

export const start: ServerCommand = {
  spec: {
    name: 'start',
    summary: 'run the server, and the demo against it once',
    args: [],
    options: [{ name: 'demo-only', summary: 'end after the demo' }, ...ALL_SETTING_OPTIONS],
    hidden: true,
  },
  run: async (context, input) => {
    const stopped = context.stopped()
    const server = await context.openers.openServer(configOf(context, input))
    try {
      noticeNewKey(context, server.keys)
      const { url } = await server.listen()
      context.notice(`listening on ${url}\n`)
      const demo = runDemo(url, (step) => context.notice(`${step} …\n`))
      const report = await Promise.race([demo, stopped])
      if (report === undefined) return { text: '', exitCode: EXIT.failed }
      // Where the demo failed, serving on would hide it.
      if (input['demo-only'] === true || !report.equal) return demoOutcome(report)
      context.announce({ listening: url, ...report })
      if (!context.json) context.notice(`${formatDemo(report)}still listening on ${url}, stop with Ctrl-C\n`)
      await stopped
      return { text: '', exitCode: EXIT.ok }
    } finally {
      await server.close()
    }
  },
}
