/**
 * The traps of the design as data: what a database is, and what its application does night by night.
 * Longer than 300 lines because a trap more is a line more; nothing else is in here.
 */

export interface Trap {
  readonly setup: string
  /** What the application does, night by night. */
  readonly nights: readonly string[]
  readonly pragmas?: string
  readonly before?: string
}

/** The table most traps begin with. */
export const T = 'CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b);'

/** Traps by their names. */
export const traps: Record<string, Trap> = {
  'REPLACE deletes another row without a delete trigger': {
    setup: `${T} INSERT INTO t VALUES(1,'x',1),(2,'y',2),(3,'z',3)`,
    nights: ["INSERT OR REPLACE INTO t VALUES(9,'x',9)", "UPDATE OR REPLACE t SET a='y' WHERE id=3"],
  },
  'REPLACE victim whose unique value is given up again': {
    setup: `${T} INSERT INTO t VALUES(1,'x',1),(2,'y',2)`,
    nights: ["INSERT OR REPLACE INTO t VALUES(9,'x',9); UPDATE t SET a='new' WHERE id=9"],
  },
  'REPLACE by a separate unique index, partial, expression, collation': {
    setup: `CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b, gone); CREATE UNIQUE INDEX i1 ON t(a COLLATE NOCASE) WHERE gone IS NULL;
      CREATE UNIQUE INDEX i2 ON t(abs(b), length(a) DESC); INSERT INTO t VALUES(1,'A',5,NULL),(2,'bb',-7,NULL),(3,'ccc',8,1)`,
    nights: [
      "INSERT OR REPLACE INTO t VALUES(9,'a',77,NULL)",
      "INSERT OR REPLACE INTO t VALUES(10,'xy',7,NULL); DELETE FROM t WHERE id=10",
    ],
  },
  'ON CONFLICT clauses of the outer statement': {
    setup: `${T} INSERT INTO t VALUES(1,'x',1),(2,'y',2)`,
    nights: [
      "UPDATE t SET b=5 WHERE id=1; INSERT OR IGNORE INTO t VALUES(3,'x',3); UPDATE OR FAIL t SET b=6 WHERE id=1; INSERT OR ROLLBACK INTO t VALUES(4,'w',1); UPDATE OR ABORT t SET b=7 WHERE id=4",
      "INSERT INTO t VALUES(1,'q',1) ON CONFLICT(id) DO UPDATE SET a='up', b=excluded.b; UPDATE OR IGNORE t SET a='y' WHERE id=1",
    ],
  },
  'UPDATE that changes a primary key': {
    setup: `${T} CREATE TABLE w(k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO t VALUES(1,'x',1),(2,'y',2); INSERT INTO w VALUES('a',1),('b',2)`,
    nights: [
      'UPDATE t SET id=id+100; UPDATE w SET k=k||k',
      "UPDATE t SET id=id+1 WHERE id=102; UPDATE w SET k='b' WHERE k='aa'",
    ],
  },
  'swapped UNIQUE values inside one Delta': {
    setup: `${T} INSERT INTO t VALUES(1,'x',1),(2,'y',2)`,
    nights: ["UPDATE t SET a='tmp' WHERE id=1; UPDATE t SET a='x' WHERE id=2; UPDATE t SET a='y' WHERE id=1"],
  },
  'storage classes: 1 and 1.0, -0.0, infinities, 64 bits, NUL and ill-formed text, empty BLOB and NULL': {
    setup: 'CREATE TABLE v(id INTEGER PRIMARY KEY, x); INSERT INTO v VALUES(1,1)',
    nights: [
      `INSERT INTO v(x) VALUES(1.0),(-0.0),(9e999),(-9e999),(9223372036854775807),(-9223372036854775808),(9007199254740993),
       (x''),(NULL),(''),('a'||char(0)||'b'),(CAST(x'ff41c0' AS TEXT)),(CAST(x'00' AS TEXT)),(1e300),(5e-324),(0.1),(123456789012345680.0),
       ('<&>'||char(13,10)||']]>'||char(65534,65535,127,8232)),(x'00ff'),('\u{1F600}'),(CAST(x'eda080' AS TEXT)),(CAST(x'efbbbf41' AS TEXT))`,
      'UPDATE v SET x=1.0 WHERE id=1',
      'UPDATE v SET x=1 WHERE id=1',
    ],
  },
  'UTF-16 database with ill-formed text': {
    before: "PRAGMA encoding='UTF-16le'",
    setup: "CREATE TABLE v(id INTEGER PRIMARY KEY, x TEXT); INSERT INTO v VALUES(1,'é')",
    nights: [
      "INSERT INTO v(x) VALUES('\u{1F600}'),(CAST(x'00d841' AS TEXT)),(CAST(x'00d8' AS TEXT)),('plain'),(CAST(x'4100ff' AS TEXT))",
    ],
  },
  'UTF-16 database that lost its last table': {
    before: "PRAGMA encoding='UTF-16le'",
    setup: 'CREATE TABLE t(a); DROP TABLE t',
    nights: ['CREATE TABLE t(a); INSERT INTO t VALUES(1)', 'DROP TABLE t'],
  },
  'big-endian UTF-16 database': {
    before: "PRAGMA encoding='UTF-16be'",
    setup: "CREATE TABLE v(k TEXT PRIMARY KEY, x TEXT) WITHOUT ROWID; INSERT INTO v VALUES('é','ü')",
    nights: ["INSERT INTO v VALUES('\u{1F600}','x'); DELETE FROM v WHERE k='é'"],
  },
  'NULL in a primary key that is not INTEGER': {
    setup: "CREATE TABLE n(k TEXT PRIMARY KEY, v); INSERT INTO n VALUES(NULL,1),(NULL,2),('a',3)",
    nights: ['INSERT INTO n VALUES(NULL,4); UPDATE n SET v=9 WHERE v=2; DELETE FROM n WHERE v=1'],
  },
  'rowid table without key and index, VACUUM renumbers it': {
    setup: 'CREATE TABLE k(x); INSERT INTO k VALUES(1),(2),(3),(4)',
    nights: ['DELETE FROM k WHERE x=2', 'VACUUM', 'INSERT INTO k VALUES(5); VACUUM', 'DELETE FROM k'],
  },
  'rowid table with a key but no INTEGER PRIMARY KEY, VACUUM': {
    setup: "CREATE TABLE k(x TEXT PRIMARY KEY, y); INSERT INTO k VALUES('a',1),('b',2),('c',3)",
    nights: ["DELETE FROM k WHERE x='b'; VACUUM; UPDATE k SET y=9 WHERE x='c'", "INSERT INTO k VALUES('d',4)"],
  },
  'index dropped, VACUUM, index made again': {
    setup: "CREATE TABLE k(x, y); CREATE INDEX ki ON k(x); INSERT INTO k VALUES('a',1),('b',2),('c',3)",
    nights: ["DELETE FROM k WHERE x='a'; DROP INDEX ki; VACUUM; CREATE INDEX ki ON k(x); UPDATE k SET y=5 WHERE x='c'"],
  },
  'WITHOUT ROWID, STRICT, generated columns, composite keys': {
    setup: `CREATE TABLE w(a TEXT COLLATE NOCASE, b INT, c, PRIMARY KEY(b DESC, a)) WITHOUT ROWID;
      CREATE TABLE s(id INTEGER PRIMARY KEY, i INT, r REAL, t TEXT, b BLOB, y ANY) STRICT;
      CREATE TABLE g(id INTEGER PRIMARY KEY, a, v AS (a*2) VIRTUAL, st AS (a+1) STORED); CREATE INDEX gi ON g(v);
      INSERT INTO w VALUES('x',1,1),('y',1,2); INSERT INTO s VALUES(1,1,1.0,'t',x'01','1'); INSERT INTO g(a) VALUES(1),(2)`,
    nights: [
      "UPDATE w SET a='X' WHERE a='x'; INSERT INTO s VALUES(2,2,2,'u',x'',2); UPDATE g SET a=7 WHERE id=1",
      "DELETE FROM w WHERE a='Y'; DELETE FROM g",
    ],
  },
  'partial and expression indexes': {
    setup:
      'CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); CREATE INDEX p ON t(a) WHERE b>5; CREATE INDEX e ON t(lower(a), b+1)',
    nights: ["INSERT INTO t(a,b) VALUES('X',6),('Y',1)", 'DROP INDEX p; CREATE INDEX p ON t(b) WHERE a IS NOT NULL'],
  },
  'FTS5 and R-Tree tables': {
    setup: `CREATE VIRTUAL TABLE f USING fts5(title, body); CREATE VIRTUAL TABLE r USING rtree(id, x0, x1);
      INSERT INTO f VALUES('one','alpha beta'); INSERT INTO r VALUES(1,0,1)`,
    nights: [
      "INSERT INTO f VALUES('two','gamma'); UPDATE f SET body='delta' WHERE rowid=1; INSERT INTO r VALUES(2,5,6)",
      "DELETE FROM f WHERE rowid=1; INSERT INTO f(f) VALUES('optimize')",
      'DROP TABLE f',
    ],
  },
  'ADD COLUMN with and without default': {
    setup: `${T} INSERT INTO t VALUES(1,'x',1),(2,'y',2)`,
    nights: [
      "ALTER TABLE t ADD COLUMN c DEFAULT 'd'",
      'ALTER TABLE t ADD COLUMN d NOT NULL DEFAULT 5; UPDATE t SET c=NULL WHERE id=1',
      'ALTER TABLE t ADD COLUMN e AS (b+1)',
    ],
  },
  'ADD COLUMN to a WITHOUT ROWID table': {
    setup:
      "CREATE TABLE w(k TEXT COLLATE NOCASE PRIMARY KEY, n INT) WITHOUT ROWID; INSERT INTO w VALUES('a',1),('b',2)",
    nights: [
      "ALTER TABLE w ADD COLUMN c TEXT DEFAULT 'red'",
      "INSERT INTO w VALUES('c',3,'blue'); DELETE FROM w WHERE k='a'",
    ],
  },
  'RENAME COLUMN, DROP COLUMN': {
    setup: `${T} INSERT INTO t VALUES(1,'x',1),(2,'y',2)`,
    nights: ['ALTER TABLE t RENAME COLUMN b TO bb', 'ALTER TABLE t DROP COLUMN bb'],
  },
  'a column dropped and added again leaves the same text': {
    setup: `${T} INSERT INTO t VALUES(1,'x',1),(2,'y',2)`,
    nights: [
      'ALTER TABLE t DROP COLUMN b; ALTER TABLE t ADD COLUMN b',
      'ALTER TABLE t DROP COLUMN b; ALTER TABLE t ADD COLUMN b DEFAULT 3; UPDATE t SET b=4 WHERE id=1',
    ],
  },
  'a column dropped and added again while other things are made and dropped': {
    setup: `${T} CREATE VIEW w AS SELECT 1; CREATE TRIGGER wi INSTEAD OF INSERT ON w BEGIN SELECT 1; END; INSERT INTO t VALUES(1,'x',1),(2,'y',2)`,
    nights: [
      'ALTER TABLE t DROP COLUMN b; ALTER TABLE t ADD COLUMN b; ANALYZE',
      'UPDATE t SET b=5; CREATE TABLE s(id INTEGER PRIMARY KEY AUTOINCREMENT)',
      'ALTER TABLE t DROP COLUMN b; ALTER TABLE t ADD COLUMN b; CREATE TABLE s2(id INTEGER PRIMARY KEY AUTOINCREMENT); DROP VIEW w',
      'UPDATE t SET b=6; CREATE VIRTUAL TABLE f USING fts5(x)',
      'ALTER TABLE t DROP COLUMN b; ALTER TABLE t ADD COLUMN b; DROP TABLE f',
      'UPDATE t SET b=7',
      'ALTER TABLE t DROP COLUMN b; ALTER TABLE t ADD COLUMN b; CREATE VIRTUAL TABLE r USING rtree(id, x0, x1)',
    ],
  },
  'columns named like the rowid are added to observed tables': {
    setup:
      "CREATE TABLE t(id INTEGER PRIMARY KEY, a); CREATE TABLE u(a TEXT PRIMARY KEY); INSERT INTO t VALUES(5,1); INSERT INTO u VALUES('a'),('b')",
    nights: [
      'ALTER TABLE t ADD COLUMN rowid AS (1+1); ALTER TABLE t ADD COLUMN _rowid_ DEFAULT 9; INSERT INTO t(a) VALUES(2); UPDATE t SET a=3 WHERE id=5',
      "ALTER TABLE u ADD COLUMN _rowid_ DEFAULT 1; INSERT INTO u(a) VALUES('c'); DELETE FROM u WHERE a='a'",
      "UPDATE u SET a='z' WHERE a='b'",
    ],
  },
  'column names swapped by renaming': {
    setup: 'CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); INSERT INTO t VALUES(1,2,3)',
    nights: [
      'ALTER TABLE t RENAME COLUMN a TO x; ALTER TABLE t RENAME COLUMN b TO a; ALTER TABLE t RENAME COLUMN x TO b',
    ],
  },
  'table rename, also swapped names': {
    setup: `${T} CREATE TABLE u(id INTEGER PRIMARY KEY, z UNIQUE); CREATE INDEX ti ON t(b); INSERT INTO t VALUES(1,'x',1); INSERT INTO u VALUES(1,9)`,
    nights: [
      'ALTER TABLE t RENAME TO tt; UPDATE tt SET b=2',
      'ALTER TABLE tt RENAME TO x; ALTER TABLE u RENAME TO tt; ALTER TABLE x RENAME TO u',
      'CREATE TABLE t(q); ALTER TABLE u RENAME TO "we ird"',
    ],
  },
  'drop and recreate under the same name': {
    setup: `${T} INSERT INTO t VALUES(1,'x',1),(2,'y',2)`,
    nights: [`DROP TABLE t; ${T} INSERT INTO t VALUES(2,'n',9)`, `DROP TABLE t`, `${T}`],
  },
  'AUTOINCREMENT and sqlite_sequence': {
    setup: 'CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT, x); INSERT INTO a(x) VALUES(1),(2)',
    nights: [
      'DELETE FROM a WHERE id=2',
      'INSERT INTO a(x) VALUES(3)',
      'UPDATE sqlite_sequence SET seq=50',
      'DROP TABLE a',
    ],
  },
  'sqlite_sequence outlives the last AUTOINCREMENT table': {
    setup:
      'CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO a VALUES(4); DROP TABLE a; CREATE TABLE b(x)',
    nights: ['INSERT INTO b VALUES(1)'],
  },
  'sqlite_stat1 after ANALYZE': {
    setup: `${T} CREATE INDEX tb ON t(b); INSERT INTO t VALUES(1,'x',1),(2,'y',2)`,
    nights: ['ANALYZE', "INSERT INTO t VALUES(3,'z',3); ANALYZE"],
  },
  'triggers of the application do not fire while a Delta is applied': {
    setup: `${T} CREATE TABLE log(id INTEGER PRIMARY KEY, m); CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO log(m) VALUES(NEW.a); END;
      CREATE VIEW vw AS SELECT a FROM t; CREATE TRIGGER iv INSTEAD OF INSERT ON vw BEGIN INSERT INTO t(a) VALUES(NEW.a); END`,
    nights: ["INSERT INTO t VALUES(1,'x',1)", "INSERT INTO vw VALUES('via view')", 'DROP VIEW vw; DROP TRIGGER g'],
  },
  'foreign keys with cascading deletes': {
    setup: `CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE ON UPDATE SET NULL);
      INSERT INTO p VALUES(1),(2); INSERT INTO c VALUES(1,1),(2,2)`,
    nights: ['DELETE FROM p WHERE id=1', 'UPDATE p SET id=3'],
    pragmas: 'PRAGMA foreign_keys=ON',
  },
  'names with quotes, spaces, keywords, emoji': {
    setup: `CREATE TABLE "a ""q"" 'b' [c]"("select" INTEGER PRIMARY KEY, "x y" UNIQUE, "😀", "key", "tbl", "number", "_nightferryboat");
      CREATE TABLE "table"("rowid", "oid" TEXT PRIMARY KEY); CREATE INDEX "i ""x""" ON "a ""q"" 'b' [c]"("😀");
      INSERT INTO "a ""q"" 'b' [c]" VALUES(1,2,3,4,5,6,7); INSERT INTO "table" VALUES(1,'a')`,
    nights: [
      `UPDATE "a ""q"" 'b' [c]" SET "😀"=9; INSERT INTO "table" VALUES(2,'b'); CREATE TABLE "_nightferryboat"("_nightferry_x" INTEGER PRIMARY KEY); INSERT INTO "_nightferryboat" VALUES(1)`,
    ],
  },
  'a table that hides every name of the rowid': {
    setup: 'CREATE TABLE h(rowid, _rowid_, oid); INSERT INTO h VALUES(1,2,3)',
    nights: ['INSERT INTO h VALUES(4,5,6)', 'DELETE FROM h'],
  },
  'INTEGER PRIMARY KEY DESC is not the rowid': {
    setup: 'CREATE TABLE d(id INTEGER PRIMARY KEY DESC, x); INSERT INTO d VALUES(5,1),(7,2)',
    nights: ['UPDATE d SET id=6 WHERE id=5; INSERT INTO d VALUES(1,1)'],
  },
  'header values alone': {
    setup: T,
    nights: ['PRAGMA user_version=7', 'PRAGMA application_id=-5', 'PRAGMA journal_mode=WAL'],
  },
  'page size, auto_vacuum': {
    before: 'PRAGMA page_size=512; PRAGMA auto_vacuum=INCREMENTAL',
    setup: `${T} INSERT INTO t VALUES(1,zeroblob(3000),1)`,
    nights: ['UPDATE t SET b=zeroblob(5000)', 'PRAGMA incremental_vacuum; DELETE FROM t'],
  },
  'a unique index made and used by REPLACE in the same night': {
    setup: 'CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); INSERT INTO t VALUES(1,1,1),(2,2,2)',
    nights: ['CREATE UNIQUE INDEX u ON t(a); INSERT OR REPLACE INTO t VALUES(3,1,5)'],
  },
  'CHECK with a quoted default and many schema changes at once': {
    setup: "CREATE TABLE t(id INTEGER PRIMARY KEY, a CHECK(a<>'no') DEFAULT 'yes'); INSERT INTO t(id) VALUES(1)",
    nights: [
      'CREATE TABLE n1(a); CREATE TABLE n2(b PRIMARY KEY) WITHOUT ROWID; CREATE VIEW v AS SELECT 1; DROP TABLE t; INSERT INTO n2 VALUES(1)',
    ],
  },
}
