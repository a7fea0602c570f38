#!/usr/bin/env bash
# understudy backup and restore: all of it comes back, whole or not at all; hostile archives change nothing.
set -euo pipefail
: "${UNDERSTUDY:?}"
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
python3 tests/cli/backup.py "$UNDERSTUDY" "$d"
echo ok
