# SPDX-License-Identifier: MIT
"""A service in Python: each request copies, joins, changes and packs texts of some MB, and keeps a summary; after every
twenty there is a pause. A line on standard input says how many requests come next; another on standard output that they are done."""

import sys
import time
import zlib

ROWS = b"\n".join(b"%d,%d,row of a table" % (i % 9973, i) for i in range(60000))


def request(seed):
    size = len(ROWS) - seed * 7919 % 400000
    copies = [bytearray(ROWS[:size]) for _ in range(5)]
    for copy in copies:
        copy += b"." * (1 << 20)
    text = copies[0].decode().upper()
    fields = ROWS[: 1 << 15].split(b",")
    packed = zlib.compress(text[: 1 << 17].encode(), 1)
    joined = b"|".join(copies[1:4])
    return len(packed) + len(joined) + len(fields)


kept = {}
done = 0
for line in sys.stdin:
    for n in range(done, done + int(line)):
        kept[n % 50] = request(n)
        if n % 20 == 19:
            time.sleep(0.2)
    done += int(line)
    print("done", flush=True)
