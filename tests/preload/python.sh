#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# python3: JSON, regular expressions, threads, subprocesses, multiprocessing by fork, sqlite, zlib; both
# with python's own small-object allocator and straight on malloc.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need /usr/bin/python3
export PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1

cat >"$T/work.py" <<'END'
import collections, hashlib, json, multiprocessing, re, sqlite3, subprocess, sys, threading, zlib

def digest(x):
    return hashlib.sha256(repr(x).encode()).hexdigest()[:16]

def documents(n):
    data = [{"id": i, "name": "n%d" % i, "tags": [str(i * k) for k in range(i % 20)], "f": i / 7} for i in range(n)]
    text = json.dumps(data)
    assert json.loads(text) == data
    return digest(zlib.decompress(zlib.compress(text.encode())))

def words(n):
    text = " ".join("word%d" % (i * 7919 % 1000) for i in range(n))
    return digest(sorted(collections.Counter(re.findall(r"\w+\d*[13579]\b", text)).items()))

def database():
    db = sqlite3.connect(":memory:")
    db.execute("create table t(a integer primary key, b text)")
    db.executemany("insert into t values(?, ?)", ((i, "x" * (i % 300)) for i in range(20000)))
    return db.execute("select sum(length(b)), count(distinct b) from t where a % 3 = 1").fetchone()

def square(n):
    return digest([bytearray(k) for k in range(n)])

results = [None] * 6
def thread(i):
    results[i] = (documents(1500 + i), words(20000 + i))
threads = [threading.Thread(target=thread, args=(i,)) for i in range(6)]
for t in threads: t.start()
for i in range(5):
    print(subprocess.run([sys.executable, "-c", "print(sum(range(%d)))" % (i * 1000)], capture_output=True, text=True).stdout.strip())
for t in threads: t.join()
print(results)
print(database())
with multiprocessing.get_context("fork").Pool(3) as pool:
    print(pool.map(square, range(200, 260)))
big = [bytes(1 << k) for k in range(24)]
print(sum(map(len, big)))
END

witness_on "$T/witness"
for mode in ${HK_MODES:-bare balanced minimal full}; do
    for pymalloc in pymalloc malloc; do
        PYTHONMALLOC=$pymalloc in_mode "$mode" /usr/bin/python3 "$T/work.py" >"$T/$mode.$pymalloc" 2>&1 ||
            fail "$mode, PYTHONMALLOC=$pymalloc: status $?: $(tail -5 "$T/$mode.$pymalloc")"
        same "$mode, PYTHONMALLOC=$pymalloc" "$T/bare.pymalloc" "$T/$mode.$pymalloc"
    done
done
saw python3
say "$(wc -l <"$T/bare.malloc") lines of results"
