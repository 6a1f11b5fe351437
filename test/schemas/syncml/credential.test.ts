/** Credentials against the vectors of the reference (section 5.2). */

import { describe, expect, test } from 'vitest'
import * as credential from '../../../schemas/syncml/credential.ts'
import { encodeUtf8 } from '../../../schemas/utf8.ts'

const octets = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const text = (value: string) => ({ kind: 'text', text: value }) as const
const bytes = (value: Uint8Array) => ({ kind: 'bytes', bytes: value }) as const

const alice = { basic: 'YWxpY2U6c2VjcmV0', ha1: 'b2IgWJaLuQdX5sbteeXfgQ==' }
const vectors = [
  [
    'Bruce2',
    'OhBehave',
    'Nonce',
    'QnJ1Y2UyOk9oQmVoYXZl',
    'PtEdr8lBQ45IbT1bZIkrOQ==',
    'Zz6EivR3yeaaENcRN6lpAQ==',
    'UmkqAAZhiQvXXhfaf/u+OQ==',
  ],
  ['alice', 'secret', 'abc123', alice.basic, alice.ha1, 'ONXx3bRM9178FX8hyaIEOQ==', 'w27BPJm7+pwLeQzCkgzeyw=='],
  ['alice', 'secret', '', alice.basic, alice.ha1, 'lOnT4YjHnGPOubN9TXInoQ==', '0IYb9KF7Vt7YJWXIJBtZrw=='],
  [
    'test',
    'test',
    '',
    'dGVzdDp0ZXN0',
    'xPlhtDgO4k2YL+127za+nw==',
    'x2EHlRSZiRM209YwocVlVg==',
    '6Wm2b7b5eH490ZY1x4FXHQ==',
  ],
  [
    'guest',
    'guest',
    'Funambol-4711',
    'Z3Vlc3Q6Z3Vlc3Q=',
    '08O1y1XTxtDGEi7tzMPc8w==',
    'Y/DCh4fWCJaZFawJrqWW+A==',
    't4Ko+I/w5q+Qoz+ZW+QEmA==',
  ],
  [
    'jürgen',
    'pässwörd',
    'n0nce!',
    'asO8cmdlbjpww6Rzc3fDtnJk',
    'lJPt+MYj5gUzXcigHVbA/A==',
    'KiMctH0WMNj5OBgeMMN/UA==',
    'zPmBLBDp9gVr4G8NOC72XA==',
  ],
] as const

describe('credentials', () => {
  test.each(vectors)('[WF-6] vectors of %s %s with nonce "%s"', (user, password, nonce, basic, ha1, md5, md5Of10) => {
    const nonceOctets = encodeUtf8(nonce)
    expect(credential.basicCredential(user, password)).toBe(basic)
    expect(credential.ha1(user, password)).toBe(ha1)
    expect(credential.md5Credential(ha1, nonceOctets)).toBe(md5)
    expect(credential.md5CredentialOf10(user, password, nonceOctets)).toBe(md5Of10)
    expect(credential.parseBasicCredential(text(basic))).toEqual({ user, password })
    expect(credential.parseMd5Credential(text(md5))).toEqual(credential.md5Digest(ha1, nonceOctets))
  })

  test('[WF-6] a nonce that is no text', () => {
    const nonce = octets('0001feff')
    expect(credential.md5Credential(alice.ha1, nonce)).toBe('O2s8mNPerYBNwIgJE49KJQ==')
    expect(credential.md5CredentialOf10('alice', 'secret', nonce)).toBe('2VLxhJOlriJ99rURuf3EiA==')
  })

  test('[WF-6] the raw digest of the first vector', () => {
    const raw = octets('673e848af477c9e69a10d71137a96901')
    expect(credential.md5Digest('PtEdr8lBQ45IbT1bZIkrOQ==', encodeUtf8('Nonce'))).toEqual(raw)
    expect(credential.parseMd5Credential(bytes(raw))).toEqual(raw)
    expect(credential.parseMd5Credential(bytes(encodeUtf8('Zz6EivR3yeaaENcRN6lpAQ==')))).toEqual(raw)
    expect(credential.parseMd5Credential(text(' Zz6EivR3yeaa\r\nENcRN6lpAQ== '))).toEqual(raw)
  })

  test.each([
    text(''),
    text('Zz6E'),
    text('not base64!'),
    bytes(octets('00ff')),
    { kind: 'anchor', anchor: { next: '1' } } as const,
  ])('[WF-6] %j is no digest', (data) => expect(credential.parseMd5Credential(data)).toBeUndefined())

  test.each([text('!'), text('YWJj'), bytes(octets('fffe')), text('')])('[WF-6] %j is no user and password', (data) => {
    expect(credential.parseBasicCredential(data)).toBeUndefined()
  })

  test('[WF-6] a password may hold colons', () => {
    const data = text(credential.basicCredential('u', 'a:b:c'))
    expect(credential.parseBasicCredential(data)).toEqual({ user: 'u', password: 'a:b:c' })
  })
})

describe('HMAC', () => {
  const body = encodeUtf8('<SyncML></SyncML>')

  test.each([
    ['alice', 'secret', 'abc123', 'WXAOjkzw5uKSw7eaH+/bSQ=='],
    ['Bruce2', 'OhBehave', 'Nonce', '2uhSduf8t+E4pjL64qittw=='],
  ])('[WF-6] MAC of %s', (user, password, nonce, mac) => {
    expect(credential.hmac(credential.ha1(user, password), encodeUtf8(nonce), body)).toBe(mac)
  })

  test('[WF-6] header both ways', () => {
    const value = 'algorithm=MD5, username="alice", mac=WXAOjkzw5uKSw7eaH+/bSQ=='
    const header = { username: 'alice', mac: 'WXAOjkzw5uKSw7eaH+/bSQ==' }
    expect(credential.parseHmacHeader(value)).toEqual(header)
    expect(credential.formatHmacHeader(header)).toBe(value)
    expect(credential.parseHmacHeader('username="alice", mac=WXAOjkzw5uKSw7eaH+/bSQ==')).toEqual(header)
    const odd = { username: 'a"b\\c, mac=x', mac: 'YQ==' }
    expect(credential.parseHmacHeader(credential.formatHmacHeader(odd))).toEqual(odd)
  })

  test.each([
    '',
    'mac=YQ==',
    'username="a"',
    'algorithm=SHA1, username="a", mac=YQ==',
    'x'.repeat(5000),
    '"'.repeat(4000),
  ])('[WF-6] header %# is refused', (value) => expect(credential.parseHmacHeader(value)).toBeUndefined())
})

describe('comparison', () => {
  test('[WF-6] same and different octets', () => {
    expect(credential.sameOctets(octets('0102'), octets('0102'))).toBe(true)
    expect(credential.sameOctets(octets('0102'), octets('0103'))).toBe(false)
    expect(credential.sameOctets(octets('0102'), octets('010203'))).toBe(false)
    expect(credential.sameText('é', 'é')).toBe(true)
    expect(credential.sameText('é', 'e')).toBe(false)
  })
})
