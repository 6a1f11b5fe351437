/** All modes of SyncEvolution in XML and MD5 of SyncML 1.1. */

import { testModes } from './syncEvolutionModes.ts'

testModes('XML and MD5 of SyncML 1.1', { WBXML: '0', AUTH: 'md5', SYNCML_VERSION: '1.1' })
