/** The datastore of a database: `./databases/<name>`, its name percent-encoded. */

const DATABASES = './databases/'

/** The URI of the database `name`. */
export function databaseUri(name: string): string {
  return DATABASES + encodeURIComponent(name)
}

/** The name in a URI, as it was written if it does not decode; undefined if it is no database's. */
export function databaseOf(uri: string): string | undefined {
  if (!uri.startsWith(DATABASES)) return undefined
  const text = uri.slice(DATABASES.length)
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
