#!/usr/bin/env bash
# Kernels of storage and real text, see run.sh. Text files: those named on the command line, plain or .zst, else logs
# that most machines have.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

swift build -c release
kernels="$(swift build -c release --show-bin-path)/Kernels"
[ $# -gt 0 ] || "$kernels"
command -v zstd >/dev/null || { echo "zstd is needed for the comparison of text"; exit 0; }

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
files=("$@")
if [ $# -eq 0 ]; then
    files=(/var/log/dpkg.log /var/log/apt/history.log /var/log/apt/term.log /var/log/syslog /var/log/alternatives.log)
fi
texts=()
for file in "${files[@]}"; do
    [ -s "$file" ] && [ -r "$file" ] || continue
    text="$folder/$(basename "${file%.zst}")"
    case "$file" in *.zst) zstd -q -d -c "$file" >"$text" ;; *) cp "$file" "$text" ;; esac
    texts+=("$text=$(zstd -1 -q -c "$text" | wc -c)")
done
[ ${#texts[@]} -eq 0 ] || "$kernels" --text "${texts[@]}"
