/** Passwords at rest. */

import { describe, expect, it } from 'vitest'
import { hashPassword, nativeArgon2id, portableArgon2id, verifyPassword } from '../../../server/account/password.ts'

describe('passwords', () => {
  it('[AC-1] are kept as argon2id with a salt of their own', async () => {
    const [one, two] = await Promise.all([hashPassword('correct horse'), hashPassword('correct horse')])
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    expect(one).not.toBe(two)
    expect(await verifyPassword('correct horse', one)).toBe(true)
    expect(await verifyPassword('correct hors', one)).toBe(false)
    expect(await verifyPassword('correct horse', undefined)).toBe(false)
  })

  it('[AC-1] hash alike with and without the platform', async () => {
    const salt = Buffer.from('0123456789abcdef')
    const portable = Buffer.from(await portableArgon2id('pässwörd', salt))
    expect(portable.equals(Buffer.from(await nativeArgon2id('pässwörd', salt)))).toBe(true)
  })
})
