#!/usr/bin/env bash
# The example of each public header compiles, and runs to its end without an error in a small world: a tiny model, a script, a
# character. An example is a run of lines in a comment, indented by five blanks, that calls the library.
set -euo pipefail
: "${UNDERSTUDY:?}" "${US_MKTINY:?}" "${US_SHARED:?}"
root=$PWD d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
compiled_only=" serve.h jobs.h " # one waits for visitors, the other starts processes: their own tests run them

# examples HEADER: the examples, each before a line that is a form feed
examples() {
    awk '/^ \*     [^ ]/ { block = block substr($0, 8) "\n"; next }
         function flush() { if (block ~ /us_[a-z_]+\(/) printf "%s\f\n", block; block = "" }
         { flush() } END { flush() }' "$1"
}

mkdir -p "$d/characters/homer"
awk 'BEGIN { print "name,line"; for (i = 0; i < 60; i++) printf "Marge Simpson,Is number %d fine?\nHomer Simpson,Number %d and the moon!\nBart Simpson,No way %d.\nHomer Simpson,Why you little %d!\n,\n", i, i, i, i }' >"$d/lines.csv"

printf 'loops <= 1\n' >"$d/gates.txt"
"$US_MKTINY" --ctx 4096 llama Q8_0 "$d/m.gguf"
(cd "$d" && "$UNDERSTUDY" train lines.csv --character "Homer Simpson" -m m.gguf --max-steps 1 --no-samples --out characters/homer >train.log 2>&1) || { cat "$d/train.log"; exit 1; }
libdir=$(dirname "$US_SHARED")
n=0
for header in include/understudy/*.h; do
    name=$(basename "$header")
    examples "$header" >"$d/examples"
    [ -s "$d/examples" ] || continue
    k=0
    while IFS= read -r -d $'\f' body; do
        [ -n "${body//[$'\n ']/}" ] || continue
        k=$((k + 1))
        {
            for h in include/understudy/*.h; do echo "#include \"understudy/$(basename "$h")\""; done
            cat <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(void) {
    us_error err = {0};
    us_model *model = NULL; us_script *script = NULL; us_dataset *set = NULL; us_engine *engine = NULL;
    const char *const paths[] = {"lines.csv"}; size_t n_paths = 1; const int32_t ids[] = {5, 6, 7}; int32_t n = 3;
    us_status ready = us_model_open("m.gguf", NULL, &model, &err);
    if (!ready) ready = us_script_load(&(us_script_options){0}, paths, n_paths, &script, &err);
    if (!ready) ready = us_dataset_build(script, &(us_dataset_options){.character = "Homer Simpson"}, &set, &err);
    if (!ready) ready = us_engine_new(model, &(us_engine_options){0}, &engine, &err);
    if (ready) { fprintf(stderr, "not ready: %s\n", err.message); return 2; }
    (void)ids, (void)n, (void)paths, (void)n_paths;
    {
C
            printf '#line 1 "%s"\n%s\n' "$name" "$body"
            cat <<'C'
    }
    if (err.status) fprintf(stderr, "%s\n", err.message);
    return err.status != US_OK;
}
C
        } >"$d/example.c"
        "${CC:-cc}" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unused -Wno-unused-result -Wno-shadow -Iinclude "$d/example.c" "$US_SHARED" -Wl,-rpath,"$libdir" -o "$d/example" ||
            { echo "FAILED: an example of $header does not compile:"; echo "$body"; exit 1; }
        n=$((n + 1))
        [[ $compiled_only != *" $name "* ]] || continue
        (cd "$d" && timeout 300 ./example >out 2>&1) || { echo "FAILED: an example of $header ends with $?: $(tail -3 "$d/out")"; echo "$body"; exit 1; }
    done <"$d/examples"
done
cd "$root"
[ $n -gt 5 ] && echo "$n examples"
