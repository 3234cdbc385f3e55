#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# node: JSON, buffers, zlib on its thread pool, worker threads, child processes, file reads through libuv.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need node

cat >"$T/work.js" <<'END'
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const crypto = require('crypto'), zlib = require('zlib'), fs = require('fs'), { execFileSync } = require('child_process');
const sha = (x) => crypto.createHash('sha256').update(x).digest('hex').slice(0, 16);

function documents(n) {
  const data = [];
  for (let i = 0; i < n; i++) data.push({ id: i, name: 'n'.repeat(i % 100), list: Array.from({ length: i % 20 }, (_, k) => k * i) });
  return sha(JSON.stringify(JSON.parse(JSON.stringify(data))));
}
function buffers(n) {
  let all = [];
  for (let i = 0; i < n; i++) { all.push(Buffer.alloc(i * 37 % 70000, i & 255)); if (all.length > 300) all = all.slice(150); }
  return sha(Buffer.concat(all));
}
if (!isMainThread) {
  parentPort.postMessage(documents(3000 + workerData) + buffers(2000));
} else {
  (async () => {
    const workers = [0, 1, 2, 3].map((n) => new Promise((resolve, reject) => {
      const w = new Worker(__filename, { workerData: n });
      w.on('message', resolve); w.on('error', reject);
    }));
    const packed = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => new Promise((resolve, reject) =>
      zlib.gzip(Buffer.alloc(300000 * n, 'abc' + n), (e, z) => e ? reject(e) : zlib.gunzip(z, (e2, b) => e2 ? reject(e2) : resolve(sha(b)))))));
    const files = await Promise.all(Array.from({ length: 40 }, () => fs.promises.readFile(__filename)));
    console.log(documents(20000), buffers(20000), packed, files.map(sha)[39]);
    console.log(execFileSync('sh', ['-c', 'echo child']).toString().trim());
    console.log(await Promise.all(workers));
    console.log(/libhakmem/.test(fs.readFileSync('/proc/self/maps', 'utf8')) === (process.argv[2] !== 'bare'));
  })();
}
END

witness_on "$T/witness"
for mode in ${HK_MODES:-bare balanced minimal}; do
    in_mode "$mode" node "$T/work.js" "$mode" >"$T/$mode.out" 2>&1 || fail "$mode: status $?: $(tail -5 "$T/$mode.out")"
    same "$mode" "$T/bare.out" "$T/$mode.out"
done
grep -qx true "$T/bare.out" || fail "loaded where it should not be, or the other way round"
saw node
say "node $(node --version)"
