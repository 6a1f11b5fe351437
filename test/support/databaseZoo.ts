/**
 * Databases with everything a copy and a restore must keep, one trap each, as SQL that makes them.
 */

import { openDatabase } from '../../server/sql/betterSqlite.ts'

/** A member of the zoo. `pragmas` are set before the first page is written. */
export interface ZooDatabase {
  readonly name: string
  readonly pragmas?: readonly string[]
  readonly sql: string
}

/** Writes a plain SQLite file at `path`. */
export function buildZooDatabase(animal: ZooDatabase, path: string): void {
  const db = openDatabase(path, { cipher: { kind: 'none' }, create: true })
  try {
    for (const pragma of animal.pragmas ?? []) db.pragma(pragma)
    db.exec(animal.sql)
  } finally {
    db.close()
  }
}

const ODD_VALUES = `
  (1), (1.0), (-0.0), (0.0), (9e999), (-9e999), (1e300), (0.1), (9007199254740993), (-9223372036854775808),
  (9223372036854775807), (9223372036854775807.0), (NULL), (''), (x''), ('1'), ('1.0'), (' 1'), ('1e3'), ('abc'), (x'00'),
  (CAST(x'00' AS TEXT)), (CAST(x'610062' AS TEXT)), (CAST(x'ff' AS TEXT)), (CAST(x'c328' AS TEXT)),
  (CAST(x'eda080' AS TEXT)), ('🎉 Ünïcode'), (zeroblob(5000)), (hex(zeroblob(3000)))`

const ORDINARY = `
  CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, amount REAL);
  CREATE TABLE k(a, b);
  CREATE INDEX t_name ON t(name);
  WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 2000)
    INSERT INTO t SELECT x, 'näme ' || x, x / 3.0 FROM c;
  INSERT INTO k SELECT id, name FROM t WHERE id % 3 = 0;
  DELETE FROM k WHERE a % 2 = 0;
  DELETE FROM t WHERE id BETWEEN 500 AND 1500;`

