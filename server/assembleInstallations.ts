/** Builds what tells an installation of a device from a copy of it. Part of `assemble.ts`. */

import type { AccountService } from './account/accountService.ts'
import type { AlertAssembly } from './assembleAlerts.ts'
import { sqlInstallations } from './catalogue/sqlite/installations.ts'
import type { CatalogueDb } from './catalogue/sqlite/openCatalogue.ts'
import { installationHandlers } from './http/installationHandlers.ts'
import { createInstallationCare, type InstallationCare } from './identity/installationCare.ts'
import type { Logger } from './logger.ts'

export interface InstallationAssembly extends InstallationCare {
  readonly handlers: ReturnType<typeof installationHandlers>
}

export interface InstallationAssemblyParts {
  readonly catalogue: CatalogueDb
  readonly accounts: AccountService
  readonly alerts: Pick<AlertAssembly, 'deviceCloned'>
  readonly log: Logger
  readonly clock: () => number
}

export function assembleInstallations(parts: InstallationAssemblyParts): InstallationAssembly {
  const { catalogue, accounts, alerts, log, clock } = parts
  const care = createInstallationCare({
    installations: sqlInstallations(catalogue),
    clock,
    onClone(device, database) {
      log.error('another installation presented the identity of a device, and was refused', { ...device })
      alerts.deviceCloned(device, database)
    },
  })
  return { ...care, handlers: installationHandlers(accounts, care) }
}
