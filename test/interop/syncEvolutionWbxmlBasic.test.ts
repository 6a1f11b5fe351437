/** All modes of SyncEvolution in WBXML and basic. */

import { testModes } from './syncEvolutionModes.ts'

testModes('WBXML and basic', { WBXML: '1', AUTH: 'basic' })