/** Every database that a copy holds as tables. */
export const zoo: readonly ZooDatabase[] = [
  { name: 'no tables', sql: 'PRAGMA user_version=7; PRAGMA application_id=-19' },
  {
    name: 'storage classes',
    sql: `CREATE TABLE none(x); INSERT INTO none VALUES ${ODD_VALUES};
      CREATE TABLE all_of(id INTEGER PRIMARY KEY, i INTEGER, r REAL, t TEXT, n NUMERIC, b BLOB, o "LONG VARCHAR");
      INSERT INTO all_of SELECT NULL, x, x, x, x, x, x FROM none; CREATE INDEX all_t ON all_of(t, n);
      CREATE TABLE keyed(x PRIMARY KEY); INSERT INTO keyed SELECT x FROM none WHERE true ON CONFLICT DO NOTHING;
      INSERT INTO keyed VALUES (NULL), (NULL)`,
  },
  {
    name: 'rowids',
    sql: `CREATE TABLE k(a, b); INSERT INTO k(rowid, a) VALUES (5, 'a'), (3, 'b'), (-9223372036854775808, 'least'),
      (9223372036854775807, 'most'); CREATE TABLE part(rowid, _rowid_ TEXT, b);
      INSERT INTO part(oid, rowid, _rowid_, b) VALUES (40, 1, 'a', 2), (20, 3, 'b', 4);
      CREATE TABLE hidden(rowid, _rowid_, oid, x UNIQUE); INSERT INTO hidden VALUES (1, 2, 3, 4), (5, 6, 7, 8);
      DELETE FROM hidden WHERE x = 4; CREATE TABLE bare(rowid, _rowid_, oid); INSERT INTO bare VALUES (1, 2, 3);
      CREATE TABLE u(x UNIQUE); INSERT INTO u(rowid, x) VALUES (70, 'a'), (50, 'b'), (60, NULL)`,
  },
  {
    name: 'keys and indexes',
    sql: `CREATE TABLE w(a TEXT COLLATE NOCASE, b NOT NULL, c, PRIMARY KEY(a DESC, b)) WITHOUT ROWID;
      INSERT INTO w VALUES ('B', 1, 'x'), ('a', 2, NULL), ('C', 3, 1.5);
      CREATE TABLE p(a PRIMARY KEY, b UNIQUE, c UNIQUE, UNIQUE(b, c)); INSERT INTO p VALUES (NULL, 1, 1), ('x', 3, 3);
      CREATE TABLE d(a INTEGER PRIMARY KEY DESC, b); INSERT INTO d VALUES (5, 'five'), (3, 'three');
      CREATE TABLE i("Int" INT PRIMARY KEY, b); INSERT INTO i VALUES ('two', 2), (1, 'one');
      CREATE INDEX w_expr ON w(lower(b), length(c)) WHERE b IS NOT NULL;
      CREATE UNIQUE INDEX p_rev ON p(c DESC, a COLLATE RTRIM)`,
  },
  {
    name: 'strict and defaults',
    sql: `CREATE TABLE s(a INTEGER NOT NULL, b TEXT, c ANY, d BLOB DEFAULT x'00') STRICT;
      INSERT INTO s VALUES (1, 'a', 1.0, NULL), (2, NULL, x'00', x'01'); CREATE TABLE z(a CHECK (a > 0 OR a IS NULL),
      b DEFAULT CURRENT_TIMESTAMP, c DEFAULT (random()), d DEFAULT 'it''s'); INSERT INTO z(a) VALUES (1), (NULL)`,
  },
  {
    name: 'generated columns',
    sql: `CREATE TABLE g(a INTEGER PRIMARY KEY, b AS (a * 2), c TEXT AS (hex(a)) STORED, d); CREATE INDEX g_b ON g(b);
      CREATE TABLE bare(a, b AS (a || 1) VIRTUAL, c AS (a + 1) STORED);
      CREATE TABLE u(a UNIQUE, b AS (a || 1) VIRTUAL, c AS (a + 1) STORED); INSERT INTO g(a) VALUES (1), (7), (90);
      INSERT INTO bare(a) SELECT a FROM g; INSERT INTO u(a) SELECT a FROM g; DELETE FROM bare WHERE a = 1;
      DELETE FROM u WHERE a = 7`,
  },
  {
    name: 'virtual tables',
    sql: `CREATE VIRTUAL TABLE ft USING fts5(title, body); CREATE VIRTUAL TABLE box USING rtree(id, x0, x1, y0, y1);
      CREATE VIRTUAL TABLE outside USING fts5(a, content='');
      INSERT INTO ft VALUES ('ferry', 'the night ferry leaves'), ('boat', 'a boat'); DELETE FROM ft WHERE title = 'boat';
      INSERT INTO box VALUES (1, 0, 10, 0, 10), (2, 5, 6, 5, 6); INSERT INTO outside(rowid, a) VALUES (3, 'gone')`,
  },
  {
    name: 'views and triggers',
    sql: `CREATE TABLE t(x); CREATE VIEW v AS SELECT x, 'text' AS y FROM t; CREATE TABLE log(m);
      CREATE TRIGGER t_ins AFTER INSERT ON t BEGIN INSERT INTO log VALUES ('in ' || new.x); END;
      CREATE TRIGGER v_ins INSTEAD OF INSERT ON v BEGIN INSERT INTO t VALUES (new.x); END;
      INSERT INTO v(x) VALUES ('a'); INSERT INTO t VALUES ('b'); CREATE VIEW dangling AS SELECT * FROM nowhere`,
  },
  {
    name: 'sequence',
    sql: `CREATE TABLE before(x); CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT, x); INSERT INTO a(x) VALUES (1), (2);
      DELETE FROM a WHERE id = 2; INSERT INTO sqlite_sequence VALUES ('ghost', 42), ('before', 'text');
      CREATE TABLE b(id INTEGER PRIMARY KEY AUTOINCREMENT)`,
  },
  {
    name: 'sequence without its table',
    sql: `CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO a VALUES (9); DROP TABLE a; CREATE TABLE b(x)`,
  },
  {
    name: 'statistics',
    sql: `${ORDINARY} CREATE INDEX t_both ON t(name, amount); ANALYZE; INSERT INTO sqlite_stat1 VALUES ('t', 'gone', '1 2')`,
  },
  {
    name: 'statistics of another build',
    sql: `CREATE TABLE t(a); ANALYZE; DROP TABLE sqlite_stat4; CREATE TABLE z(b)`,
  },
  {
    name: 'odd names',
    sql: `CREATE TABLE "ta""ble 'x'"("se""lect", 'quoted', [brackets], "🎉"); CREATE INDEX "in""dex; --" ON "ta""ble 'x'"("🎉");
      CREATE TABLE "select"("from" PRIMARY KEY, "" TEXT) WITHOUT ROWID; INSERT INTO "select" VALUES (1, 'empty');
      INSERT INTO "ta""ble 'x'" VALUES (1, 2, 3, 4); CREATE TABLE "nightferry"(x); CREATE TABLE "sqlitish"(x)`,
  },
  {
    name: 'altered',
    sql: `CREATE TABLE old(a, b, c); CREATE TABLE gone(x); CREATE TABLE last(y UNIQUE); CREATE INDEX o ON old(b);
      INSERT INTO old VALUES (1, 2, 3); ALTER TABLE old ADD COLUMN d TEXT DEFAULT 'dé''f'; ALTER TABLE old RENAME TO fresh;
      ALTER TABLE fresh RENAME COLUMN a TO "a b"; DROP TABLE gone; CREATE TABLE gone(z INTEGER PRIMARY KEY);
      ALTER TABLE fresh DROP COLUMN c; INSERT INTO last VALUES (1); ALTER TABLE fresh ADD COLUMN e DEFAULT 1.5;
      ALTER TABLE last RENAME TO final; INSERT INTO fresh VALUES (7, 8, 9, 10)`,
  },
  {
    name: 'foreign keys',
    sql: `CREATE TABLE c(p REFERENCES p(id) ON DELETE CASCADE); CREATE TABLE p(id INTEGER PRIMARY KEY);
      INSERT INTO c VALUES (99); INSERT INTO p VALUES (1)`,
  },
  ...['UTF-16le', 'UTF-16be'].map((encoding) => ({
    name: encoding,
    pragmas: [`encoding='${encoding}'`],
    sql: `${ORDINARY} CREATE TABLE odd(x TEXT PRIMARY KEY);
      INSERT INTO odd VALUES (CAST(x'00d8' AS TEXT)), (CAST(x'd800' AS TEXT)), ('🎉'), (CAST(x'41' AS TEXT))`,
  })),
  ...[512, 1024, 65_536].map((pageSize) => ({
    name: `pages of ${pageSize}`,
    pragmas: [`page_size=${pageSize}`],
    sql: ORDINARY,
  })),
  ...[1, 2].map((mode) => ({ name: `auto_vacuum ${mode}`, pragmas: [`auto_vacuum=${mode}`], sql: ORDINARY })),
  { name: 'write-ahead log', pragmas: ['journal_mode=WAL'], sql: ORDINARY },
]
