/** The demo's database: a small shop with the things that are easily lost, and one day's changes to it. */

import { openDatabase } from '../../sql/betterSqlite.ts'

/** Rows of the larger table. */
const SALES = 5000

/** Makes the database at `path`; gives the number of its rows. */
export function createDemoDatabase(path: string): number {
  const database = openDatabase(path, { cipher: { kind: 'none' }, create: true })
  try {
    database.exec(`
      CREATE TABLE article(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, price REAL, picture BLOB);
      CREATE TABLE sale(id INTEGER PRIMARY KEY AUTOINCREMENT, article INTEGER REFERENCES article, at TEXT, pieces INTEGER);
      CREATE TABLE setting(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
      CREATE INDEX sale_by_article ON sale(article, at) WHERE pieces > 1;
      CREATE VIEW turnover AS SELECT article.name, sum(pieces * price) AS total FROM sale JOIN article ON article.id = article GROUP BY 1;
      CREATE TRIGGER sale_noted AFTER INSERT ON sale BEGIN UPDATE setting SET value = new.id WHERE name = 'last sale'; END;
      PRAGMA user_version = 7;
    `)
    database.transaction(() => {
      const article = database.prepare('INSERT INTO article(name, price, picture) VALUES (?, ?, randomblob(200))')
      for (let number = 0; number < 200; number++) article.run(`Article ${number} – größe ${number % 7}`, number / 4)
      const setting = database.prepare('INSERT INTO setting VALUES (?, ?)')
      setting.run('last sale', null)
      setting.run('till', 9007199254740993n)
      const sale = database.prepare('INSERT INTO sale(article, at, pieces) VALUES (?, ?, ?)')
      for (let number = 0; number < SALES; number++) {
        sale.run(
          BigInt(1 + (number % 200)),
          `2026-11-${String(1 + (number % 28)).padStart(2, '0')}`,
          BigInt(number % 5),
        )
      }
    })
    return SALES + 202
  } finally {
    database.close()
  }
}

/** What happens in one day: new, changed and deleted rows, swapped unique values, a new column and a new table. */
export function changeDemoDatabase(path: string): void {
  const database = openDatabase(path, { cipher: { kind: 'none' } })
  try {
    database.exec(`
      BEGIN;
      UPDATE article SET price = price * 1.1 WHERE id <= 20;
      UPDATE article SET name = 'swapping' WHERE id = 1;
      UPDATE article SET name = (SELECT 'Article 0 – größe 0') WHERE id = 2;
      UPDATE article SET name = 'Article 1 – größe 1' WHERE id = 1;
      DELETE FROM sale WHERE id BETWEEN 100 AND 149;
      INSERT INTO sale(article, at, pieces) SELECT id, '2026-11-29', 2 FROM article LIMIT 100;
      ALTER TABLE article ADD COLUMN stock INTEGER DEFAULT 0;
      UPDATE article SET stock = 5 WHERE id = 3;
      CREATE TABLE note(text);
      INSERT INTO note VALUES ('closed early');
      COMMIT;
    `)
  } finally {
    database.close()
  }
}
