import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/temporaryFolder.ts', 'test/support/packPrograms.ts'],
    pool: 'forks',
    // Files share a process and what it has loaded: none changes what belongs to the process.
    isolate: false,
    maxWorkers: 2,
    // They end what hangs; on a busy machine a test that starts forty programs takes long.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ['default'],
  },
})
