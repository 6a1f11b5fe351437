/** `npm start`: the server on the embedded default, with the demo run against it once. */

import { launch } from './launch.mjs'

await launch('server/cli/main.ts', ['start', ...process.argv.slice(2)])
