#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# javac and java: the class files must be equal, and so must the output of a program with threads,
# garbage, direct buffers and compression.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need java javac
unset JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS

mkdir "$T/src"
cat >"$T/src/Work.java" <<'END'
import java.nio.ByteBuffer;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import java.util.zip.*;

public class Work {
    record Item(int id, String name, List<Integer> list) {}

    static long task(int n) throws Exception {
        Map<String, Item> map = new HashMap<>();
        for (int i = 0; i < 20000; i++)
            map.put("k" + i % 3000, new Item(i, "n".repeat(i % 50), IntStream.range(0, i % 20).boxed().collect(Collectors.toList())));
        long sum = map.values().stream().mapToLong(x -> x.id() + x.name().length() + x.list().size()).sum();
        for (int i = 0; i < 200; i++) {
            ByteBuffer b = ByteBuffer.allocateDirect(1000 * (i % 100 + 1));
            for (int k = 0; k < b.capacity(); k += 512) b.put(k, (byte) (k + n));
            CRC32 crc = new CRC32();
            crc.update(b);
            sum += crc.getValue();
        }
        Deflater d = new Deflater();
        d.setInput("some text to pack ".repeat(20000).getBytes());
        d.finish();
        byte[] out = new byte[1 << 20];
        Inflater inf = new Inflater();
        inf.setInput(out, 0, d.deflate(out));
        sum += inf.inflate(new byte[1 << 20]);
        d.end();
        inf.end();
        return sum;
    }

    public static void main(String[] args) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        List<Future<Long>> all = new ArrayList<>();
        for (int i = 0; i < 12; i++) { final int n = i; all.add(pool.submit(() -> task(n))); }
        for (Future<Long> f : all) System.out.println(f.get());
        pool.shutdown();
        System.out.println(new String(new ProcessBuilder("echo", "child").start().getInputStream().readAllBytes()).trim());
    }
}
END

witness_on "$T/witness"
for mode in ${HK_MODES:-bare balanced}; do
    mkdir "$T/$mode"
    in_mode "$mode" javac -J-Xmx300m -d "$T/$mode" "$T/src/Work.java" >"$T/$mode.javac" 2>&1 || fail "$mode: javac: status $?: $(tail -5 "$T/$mode.javac")"
    in_mode "$mode" java -Xmx200m -cp "$T/$mode" Work >"$T/$mode.out" 2>&1 || fail "$mode: java: status $?: $(tail -5 "$T/$mode.out")"
    (cd "$T/$mode" && sha256sum ./*.class) >>"$T/$mode.out"
    same "$mode" "$T/bare.out" "$T/$mode.out"
done
saw java javac
say "$(java -version 2>&1 | head -1)"
