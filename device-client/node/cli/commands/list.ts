/** `nightferry-device list`: the databases under backup. */

import { formatTable } from '../../../../schemas/cli/formatTable.ts'
import { formatWindow } from '../../../schedule/preferences.ts'
import type { AgentCommand } from '../agentContext.ts'

export const list: AgentCommand = {
  spec: { name: 'list', summary: 'list the databases under backup', args: [], options: [] },
  run: async (context) => {
    const databases = await context.client.list()
    const rows = databases.map(({ name, path, preferences }) => [
      name,
      preferences.method,
      preferences.enabled ? preferences.cron : 'off',
      preferences.window === undefined ? 'any time' : formatWindow(preferences.window),
      path,
    ])
    const headings = ['NAME', 'METHOD', 'SCHEDULE', 'WINDOW', 'PATH']
    return { json: { databases }, text: formatTable(headings, rows, 'no database is added yet') }
  },
}
