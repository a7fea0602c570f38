#!/usr/bin/env bash
# The kernel check and the quantization test of the Arm kernels: cross-compiled, without any foreign library, run under qemu.
set -euo pipefail
cd "$(dirname "$0")/../.."
cc=${US_ARM_CC:-aarch64-linux-gnu-gcc} qemu=${US_ARM_QEMU:-qemu-aarch64}
command -v "$cc" >/dev/null || { echo "SKIP: no $cc (script/setup --tests installs it)"; exit 77; }
command -v "$qemu" >/dev/null || { echo "SKIP: no $qemu (script/setup --tests installs it)"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# compile SOURCE [FLAGS...]: as CMakeLists.txt compiles it
compile() {
    local source=$1
    shift
    "$cc" -std=gnu11 -O3 -ffp-contract=off -D_GNU_SOURCE -DUS_VERSION=\"arm\" -DUS_SOURCE_DIR="\"$PWD\"" -Wall -Wextra -Wshadow -Wno-missing-field-initializers -Werror \
        -Iinclude -Isrc -Itests/emulated "$@" -c "$source" -o "$work/$(basename "$source" .c).o"
}
compile src/kern/arm/kern_dotprod.c -march=armv8.2-a+dotprod &
compile src/kern/arm/kern_i8mm.c -march=armv8.2-a+dotprod+i8mm &
compile src/kern/arm/kern_neon.c
wait
for f in src/kern/{kern,pack,quant}.c src/kern/scalar/scalar.c src/base/{buf,error,file,mem,rng,utf8}.c tests/unit/test_{kern,quant}.c; do compile "$f"; done
common=("$work"/{kern_dotprod,kern_i8mm,kern_neon,kern,pack,quant,scalar,buf,error,file,mem,rng,utf8}.o)
for t in test_kern test_quant; do "$cc" -static "$work/$t.o" "${common[@]}" -lm -lpthread -o "$work/$t"; done

"$qemu" -cpu max "$work/test_quant"
"$qemu" -cpu max "$work/test_kern" | tee "$work/out"
for level in neon dotprod i8mm; do grep -qx "# $level" "$work/out" || { echo "FAIL: $level was not tested"; exit 1; }; done
# A processor without the dot product (Raspberry Pi 4) must not choose it.
"$qemu" -cpu cortex-a72 "$work/test_kern" >"$work/out"
if grep -Eqx '# (dotprod|i8mm)' "$work/out"; then echo "FAIL: dotprod or i8mm on a Cortex-A72"; exit 1; fi
