/**
 * Bundles a page's source with vite's library build, and serves it on loopback. A module of Node in the bundle fails
 * the build: vite would put an empty shim in its place.
 */

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { isBuiltin } from 'node:module'
import type { AddressInfo } from 'node:net'
import { extname } from 'node:path'
import { build } from 'vite'

/** What a build gave. */
export interface PageBundle {
  readonly code: string
  /** Modules that are not in the bundle but would be asked for. */
  readonly imports: readonly string[]
}

/** Builds `entry` into `outDir/page.js`. @throws Error that names the module of Node and who imports it. */
export async function bundlePage(entry: string, outDir: string): Promise<PageBundle> {
  const results = await build({
    configFile: false,
    logLevel: 'silent',
    publicDir: false,
    plugins: [
      {
        name: 'no-node',
        enforce: 'pre',
        resolveId: (id, importer) => {
          if (isBuiltin(id)) throw new Error(`${importer ?? entry} imports ${id}, which no page has`)
          return null
        },
      },
    ],
    build: {
      outDir,
      emptyOutDir: false,
      minify: false,
      target: 'es2024',
      lib: { entry, formats: ['es'], fileName: () => 'page.js' },
      // Parts that the client loads when they are needed come along: the page is one file.
      rolldownOptions: { output: { codeSplitting: false } },
    },
  })
  const outputs = (Array.isArray(results) ? results : [results]).flatMap((result) =>
    'output' in result ? result.output : [],
  )
  const chunks = outputs.filter((output) => output.type === 'chunk')
  const built = new Set(chunks.map((chunk) => chunk.fileName))
  const asked = chunks.flatMap((chunk) => [...chunk.imports, ...chunk.dynamicImports])
  return {
    code: chunks.map((chunk) => chunk.code).join('\n'),
    imports: asked.filter((name) => !built.has(name)),
  }
}

export interface PageServer {
  readonly origin: string
  close(): Promise<void>
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
}

/** Serves exactly `files`: path as asked for → file on disk. */
export async function servePage(files: Readonly<Record<string, string>>): Promise<PageServer> {
  const server = createServer((request, response) => {
    const file = files[(request.url ?? '').replace(/\?.*$/, '')]
    if (file === undefined) response.writeHead(404).end()
    else
      response
        .writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' })
        .end(readFileSync(file))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
