#!/bin/sh
# The long form of the crash test: kill -9 under load, again and again.
#   Tests/EndToEndTests/kill-rounds.sh [rounds]
set -eu
cd "$(dirname "$0")/../.."
DENDRO_KILL_ROUNDS="${1:-200}" exec swift test --filter EndToEndTests.KillTests
