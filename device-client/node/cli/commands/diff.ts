/** `nightferry-device diff`: what differs between two restore points of a database of this device. */

import { textOf } from '../../../../schemas/cli/commandTable.ts'
import { DIFF_OPTIONS, formatDiff, readDiffOptions } from '../../../../schemas/cli/formatDiff.ts'
import type { AgentCommand } from '../agentContext.ts'
import { parseAt } from '../parseAt.ts'

export const diff: AgentCommand = {
  spec: {
    name: 'diff',
    summary: 'say what differs between two restore points',
    args: [
      { name: 'DATABASE', summary: 'name of the backup' },
      { name: 'A', summary: 'name or number of a restore point, a time, or latest' },
      { name: 'B', summary: 'likewise' },
    ],
    options: DIFF_OPTIONS,
  },
  run: async (context, input) => {
    const database = textOf(input, 'DATABASE') ?? ''
    const [from, to] = [parseAt(textOf(input, 'A') ?? ''), parseAt(textOf(input, 'B') ?? '')]
    const report = await context.client.diff({ database, from, to, ...readDiffOptions(input) })
    return { json: { database, ...report }, text: formatDiff(report) }
  },
}
