#!/bin/bash
# Runs clients for real against a server of its own, and checks the configurations that can be checked here.
#   promtail-compat/clients/check.sh PATH-TO-DENDRO
# python-logging-loki and the OpenTelemetry SDK come from PyPI into a folder of their own. rsyslog and syslog-ng are
# run where they are installed.
set -euo pipefail
binary=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
port=${PORT:-3167}
work=$(mktemp -d)
server=""
finish() { [ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"; }
trap finish EXIT

count_lines='import json, sys
print(sum(len(stream["values"]) for stream in json.load(sys.stdin)["data"]["result"]))'
passed=0
failed=0
check() { # NAME QUERY COUNT: whether so many lines are found
    local found
    for _ in $(seq 50); do
        found=$(curl -sG "http://127.0.0.1:$port/loki/api/v1/query_range" --data-urlencode "query=$2" -d since=24h \
            | python3 -c "$count_lines")
        [ "$found" = "$3" ] && break
        sleep 0.2
    done
    if [ "$found" = "$3" ]; then passed=$((passed + 1)); echo "ok: $1"
    else failed=$((failed + 1)); echo "FAILED: $1: $found lines instead of $3"; fi
}

"$binary" serve --listen "127.0.0.1:$port" --data-dir "$work/data" --log-own-lines false 2>"$work/log" &
server=$!
for _ in $(seq 100); do curl -sf "http://127.0.0.1:$port/ready" >/dev/null && break; sleep 0.1; done
export DENDRO_URL="http://127.0.0.1:$port"

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check python-logging-loki opentelemetry-sdk \
    opentelemetry-exporter-otlp-proto-http

"$work/venv/bin/python" "$here/python_logging_loki.py"
check "python-logging-loki" '{app="shop", logger="shop.orders"}' 2
check "python-logging-loki: trace id" '{trace_id="4bf92f3577b34da6a3ce929d0e0e4736"}' 1

"$work/venv/bin/python" "$here/python_otlp.py"
check "OpenTelemetry SDK" '{service_name="shop", deployment_environment_name="prod"}' 2
check "OpenTelemetry SDK: exception" \
    '{service_name="shop"} | exception_type="ZeroDivisionError" | detected_level="error"' 1

printf '{"timestamp":"%s","level":"info","app":"sshd","message":"a %s"}\n' "$(date -u +%FT%T.1Z)" 1 \
    "$(date -u +%FT%T.2Z)" 2 | python3 "$here/rsyslog_dendro.py" "$DENDRO_URL"
check "rsyslog_dendro.py" '{app="sshd"}' 2

if command -v rsyslogd >/dev/null; then
    sed -e "s|/usr/local/lib/|$here/|; s|http://127.0.0.1:3100|$DENDRO_URL|" "$here/rsyslog.conf" >"$work/dendro.conf"
    { echo 'module(load="imuxsock" SysSock.Use="off")'; echo "input(type=\"imuxsock\" Socket=\"$work/socket\")"
      cat "$work/dendro.conf"; } >"$work/rsyslog.conf"
    rsyslogd -N1 -f "$work/rsyslog.conf"
    rsyslogd -n -f "$work/rsyslog.conf" -i "$work/rsyslog.pid" &
    rsyslog=$!
    for _ in $(seq 50); do [ -S "$work/socket" ] && break; sleep 0.1; done
    logger -u "$work/socket" -t checked "through rsyslog"
    check "rsyslog" '{app="checked"} |= "through rsyslog"' 1
    kill "$rsyslog"
else
    echo "skipped: rsyslog is not installed"
fi

if command -v syslog-ng >/dev/null; then
    sed -e "s|http://127.0.0.1:3100|$DENDRO_URL|; s|system();|unix-dgram(\"$work/ng\");|" "$here/syslog-ng.conf" \
        >"$work/syslog-ng.conf"
    syslog-ng -F --no-caps -f "$work/syslog-ng.conf" -R "$work/persist" -c "$work/control" -p "$work/ng.pid" &
    ng=$!
    for _ in $(seq 50); do [ -S "$work/ng" ] && break; sleep 0.1; done
    logger -u "$work/ng" -t checked-ng "through syslog-ng"
    check "syslog-ng" '{app="checked-ng"} |= "through syslog-ng"' 1
    kill "$ng"
else
    echo "skipped: syslog-ng is not installed"
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
