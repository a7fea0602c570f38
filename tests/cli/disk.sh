#!/bin/bash
# A disk that is full, or may not be written, on a real small file system: see disk.py. A user without the right to mount gets a namespace of
# their own; where that is forbidden too, the failing disk of disk.py's second half is tried alone.
set -u
fail() { echo "FAILED: $*"; exit 1; }
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
mkdir "$dir/disk"
"$US_MKTINY" --seed 3 --ctx 4096 --chat chatml llama F32 "$dir/m.gguf" >/dev/null || fail "mktiny"
run=(python3 tests/cli/disk.py "$UNDERSTUDY" "$dir/m.gguf" "$dir")
for enter in "unshare -m" "unshare -Urm"; do
    $enter mount -t tmpfs -o size=1m none "$dir/disk" 2>/dev/null || continue
    $enter "${run[@]}" mount || fail "see above"
    exit 0
done
echo "no file system may be mounted here: only disks that a library makes fail"
"${run[@]}" || fail "see above"
