#!/usr/bin/env node
/** The operator's command `nightferry`: starts `main.ts` on a Node that can run it. */

import { launch } from './launch.mjs'

await launch('server/cli/main.ts', process.argv.slice(2))
