/**
 * Before the first test: puts our programs into few files. A server is some 900 modules, and the tests start hundreds of
 * processes; loading them one by one takes four times as long as everything else that a start does. What is made is a
 * checkout in small: launchers, entry points and worker processes at the paths that they have here, with the same code.
 * `launch.test.ts` and the quick start run the sources as they are.
 */

import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'vite'

const root = resolve(import.meta.dirname, '../..')
const packs = join(root, 'dist', 'tests')
const KEPT_MS = 24 * 60 * 60 * 1000

/** What is started as it is. */
const COPIED = [
  'package.json',
  'server/cli/launch.mjs',
  'server/cli/nightferry.mjs',
  'device-client/node/nightferry-device.mjs',
]
/** Modules that processes and threads begin with. */
const ENTRIES = [
  'server/cli/main',
  'server/worker/worker',
  'server/worker/decodeThread',
  'server/sql/copyChild',
  'device-client/node/cli/main',
  'test/crash/agentChild',
]
/** Not packed: native code, and where a crash test's observer is loaded beside the program (`killAtStep.ts`). */
const OUTSIDE = /^better-sqlite3$/
const OBSERVED = ['server/steps.ts', 'device-client/steps.ts'].map((path) => join(root, path))

/** Vitest's global set-up: tests find the folder in `NIGHTFERRY_PACKED`. */
export default async function packPrograms(): Promise<void> {
  const folder = join(packs, fingerprint())
  if (!existsSync(folder)) {
    removeOld()
    await pack(folder)
  }
  process.env.NIGHTFERRY_PACKED = folder
}

async function pack(folder: string): Promise<void> {
  const building = `${folder}.${process.pid}`
  await build({
    configFile: false,
    logLevel: 'silent',
    publicDir: false,
    ssr: { noExternal: true },
    plugins: [
      {
        name: 'checkout-in-small',
        enforce: 'pre',
        async resolveId(id, importer) {
          if (OUTSIDE.test(id)) return { id, external: true }
          if (!id.endsWith('/steps.ts')) return null
          const found = await this.resolve(id, importer, { skipSelf: true })
          return found && OBSERVED.includes(found.id) ? { id: pathToFileURL(found.id).href, external: true } : found
        },
        transform(code, id) {
          if (!id.startsWith(`${root}/`) || id.includes('/node_modules/')) return null
          const here = pathToFileURL(join(folder, id.slice(root.length))).href
          return code.replaceAll('import.meta.url', JSON.stringify(here))
        },
      },
    ],
    build: {
      outDir: building,
      ssr: true,
      minify: false,
      target: 'node22',
      rolldownOptions: {
        input: Object.fromEntries(ENTRIES.map((entry) => [entry, join(root, `${entry}.ts`)])),
        output: { entryFileNames: '[name].ts', chunkFileNames: 'chunks/[name]-[hash].mjs' },
      },
    },
  })
  for (const path of COPIED) {
    mkdirSync(dirname(join(building, path)), { recursive: true })
    copyFileSync(join(root, path), join(building, path))
  }
  try {
    renameSync(building, folder)
  } catch (cause) {
    // Another run made the same.
    if (!existsSync(folder)) throw cause
    rmSync(building, { recursive: true, force: true })
  }
}

/** Changes with whatever could change what is made. */
function fingerprint(): string {
  const hash = createHash('sha256')
  const sources = ['server', 'device-client', 'schemas'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|mjs)$/.test(name))
      .map((name) => join(folder, name)),
  )
  const others = ['package.json', 'package-lock.json', 'test/crash/agentChild.ts', 'test/support/packPrograms.ts']
  for (const path of [...sources.sort(), ...others]) hash.update(`${path}\0`).update(readFileSync(join(root, path)))
  return hash.digest('hex').slice(0, 16)
}

function removeOld(): void {
  if (!existsSync(packs)) return
  for (const name of readdirSync(packs)) {
    const path = join(packs, name)
    if (Date.now() - statSync(path).mtimeMs > KEPT_MS) rmSync(path, { recursive: true, force: true })
  }
}
