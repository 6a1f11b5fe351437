/** `nightferry-device sync add`: sets up a sync of a folder or a table with a SyncML server. */

import { resolve } from 'node:path'
import { type CommandInput, textOf } from '../../../../schemas/cli/commandTable.ts'
import type { AddSyncOptions } from '../../../sync/createSyncClient.ts'
import { SYNC_APPS, type SyncApp } from '../../../sync/syncApp.ts'
import { formatSource, parseSource, type SourceSpec } from '../../../sync/syncEntry.ts'
import { SYNC_MODES, type SyncMode } from '../../../sync/syncMode.ts'
import { type AgentCommand, withWorkLock } from '../agentContext.ts'

/** Where a server of ours keeps items of each kind; rows of tables are texts. */
const REMOTES: Readonly<Record<SyncApp, string>> = {
  contacts: './contacts',
  calendar: './calendar',
  tasks: './tasks',
  notes: './notes',
  records: './notes',
}

export const syncAdd: AgentCommand = {
  spec: {
    name: 'sync add',
    summary: 'set up a sync of a folder or a table with a SyncML server, or change one',
    args: [],
    options: [
      { name: 'app', value: 'APP', summary: 'what the items are', required: true, choices: SYNC_APPS },
      { name: 'source', value: 'SOURCE', summary: 'vdir:FOLDER or sqlite:FILE#TABLE', required: true },
      { name: 'name', value: 'NAME', summary: 'name of the sync (default: the app)' },
      { name: 'server', value: 'URL', summary: "address of the SyncML server (default: this device's own server)" },
      {
        name: 'remote',
        value: 'URI',
        summary: 'datastore of the server (default: ./ and the app; ./notes for records)',
      },
      { name: 'user', value: 'NAME', summary: 'name of the account there' },
      { name: 'auth', value: 'HOW', summary: 'how to log in first', choices: ['md5', 'basic'], default: 'md5' },
      { name: 'mode', value: 'MODE', summary: 'which way', choices: Object.keys(SYNC_MODES), default: 'two-way' },
      { name: 'encoding', value: 'HOW', summary: 'form of messages', choices: ['wbxml', 'xml'], default: 'wbxml' },
      { name: 'device-id', value: 'ID', summary: 'id of this device there (default: one of its own making)' },
      { name: 'password-file', value: 'FILE', summary: 'read the password from this file in each run', path: true },
    ],
  },
  run: (context, input) =>
    withWorkLock(context, async () => {
      const entry = await (await context.openSyncs()).add(readOptions(input))
      const text = `${entry.name}: ${formatSource(entry.source)} with ${entry.remote} of ${entry.server}\n`
      return { json: { ...entry, source: formatSource(entry.source) }, text }
    }),
}

/** commander has checked the choices. */
function readOptions(input: CommandInput): AddSyncOptions {
  const app = textOf(input, 'app') as SyncApp
  const [server, user, deviceId] = ['server', 'user', 'device-id'].map((name) => textOf(input, name))
  const passwordFile = textOf(input, 'password-file')
  return {
    app,
    name: textOf(input, 'name') ?? app,
    source: absolute(parseSource(textOf(input, 'source') ?? '')),
    remote: textOf(input, 'remote') ?? REMOTES[app],
    auth: textOf(input, 'auth') === 'basic' ? 'basic' : 'md5',
    encoding: textOf(input, 'encoding') === 'xml' ? 'xml' : 'wbxml',
    mode: textOf(input, 'mode') as SyncMode,
    ...(server === undefined ? {} : { server }),
    ...(user === undefined ? {} : { user }),
    ...(deviceId === undefined ? {} : { deviceId }),
    ...(passwordFile === undefined ? {} : { passwordFile: resolve(passwordFile) }),
  }
}

function absolute(source: SourceSpec): SourceSpec {
  return { ...source, path: resolve(source.path) }
}
