/** What the application in the test's page can do: the page fills it, the test calls it. */

import type { BackupReport, RestoreReport } from '../../device-client/deviceClient.ts'

/** What the test calls. */
export interface PageApp {
  init(server: string, user: string, password: string, device: string): Promise<void>
  /** Runs SQL on the application's database, which is made if there is none, and stores it. */
  run(sql: string): Promise<void>
  add(): Promise<void>
  backup(): Promise<BackupReport>
  restore(fromDevice: string, password: string): Promise<RestoreReport>
  /** The database as the page holds it now. */
  exportDatabase(): Promise<string>
  /** The last restored file, octet for octet. */
  restoredFile(): Promise<string>
}
