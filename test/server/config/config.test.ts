/** Settings, secrets and logs. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../../server/config/config.ts'
import { readSecrets } from '../../../server/config/secrets.ts'
import { environmentName, formatSettings, optionName, type Setting, settings } from '../../../server/config/settings.ts'
import { createLoggers } from '../../../server/logger.ts'

describe('configuration', () => {
  it('has defaults for a first start', () => {
    expect(readConfig({})).toMatchObject({
      host: '127.0.0.1',
      port: 8080,
      registration: 'open',
      corsOrigins: [],
      trustProxy: 0,
      rehearse: 'on',
      logLevel: 'info',
    })
    expect(readConfig({}).data).toMatch(/^\/.*\/data$/)
    expect(readConfig({})).not.toHaveProperty('accountsUrl')
  })

  it('takes the command line before the environment before the default', () => {
    const environment = { NIGHTFERRY_PORT: '9000', NIGHTFERRY_CORS_ORIGINS: 'https://a.example, https://b.example' }
    expect(readConfig(environment)).toMatchObject({
      port: 9000,
      corsOrigins: ['https://a.example', 'https://b.example'],
    })
    expect(readConfig(environment, { port: '0', accountsUrl: 'http://127.0.0.1:8090/' })).toMatchObject({
      port: 0,
      accountsUrl: 'http://127.0.0.1:8090',
    })
  })

  it('refuses wrong values with the name of the setting', () => {
    const wrong = {
      port: '65536',
      requestTimeoutMs: '-1',
      accountsUrl: 'ftp://x',
      registration: 'maybe',
      host: '',
      data: '',
    }
    for (const [name, value] of Object.entries(wrong))
      expect(() => readConfig({ [environmentName(name)]: value }), name).toThrow(
        expect.objectContaining({ code: 'config.invalid', fields: { setting: name } }),
      )
  })

  it('refuses numbers with which the server could not work, with the name of the setting', () => {
    const withLeast = Object.entries<Setting>(settings).flatMap(([name, { type, least }]) =>
      type === 'whole' && least !== undefined ? [{ name, least }] : [],
    )
    expect(withLeast.map(({ name }) => name)).toEqual([
      ...[
        'requestTimeoutMs',
        'sessionIdleMs',
        'restoreLifeHours',
        'workerTimeoutMs',
        'workerMemoryMb',
        'staleAfterHours',
      ],
    ])
    for (const { name, least } of withLeast) {
      for (const text of ['0', String(least - 1)])
        expect(() => readConfig({ [environmentName(name)]: text }), name).toThrow(
          expect.objectContaining({ code: 'config.invalid', fields: { setting: name } }),
        )
      expect(readConfig({ [environmentName(name)]: String(least) })).toHaveProperty(name, least)
      expect(formatSettings()).toContain(`whole, at least ${least}`)
    }
    expect(readConfig({ NIGHTFERRY_TRUST_PROXY: '0' }).trustProxy).toBe(0)
    expect(() => readConfig({ NIGHTFERRY_NIGHT_HOUR: '24' })).toThrow('an hour, 0 to 23')
  })

  it('reads every setting of the table from the environment, and documents it', () => {
    const samples = { text: 'x', path: '/x', port: '1', hour: '23', whole: '100000', url: 'http://x', list: 'x' }
    const given = Object.fromEntries(
      Object.entries(settings).map(([name, { type }]) => [
        environmentName(name),
        typeof type === 'string' ? samples[type] : type[0],
      ]),
    )
    expect(Object.keys(readConfig(given)).sort()).toEqual(Object.keys(settings).sort())
    for (const name of Object.keys(settings))
      expect(formatSettings()).toContain(`\`${optionName(name)}\` | \`${environmentName(name)}\``)
  })

  it('reads the service secret from a file or the environment, never a short one or one no header can carry', () => {
    const dir = mkdtempSync(join(tmpdir(), 'nightferry-config-'))
    const secret = 's'.repeat(40)
    writeFileSync(join(dir, 'secret'), `${secret}\n`)
    expect(readSecrets({})).toEqual({})
    expect(readSecrets({ NIGHTFERRY_SERVICE_SECRET_FILE: join(dir, 'secret') })).toEqual({ serviceSecret: secret })
    expect(readSecrets({ NIGHTFERRY_SERVICE_SECRET: secret })).toEqual({ serviceSecret: secret })
    for (const environment of [
      { NIGHTFERRY_SERVICE_SECRET: 'short' },
      { NIGHTFERRY_SERVICE_SECRET: `${secret} ${secret}` },
      { NIGHTFERRY_SERVICE_SECRET: `${secret}é` },
      { NIGHTFERRY_SERVICE_SECRET_FILE: join(dir, 'none') },
    ])
      expect(() => readSecrets(environment)).toThrow(expect.objectContaining({ code: 'config.invalid' }))
    rmSync(dir, { recursive: true })
  })
})

describe('logs', () => {
  it('are JSON lines by subsystem, with secrets cut out', () => {
    const lines: string[] = []
    const { account } = createLoggers('info', { write: (line) => void lines.push(line) })
    account.debug('not shown')
    account.info('a login', { deviceId: 'IMEI:1', password: 'my-secret', request: { authorization: 'my-secret' } })
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      subsystem: 'account',
      msg: 'a login',
      deviceId: 'IMEI:1',
      password: '[secret]',
    })
    expect(lines.join('')).not.toContain('my-secret')
  })
})
