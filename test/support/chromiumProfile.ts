/**
 * Debian's Chromium, headless, on pages that the test serves itself: it fills `History`, `Favicons` and `Web Data` of
 * a profile like a person who visits pages and sends a form.
 */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type BrowserContext, chromium } from 'playwright-core'

export const CHROMIUM = '/usr/bin/chromium'

/** Chromium as root in a closed network: without these it does not start, or looks for hosts that are not there. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Pages with a title, an icon of their own and a form; any path is a page. */
export interface LocalSite {
  readonly url: string
  close(): Promise<void>
}

/** Serves the pages on a free port of loopback. */
export async function startSite(): Promise<LocalSite> {
  const server = createServer((request, response) => {
    const path = request.url ?? '/'
    const icon = path.startsWith('/icon/')
    response.setHeader('content-type', icon ? 'image/svg+xml' : 'text/html; charset=utf-8')
    response.end(icon ? iconOf(path) : pageOf(path))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function iconOf(path: string): string {
  const colour = path.length * 37
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="hsl(${colour} 90% 40%)"/></svg>`
}

function pageOf(path: string): string {
  return `<!doctype html><title>Page ${path} – Grüße 🙂</title><link rel="icon" href="/icon${path}">
    <form method="post" action="/sent"><input name="firstname"><input name="town"><button id="send">send</button></form>`
}

/** A Chromium at work on a profile; it holds the profile's databases until `close`. */
export interface RunningChromium {
  /** Visits a page and waits for its icon. */
  visit(path: string): Promise<void>
  /** Sends the form of the page that is open; what was typed goes into the form history. */
  sendForm(fields: { readonly firstname: string; readonly town: string }): Promise<void>
  /** The text of Chromium's own page about the history. */
  readHistoryPage(wanted: string): Promise<string>
  close(): Promise<void>
}

/** Starts Chromium on `profile` (its user data folder, made if it is not there). */
export async function startChromium(profile: string, site: LocalSite): Promise<RunningChromium> {
  const context: BrowserContext = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    headless: true,
    args: FLAGS,
  })
  const page = context.pages()[0] ?? (await context.newPage())
  return {
    visit: async (path) => {
      const icon = page.waitForEvent('requestfinished', {
        predicate: (request) => request.url() === `${site.url}/icon${path}`,
        timeout: 2000,
      })
      await page.goto(site.url + path)
      // An icon that Chromium has from before is not asked for again.
      await icon.catch(() => undefined)
    },
    sendForm: async ({ firstname, town }) => {
      await page.fill('[name=firstname]', firstname)
      await page.fill('[name=town]', town)
      await page.click('#send')
      await page.waitForURL(`${site.url}/sent`)
    },
    readHistoryPage: async (wanted) => {
      await page.goto('chrome://history')
      return await page.getByText(wanted).first().innerText()
    },
    close: () => context.close(),
  }
}
