#!/usr/bin/env bash
# Measures dendro against two plain tools on the same lines, in one run on this machine:
#
#   push      200,000 generated JSON lines (about 40 MB) through POST /api/v1/push, one connection, 1 MB bodies:
#             wall time, CPU seconds and peak memory of the server
#   disk      bytes of the part files after a flush, beside `zstd -3` of the same lines
#   queries   a trace lookup, a word that is in few lines, a word that is nowhere and a count by level: median of
#             five, beside `ripgrep` over the raw file (which has no index, but also no server)
#
#   kernels   single kernels of storage (Benchmarks/Kernels): columns by type, search, rebuilding of rows, the log
#   text      log files of this machine in columns, beside `zstd -1` and `zstd -3`; no file may get larger than by the
#             former
#
# SUITE=dir   runs the larger suite that lies there (a generator, a loader and bench.py) from a copy of it, with LINES
#             lines (200,000 if not given), instead of the first three
#
# Figures of different runs or machines do not compare; ratios within one run do. Options: --lines N, --keep.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v python3 >/dev/null || { echo "python3 is needed"; exit 1; }
# STATIC: see the Makefile.
# shellcheck disable=SC2086
swift build -c release ${STATIC:-} --product dendro
binary="$(swift build -c release --show-bin-path)/dendro"
if [ -n "${SUITE:-}" ]; then
    Benchmarks/suite.sh "$SUITE" "$binary" "${LINES:-200000}"
else
    python3 Benchmarks/compare.py --binary "$binary" "$@"
fi
Benchmarks/kernels.sh
