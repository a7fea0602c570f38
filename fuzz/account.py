"""The account of script/fuzz: which reader had how much of the processor, over all runs, and whose turn it is.

The state folder has ledger.tsv (a line a turn: when, commit, reader, CPU seconds, executions, edges, features, exit code), corpus/NAME/
(what libFuzzer kept, beside the seeds of fuzz/corpus/NAME), findings/ (inputs that broke a reader) and log/NAME.log (its last turn).
CPU seconds are counted, not the clock's: on a busy machine a turn of a minute may take half an hour. A reader that was broken gets no
more turns in this run: mend it, and put the input into fuzz/corpus/NAME/.   account.py SECONDS [-j N] [NAME...]"""
import argparse
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

TURN = 60  # CPU seconds; a turn begins with reading the corpus again, so that a short one would do little else
HANG = 60  # CPU seconds that one input may take
root = pathlib.Path(__file__).resolve().parent.parent
state = pathlib.Path(os.environ.get("XDG_STATE_HOME") or pathlib.Path.home() / ".local/state") / "understudy-fuzz"
ledger = state / "ledger.tsv"
stopping = False


def totals():
    """{reader: {cpu, runs, edges, features, commit}} of all turns; what the last turn reached stands for what is reached."""
    sums = {}
    for line in ledger.read_text().splitlines() if ledger.exists() else []:
        try:
            _, commit, name, cpu, runs, edges, features, _ = line.split("\t")
            t = sums.setdefault(name, dict(cpu=0.0, runs=0))
            t["cpu"] += float(cpu)
            t["runs"] += int(runs)
            t.update(commit=commit, edges=int(edges), features=int(features))
        except ValueError:
            print(f"{ledger}: a line that is no turn is left out: {line[:60]!r}", file=sys.stderr)
    return sums


def cpu_of(pid):
    """CPU seconds of a running process, by ps: [days-][hours:]minutes:seconds."""
    out = subprocess.run(["ps", "-o", "time=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    days, _, clock = out.rpartition("-")
    seconds = 0.0
    for part in clock.split(":") if clock else []:
        seconds = seconds * 60 + float(part)
    return seconds + 86400 * int(days or 0)


class Turn:
    def __init__(self, name, seconds):
        self.name, self.seconds, self.asked, self.last = name, seconds, False, 0.0
        corpus = state / "corpus" / name
        tmp = state / "tmp" / name
        for d in corpus, tmp, state / "findings", state / "log":
            d.mkdir(parents=True, exist_ok=True)
        self.log, self.tmp = state / "log" / f"{name}.log", tmp
        with open(self.log, "wb") as log:
            # -timeout is the clock's: a process that was stopped for a while goes on all the same, see hangs()
            self.child = subprocess.Popen(
                [root / f"build/fuzz/fuzz/fuzz_{name}", "-timeout=900", "-rss_limit_mb=2048", "-malloc_limit_mb=1024",
                 "-print_final_stats=1", "-detect_leaks=1", f"-artifact_prefix={state}/findings/{name}-", corpus,
                 root / "fuzz/corpus" / name], stdout=log, stderr=log, env=dict(os.environ, TMPDIR=str(tmp)))

    def ended(self, commit):
        """False while it runs. What it had is in the ledger when it has ended."""
        if not self.asked and (stopping or cpu_of(self.child.pid) >= self.seconds):
            os.kill(self.child.pid, signal.SIGUSR1)  # libFuzzer says its figures and ends
            self.asked = True
        pid, status, used = os.wait4(self.child.pid, os.WNOHANG)
        if not pid:
            return False
        self.child.returncode = code = os.waitstatus_to_exitcode(status)
        text = self.log.read_text(errors="replace")

        def last(pattern):
            return (re.findall(pattern, text, re.M) or ["0"])[-1]

        runs = last(r"number_of_executed_units: *(\d+)")
        self.code, self.found = code, last(r"Test unit written to (\S+)")
        with open(ledger, "a") as f:
            f.write("\t".join([time.strftime("%Y-%m-%dT%H:%M"), commit, self.name, f"{used.ru_utime + used.ru_stime:.1f}",
                               runs if runs != "0" else last(r"^#(\d+)"), last(r"cov: (\d+)"), last(r"ft: (\d+)"), str(code)]) + "\n")
        shutil.rmtree(self.tmp, ignore_errors=True)
        return True

    def broken(self):
        if self.code in (0, 72):  # 72: Ctrl-C, which all processes of the terminal hear
            return False
        if "/" + self.name + "-timeout-" in self.found and not hangs(self.name, self.found):
            os.remove(self.found)
            return False
        shutil.copy(self.log, state / "findings" / f"{self.name}.{int(time.time())}.log")
        print(f"{self.name} is broken: {self.found if self.found != '0' else self.log}", file=sys.stderr)
        return True


def hangs(name, path):
    """Whether an input that took too long by the clock takes too long by the processor."""
    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (HANG, HANG))
    return subprocess.run([root / f"build/fuzz/fuzz/fuzz_{name}", "-timeout=0", path], preexec_fn=limit, capture_output=True).returncode != 0


def fuzz(names, want, most, commit):
    live, broken = [], set()
    while True:
        for turn in [t for t in live if t.ended(commit)]:
            live.remove(turn)
            if turn.broken():
                broken.add(turn.name)
        had = totals()
        cpu = {n: had.get(n, {"cpu": 0})["cpu"] for n in names}
        waiting = sorted((n for n in names if n not in broken and cpu[n] < want and n not in [t.name for t in live]), key=cpu.get)
        while waiting and len(live) < most and not stopping:
            name = waiting.pop(0)
            live.append(Turn(name, min(TURN, want - cpu[name])))
        if not live:
            return broken
        time.sleep(1)


def table(names):
    had = totals()
    print(f"{'reader':<14} {'CPU minutes':>11} {'executions':>12} {'edges':>7} {'features':>9}  last at")
    for n in names:
        t = had.get(n) or dict(cpu=0, runs=0, edges=0, features=0, commit="-")
        print(f"{n:<14} {t['cpu'] / 60:>11.1f} {t['runs']:>12,} {t['edges']:>7} {t['features']:>9}  {t['commit']}")
    some = [had[n] for n in names if n in had]
    print(f"{'together':<14} {sum(t['cpu'] for t in some) / 60:>11.1f} {sum(t['runs'] for t in some):>12,}")


def stop(*_):
    global stopping
    stopping = True


if __name__ == "__main__":
    args = argparse.ArgumentParser()
    args.add_argument("seconds", type=int)
    args.add_argument("-j", type=int, default=os.cpu_count())
    args.add_argument("names", nargs="*")
    args = args.parse_intermixed_args()
    every = sorted(p.stem[len("fuzz_"):] for p in (root / "fuzz").glob("fuzz_*.c"))
    for n in args.names:
        if n not in every:
            sys.exit(f"script/fuzz: no reader is called {n!r}: {' '.join(every)}")
    names = args.names or every
    for s in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        signal.signal(s, stop)
    os.nice(19)
    state.mkdir(parents=True, exist_ok=True)
    commit = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip() or "-"
    broken = fuzz(names, args.seconds, args.j, commit) if args.seconds else set()
    table(names)
    if broken:
        sys.exit(f"script/fuzz: broken: {' '.join(sorted(broken))} ({state}/findings/)")
