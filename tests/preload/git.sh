#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# git: commits with fixed dates, branches, a merge, repack with threads, gc, clone, fsck; all hashes
# must be equal.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need git
export HOME=$T GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=C \
    GIT_COMMITTER_EMAIL=c@example.org GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' GIT_COMMITTER_DATE='2024-01-01T00:00:00Z'

cat >"$T/work.sh" <<'END'
set -e
git init -q -b main repo && cd repo && git config gc.auto 0
for i in $(seq 1 12); do
    for k in $(seq 1 15); do
        seq $((i * k)) $((i * k * 3 + 200)) >"file$k" && mkdir -p "dir$((k % 4))" && cp "file$k" "dir$((k % 4))/copy$i"
    done
    git add -A && git commit -q -m "commit $i"
    [ "$i" -ne 5 ] || git branch side
done
git checkout -q side && echo side >only-here && git add -A && git commit -q -m side && git checkout -q main
git merge -q -m merge side >/dev/null
git repack -q -a -d -f --threads=2 --depth=20 --window=20 && git gc -q --aggressive --prune=now
git fsck --full --strict 2>&1
git rev-parse HEAD 'HEAD^{tree}' && git log --stat --format='%H %s' && git diff HEAD~3 | git patch-id
git rev-list --objects --all | cut -d' ' -f1 | sort | git cat-file --batch-check | sha256sum
git blame file3 | sha256sum && git grep -c 77 | sha256sum
cd .. && git clone -q --no-local repo copy && cd copy && git rev-parse HEAD && git status --porcelain | wc -l
END

witness_on "$T/witness"
for mode in ${HK_MODES:-bare balanced}; do
    mkdir "$T/$mode"
    (cd "$T/$mode" && in_mode "$mode" bash "$T/work.sh") >"$T/$mode.out" 2>&1 || fail "$mode: status $?: $(tail -5 "$T/$mode.out")"
    same "$mode" "$T/bare.out" "$T/$mode.out"
done
saw git bash
say "$(sort -u "$T/witness" | wc -l) different programs ran on hakmem; $(wc -l <"$T/bare.out") lines of results"
