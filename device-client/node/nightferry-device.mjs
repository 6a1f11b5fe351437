#!/usr/bin/env node
/** The agent's command `nightferry-device`: starts its `main.ts` on a Node that can run it. */

import { launch } from '../../server/cli/launch.mjs'

await launch('device-client/node/cli/main.ts', process.argv.slice(2))
