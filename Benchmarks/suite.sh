#!/usr/bin/env bash
# Runs a benchmark suite that lies outside of this repository: suite.sh DIR BINARY LINES. The suite has a generator
# and a loader in C, and bench.py, which starts the server, feeds it, asks it and compares the answers; it runs in a
# copy.
set -euo pipefail
suite="$(cd "$1" && pwd)"
binary="$2"
lines="$3"

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cp -r "$suite/." "$folder"
chmod -R u+w "$folder"
cd "$folder"
cc -O2 -o loggen loggen.c -lm -lz
cc -O2 -o loader loader.c -lpthread
mkdir -p data
# As many seconds of log as give the same rate whatever the number of lines.
./loggen -n "$lines" -w "$((lines / 93 + 60))" -e now -s 1 -o data/set -f raw,json,pb,gz
export DENDRO_LOG_OWN_LINES=false
DENDRO="$binary" python3 bench.py run --dataset data/set --contestants dendro --lock cpu.lock --out results.json
python3 bench.py report results.json
