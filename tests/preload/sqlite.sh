#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# sqlite3: 60,000 rows, indexes, joins, window functions, JSON, a vacuum; query results and the whole
# dump of the database file must be equal.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need sqlite3

cat >"$T/work.sql" <<'END'
PRAGMA synchronous = off; PRAGMA journal_mode = wal;
CREATE TABLE t(id INTEGER PRIMARY KEY, grp INTEGER, name TEXT, doc TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
INSERT INTO t SELECT i, i * 7919 % 997, printf('name-%d-%.*c', i, i % 60, 'x'), json_object('i', i, 'l', json_array(i, i + 1)) FROM n;
CREATE INDEX by_group ON t(grp, name); CREATE INDEX by_name ON t(name);
UPDATE t SET name = name || '!' WHERE grp % 3 = 0; DELETE FROM t WHERE grp % 11 = 5;
SELECT grp, count(*), sum(length(name)), max(name) FROM t GROUP BY grp HAVING grp % 50 = 0 ORDER BY 3 DESC;
SELECT count(*), sum(a.id - b.id) FROM t a JOIN t b ON a.grp = b.grp AND a.id < b.id WHERE a.grp < 20;
SELECT sum(json_extract(doc, '$.l[1]')) FROM t;
SELECT id, rank FROM (SELECT id, rank() OVER (PARTITION BY grp ORDER BY length(name), id) AS rank FROM t) WHERE rank = 30 LIMIT 50;
SELECT length(group_concat(name, '')) FROM t;
VACUUM; PRAGMA integrity_check;
END

witness_on "$T/witness"
for mode in ${HK_MODES:-bare balanced minimal full}; do
    in_mode "$mode" sqlite3 "$T/$mode.db" <"$T/work.sql" >"$T/$mode.out" 2>&1 || fail "$mode: status $?: $(tail -5 "$T/$mode.out")"
    in_mode "$mode" sqlite3 "$T/$mode.db" .dump >"$T/$mode.dump" 2>&1 || fail "$mode: .dump: status $?"
    same "$mode" "$T/bare.out" "$T/$mode.out"
    same "$mode, dump" "$T/bare.dump" "$T/$mode.dump"
done
saw sqlite3
say "$(wc -c <"$T/bare.dump") bytes of dump"
