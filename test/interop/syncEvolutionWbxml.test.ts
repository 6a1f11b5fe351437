/** All modes of SyncEvolution in WBXML and MD5. */

import { testModes } from './syncEvolutionModes.ts'

testModes('WBXML and MD5', { WBXML: '1', AUTH: 'md5' })
