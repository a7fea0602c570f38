"""Lines and branches of src/ that a run with gcov's counters reached: coverage.py BUILD [--levels "scalar avx2 ..."] [--missing FILE...]

How it is counted. Each file of src/ that this machine's library is compiled from, each header in it that has code. A line counts
when any compilation of it ran; a branch is one way out of a condition, as gcc sees it before it optimizes, && and || by themselves.
Nothing is left out: failed allocations count, asserts count, and there are no markers to exclude a line. Only the kernels of a level
that this processor lacks are set aside, and named: nothing can run them here (tests/emulated/ runs some, without counters)."""
import collections, concurrent.futures, glob, json, os, re, subprocess, sys, tempfile

MIN_LINES, MIN_BRANCHES, MIN_FILE_LINES = 92, 75, 75
LEVELS = 'avx2 avxvnni avx512 amx neon dotprod i8mm'.split()


def read(notes):
    """gcov's account of one object file."""
    out = subprocess.run(['gcov', '--json-format', '--stdout', '--branch-probabilities', notes], capture_output=True, cwd=tempfile.gettempdir()).stdout
    return [json.loads(x)['files'] for x in out.splitlines() if x]


def gather(build, root):
    """{file: ({line: runs}, {(line, function, number): runs})}"""
    lines, branches = collections.defaultdict(collections.Counter), collections.defaultdict(collections.Counter)
    notes = glob.glob(f'{build}/CMakeFiles/us_objects.dir/src/**/*.gcno', recursive=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for files in (f for got in pool.map(read, notes) for f in got):
            for f in files:
                name = os.path.relpath(os.path.join(build, f['file']), root)
                if not name.startswith('src/'):
                    continue
                for line in f['lines']:
                    n = line['line_number']
                    lines[name][n] += max(line['count'], 0)
                    for i, b in enumerate(line['branches']):
                        branches[name][n, line.get('function_name'), i] += max(b['count'], 0)
    return {name: (lines[name], branches[name]) for name in lines}


def share(counters):
    """(reached, all) of some counters."""
    return sum(n > 0 for c in counters for n in c.values()), sum(len(c) for c in counters)


def percent(got):
    return 100 * got[0] / got[1] if got[1] else 100


def row(name, lines, branches):
    print(f'{name:<34} {percent(lines):6.1f}% {lines[1]:6d} {percent(branches):8.1f}% {branches[1]:6d}')


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    build, options = os.path.abspath(sys.argv[1]), sys.argv[2:]
    found = gather(build, root)
    if not found:
        sys.exit(f'{build} has no counters of {root}/src: script/coverage builds and runs')
    if options[:1] == ['--missing']:  # for whoever writes the next test
        for name in options[1:]:
            lines, branches = found[name]
            source = open(f'{root}/{name}').read().split('\n')
            for n in sorted(lines):
                ways = [b > 0 for (m, _, _), b in branches.items() if m == n]
                if not lines[n] or not all(ways):
                    print(f'{name}:{n}: {"never runs" if not lines[n] else f"{ways.count(False)} of {len(ways)} ways never taken"}: {source[n - 1].strip()}')
        return 0
    here = options[1].split() if options[:1] == ['--levels'] else LEVELS
    aside = sorted(f for f in found for level in LEVELS if level not in here and re.search(rf'_{level}\.c$', f))
    for f in aside:
        del found[f]
    folders = collections.defaultdict(list)
    for f in found:
        folders['/'.join(f.split('/')[:2])].append(f)
    print(f'{"":<34} {"lines":>7} {"of":>6} {"branches":>9} {"of":>6}')
    for folder in sorted(folders):
        for f in sorted(folders[folder]):
            row(f, share([found[f][0]]), share([found[f][1]]))
    print()
    for folder in sorted(folders):
        row(folder + '/', share([found[f][0] for f in folders[folder]]), share([found[f][1] for f in folders[folder]]))
    lines, branches = (share([f[i] for f in found.values()]) for i in (0, 1))
    row('all of src/', lines, branches)
    for f in aside:
        print(f'set aside, this processor lacks the level: {f}')
    low = sorted(f for f in found if percent(share([found[f][0]])) < MIN_FILE_LINES)
    bad = [f'{f} is under {MIN_FILE_LINES}% of lines' for f in low]
    if percent(lines) < MIN_LINES:
        bad.append(f'lines are under {MIN_LINES}%')
    if percent(branches) < MIN_BRANCHES:
        bad.append(f'branches are under {MIN_BRANCHES}%')
    print('\n'.join(bad) or f'at least {MIN_LINES}% of lines, {MIN_BRANCHES}% of branches, {MIN_FILE_LINES}% of lines in each file')
    return bool(bad)


sys.exit(main())
