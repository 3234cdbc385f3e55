#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# memcached with four threads: values of many sizes set, appended, counted and read back by four
# clients at once.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need memcached /usr/bin/python3
user=()
[ "$(id -u)" -ne 0 ] || user=(-u nobody)

cat >"$T/client.py" <<'END'
import hashlib, socket, sys, threading

def client(n, sums):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    f = s.makefile("rwb")
    def ask(data):
        f.write(data)
        f.flush()
        return f.readline()
    for i in range(1500):
        value = (b"%d-" % (i * n)) * (i * 7 % 400 + 1)
        assert ask(b"set k%d-%d 0 0 %d\r\n%s\r\n" % (n, i, len(value), value)) == b"STORED\r\n"
        if i % 3 == 0:
            assert ask(b"append k%d-%d 0 0 4\r\ntail\r\n" % (n, i)) == b"STORED\r\n"
        if i % 5 == 0:
            assert ask(b"delete k%d-%d\r\n" % (n, i)) == b"DELETED\r\n"
    ask(b"set c%d 0 0 1\r\n0\r\n" % n)
    for i in range(500):
        assert int(ask(b"incr c%d 3\r\n" % n)) == 3 * i + 3
    digest = hashlib.sha256()
    for i in range(1500):
        line = ask(b"get k%d-%d\r\n" % (n, i))
        if line != b"END\r\n":
            digest.update(f.read(int(line.split()[3])))
            f.readline()
            line = f.readline()
        digest.update(line)
    sums[n] = digest.hexdigest()

sums = {}
threads = [threading.Thread(target=client, args=(n, sums)) for n in range(1, 5)]
for t in threads: t.start()
for t in threads: t.join()
for n in sorted(sums): print(n, sums[n])
sys.exit(len(sums) != 4)
END

for mode in ${HK_MODES:-bare balanced minimal}; do
    dir=$T/$mode
    mkdir "$dir" && user_own "$dir"
    start "$mode" "$dir/log" memcached "${user[@]}" -s "$dir/sock" -a 0777 -t 4 -m 256
    wait_for 20 test -S "$dir/sock" || fail "$mode: no socket: $(cat "$dir/log")"
    check_loaded "$PID" "$mode"
    timeout 60 /usr/bin/python3 "$T/client.py" "$dir/sock" >"$dir/out" || fail "$mode: the client failed: $(cat "$dir/log")"
    stop "$PID" TERM || fail "$mode: memcached ended with $?: $(cat "$dir/log")"
    [ "$mode" = bare ] || same "$mode" "$T/bare/out" "$dir/out"
done
say "6000 keys by 4 clients"
