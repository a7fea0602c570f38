#!/usr/bin/env bash
# Processors that this machine is not, under qemu: one whose best level is AVX2 passes the kernel check at that level, and
# one without AVX runs the program (nothing outside the files of an instruction set may use its instructions).
set -euo pipefail
qemu="qemu-x86_64"
command -v $qemu >/dev/null || { echo "SKIP: no $qemu (script/setup --tests installs it)"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# QEMU 7.2 reads 16 bytes for the number of a scalar multiply-add.
US_LOOSE_GUARDS=1 $qemu -cpu max "$US_BUILD/tests/test_kern" 2>&1 | tee "$work/out"
grep -qx '# avx2' "$work/out" || { echo "FAIL: AVX2 was not tested"; exit 1; }
if grep -qx '# avx512' "$work/out"; then echo "FAIL: AVX-512 on a processor without it"; exit 1; fi

"$US_MKTINY" llama Q4_K "$work/tiny.gguf"
$qemu -cpu Nehalem "$US_BUILD/example_greedy" "$work/tiny.gguf" "hello there" 12 2 >"$work/old"
[ -s "$work/old" ] || { echo "FAIL: nothing said without AVX"; exit 1; }
printf 'hello there' | $qemu -cpu Nehalem "$UNDERSTUDY" tokenize -m "$work/tiny.gguf" -
