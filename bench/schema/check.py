"""Schemas as grammars, on the public JSON-Schema-Test-Suite: how many are accepted, and whether everything that the grammar allows is valid.

    check.py TOOL SUITE    TOOL: build/release/tools/us_schema_sample; SUITE: a folder of the suite (tests/draft2020-12; the jsonschema
                           package's source has it). Needs the Python package jsonschema. Exits 1 when a text that was drawn is not valid."""
import collections, glob, json, os, subprocess, sys
import jsonschema

tool, suite = sys.argv[1:3]
draft = jsonschema.Draft7Validator if 'draft7' in suite else jsonschema.Draft202012Validator
n = accepted = bad = texts = 0
why = collections.Counter()
for path in sorted(glob.glob(os.path.join(suite, '*.json'))):
    for case in json.load(open(path)):
        schema = case['schema']
        if not isinstance(schema, dict):
            continue
        n += 1
        p = subprocess.run([tool, '25', str(n)], input=json.dumps(schema), capture_output=True, text=True, timeout=60)
        if p.returncode:
            assert p.returncode == 1, (case['description'], p.stderr)
            why[p.stderr.split(': ')[2].strip() if p.stderr.count(': ') > 1 else p.stderr.strip()] += 1
            continue
        accepted += 1
        for line in p.stdout.split('\n')[:-1]:
            texts += 1
            try:
                value = json.loads(line)
                ok = draft(schema, format_checker=draft.FORMAT_CHECKER).is_valid(value)
            except (ValueError, jsonschema.exceptions._WrappedReferencingError) as e:
                ok = isinstance(e, jsonschema.exceptions._WrappedReferencingError)
            if not ok:
                bad += 1
                print('NOT VALID', os.path.basename(path), case['description'], json.dumps(schema)[:300], line[:200])
                break
print(f'{n} schemas, {accepted} accepted ({100 * accepted / n:.0f}%), {texts} texts drawn, {bad} schemas with a text that is not valid')
print('refused for:', ', '.join(f'{k} {v}' for k, v in why.most_common(20)))
sys.exit(bad > 0)
