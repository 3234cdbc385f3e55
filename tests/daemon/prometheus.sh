#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A real Prometheus scrapes hakmemd, and every query of the Grafana dashboard is put to it: each must return data, but
# for the panels that say "Empty when all is well", whose queries must be valid.
. "$(dirname "$0")/daemon-lib.sh" || exit 99
need prometheus promtool

port=$(free_port) api=$(free_port)
printf '[hakmem]\npurge_delay = 100ms\n[hakmemd]\nmetrics_listen = 127.0.0.1:%s\n' "$port" >"$HAKMEM_CONF"
target control=on "control_dir=$HAKMEM_CONTROL_DIR" mode=learning && first=$PID
target control=on "control_dir=$HAKMEM_CONTROL_DIR"
daemon
until_logged "metrics are served on 127.0.0.1:$port"
cat >"$T/prometheus.yml" <<END
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: hakmem
    static_configs: [{targets: ['127.0.0.1:$port']}]
END
promtool check config "$T/prometheus.yml" >"$T/lint" 2>&1 || fail "promtool: $(cat "$T/lint")"
prometheus --config.file="$T/prometheus.yml" --storage.tsdb.path="$T/data" --web.listen-address="127.0.0.1:$api" \
    --log.level=warn >"$T/prometheus.log" 2>&1 </dev/null &
HK_PIDS+=($!)
wait_for 60 curl -sf "http://127.0.0.1:$api/-/ready" || fail "Prometheus does not start: $(tail -n 5 "$T/prometheus.log")"

python3 - "$api" "$HK_SRC/conf/grafana/hakmem.json" "$first" <<'PY' || fail "the dashboard (above): $(tail -n 5 "$T/prometheus.log")"
import json, sys, time, urllib.parse, urllib.request
api, dashboard, pid = sys.argv[1], json.load(open(sys.argv[2])), sys.argv[3]
def query(text):
    url = f"http://127.0.0.1:{api}/api/v1/query?" + urllib.parse.urlencode({"query": text})
    try:
        answer = json.load(urllib.request.urlopen(url, timeout=30))
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{text}: {error.read().decode()}")
    assert answer["status"] == "success" and answer["data"]["resultType"] == "vector", answer
    return answer["data"]["result"]
def until(text, seconds=90):
    deadline = time.monotonic() + seconds
    while True:
        result = query(text)
        if result or time.monotonic() > deadline:
            return result
        time.sleep(0.5)
assert until('up{job="hakmem"} == 1'), "the scrape fails"
info = until(f'hakmem_info{{pid="{pid}"}}')
assert info and info[0]["metric"]["mode"] == "learning" and info[0]["metric"]["version"], info
assert until(f'hakmem_up{{pid="{pid}"}} == 1')
assert until(f'rate(hakmem_large_allocs_total{{pid="{pid}"}}[1m]) > 0'), "no large allocations are counted"
queries = with_data = 0
quiet = []
for panel in dashboard["panels"]:
    may_be_empty = "Empty when all is well." in panel["description"]
    for target in panel["targets"]:
        text = target["expr"].replace("$unit", ".*").replace("$program", ".*").replace("$__rate_interval", "1m")
        assert "$" not in text, text
        queries += 1
        if may_be_empty:
            quiet.append(panel["title"])
            query(text)
        else:
            assert until(text), f"{panel['title']}: {text}: no data"
            with_data += 1
ids = [panel["id"] for panel in dashboard["panels"]]
assert len(ids) == len(set(ids)) and with_data > 20, (ids, with_data)
# Those that may be empty are not so because they are wrong: without the condition they have data.
for panel in dashboard["panels"]:
    if panel["title"] in quiet:
        for target in panel["targets"]:
            text = target["expr"].replace("$unit", ".*").replace("$program", ".*").replace("$__rate_interval", "1m")
            for tail in (" > 0", " == 0"):
                text = text.removesuffix(tail)
            assert until(text), f"{panel['title']}: {text}: no data"
print(f"{queries} queries; may be empty: {', '.join(sorted(set(quiet)))}")
PY
say "scraped by $(prometheus --version 2>&1 | head -1 | cut -d' ' -f1-3), every query of the dashboard"
