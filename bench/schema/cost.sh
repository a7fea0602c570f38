#!/usr/bin/env bash
# What keeping to a schema costs a token of the default model: a schema of a usual size (as pydantic writes it), and a big one.
#
#   bench/schema/cost.sh [SCHEMA.json...]
set -euo pipefail
cd "$(dirname "$0")/../.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/usual.json" <<'J'
{"type":"object","properties":{"name":{"type":"string","maxLength":40},"colour":{"enum":["black","white","red"]},"age":{"type":"integer","minimum":0,"maximum":30},
 "story":{"type":"string"},"friends":{"type":"array","items":{"$ref":"#/$defs/friend"},"maxItems":5},"born":{"type":"string","format":"date"},"weight":{"anyOf":[{"type":"number"},{"type":"null"}]}},
 "required":["name","colour","age","story","friends"],"$defs":{"friend":{"type":"object","properties":{"name":{"type":"string"},"kind":{"enum":["dog","mouse"]}},"required":["name","kind"]}}}
J
python3 - "$dir/big.json" <<'P'
import json, sys
leaf = lambda i: [{'type': 'string'}, {'type': 'integer', 'minimum': -i, 'maximum': 1000 * i}, {'enum': [f'value {k} of {i}' for k in range(20)]}, {'type': 'array', 'items': {'type': 'string', 'maxLength': 60}}, {'type': 'string', 'format': 'date-time'}][i % 5]
part = lambda n: {'type': 'object', 'properties': {f'field_{n}_{i}': leaf(i) for i in range(20)}, 'required': [f'field_{n}_{i}' for i in range(0, 20, 2)]}
json.dump({'type': 'object', 'properties': {f'part_{n}': {'$ref': f'#/$defs/p{n}'} for n in range(25)}, 'required': [f'part_{n}' for n in range(25)], '$defs': {f'p{n}': part(n) for n in range(25)}}, open(sys.argv[1], 'w'))
P
modules=$(sed -n 's/^set(US_PKG_MODULES \(.*\))/\1/p' CMakeLists.txt)
# shellcheck disable=SC2046,SC2086
cc -O2 -D_GNU_SOURCE -Isrc -Iinclude bench/schema/cost.c build/release/libunderstudy.a $(pkg-config --libs $modules cairo pango pangocairo sqlite3 libmicrohttpd libcurl) -lm -pthread -o "$dir/cost"
"$dir/cost" "$(script/model)" "${@:-$dir/usual.json}" "$dir/big.json" | sed "s#$dir/##"
