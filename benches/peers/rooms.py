"""The rows that a benchmark of one room answers: sealing, erasing, starting."""

import re
import subprocess

TAKES = re.compile(r"^  (?P<name>.+?): .*; takes (?P<median>[\d.]+) \(.*\), at best (?P<best>[\d.]+), of its time$")


def bench(name, *arguments):
    """What a benchmark printed."""
    ran = subprocess.run(["cargo", "bench", "--quiet", "--bench", name, "--", *arguments],
                         capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise SystemExit(f"cargo bench --bench {name}: {ran.stderr[-2000:]}")
    print(ran.stdout, flush=True)
    return ran.stdout


def beside_the_first(text):
    """Each contender's time over the first one's: what and who, the median, and at best."""
    found, what = [], ""
    for line in text.splitlines():
        if line.endswith(", each beside the first"):
            what = line.removesuffix(", each beside the first")
        elif one := TAKES.match(line):
            found.append((what, one["name"], float(one["median"]), float(one["best"])))
    return found


def seconds_of(what, text):
    """How long that took, by a line of a stopwatch."""
    found = re.search(rf"^{re.escape(what)}: (?P<time>[\d.]+)(?P<unit>µs|ms|s) ", text, re.MULTILINE)
    if not found:
        raise SystemExit(f"a benchmark does not say how long this took: {what}")
    return float(found["time"]) / {"µs": 1e6, "ms": 1e3, "s": 1}[found["unit"]]


def room_rows(table):
    for what, name, median, best in beside_the_first(bench("agefile")):
        threads = "two threads" if "two threads" in name else "one thread" if "one thread" in name else None
        if threads:
            table.times(f"{what} ({name}), against the age crate", 1 / median, 1 / best, 3.2 if threads == "two threads" else 1.7)
    for what, name, median, _ in beside_the_first(bench("keyring")):
        if name == "one of 1000000":
            # An erasure draws a new path and root, and has every slot let go of the old one.
            target = 2.0 if what.endswith("with the root slot") else None
            table.bound(f"{what}: 1 of 1,000,000 against 1 of 1,000", median, target, "times")
    said = bench("restore", "--items", str(10**6))
    for what, target, label in (
            ("started, the index as it grew", 3.0, "start with 1,000,000 items: until it answers, whatever that is from verified"),
            ("verified after the start", None, "after that until every record and row is verified, meanwhile"),
            ("started after a kill", 3.0, "start with 1,000,000 items after a kill: until it answers"),
            ("started, everything verified first", None, "start with everything verified first (`serve --verified-first`)")):
        table.bound(label, seconds_of(what, said), target, "s")
    opened = re.search(r"^opened, every row of 1000000 items verified: (?P<seconds>[\d.]+) s$", bench("retention"), re.MULTILINE)
    if not opened:
        raise SystemExit("the benchmark of retention does not say what opening took")
    table.bound("the index alone, as it is after it was rebuilt, every row verified", float(opened["seconds"]), None, "s")
