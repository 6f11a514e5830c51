"""Whole processes, measured: wall time, processor time, and the most memory they held."""

import os
import statistics
import subprocess
import time
from dataclasses import dataclass, field


@dataclass
class Turn:
    """One turn of one contender: seconds of wall and processor, and MiB held at most."""

    wall: float
    processor: float
    peak: float
    gateway: float = 0.0


@dataclass
class Contender:
    """Something that takes turns with others."""

    name: str
    turn: callable
    # What is done after each turn, and not measured.
    after: callable = lambda: None
    turns: list = field(default_factory=list)

    def median(self, what="wall"):
        return statistics.median(getattr(turn, what) for turn in self.turns)

    def beside(self, other, what="wall"):
        """Median, least and greatest of its turns over the other's in the same round."""
        ratios = [
            getattr(mine, what) / max(getattr(theirs, what), 1e-9)
            for mine, theirs in zip(self.turns, other.turns)
        ]
        return statistics.median(ratios), min(ratios), max(ratios)


def program(arguments, environment=None, stdin=None, stdout=None, log=None):
    """Runs a program to its end and says what it took."""
    begun = time.perf_counter()
    said = log or subprocess.DEVNULL
    child = subprocess.Popen(
        [str(argument) for argument in arguments],
        env=environment,
        stdin=stdin or subprocess.DEVNULL,
        stdout=stdout or said,
        stderr=said,
    )
    _, status, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - begun
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, arguments))}: exit code {child.returncode}")
    return Turn(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def processor_of(pid):
    """Seconds of processor time a process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_of(pid):
    """The most memory a process has held, in MiB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    raise SystemExit(f"the system does not say what process {pid} held")


def alternate(rounds, contenders, rehearsals=1):
    """A turn for each in every round, each round beginning with another; rehearsals do not count."""
    for number in range(rehearsals + rounds):
        first = number % len(contenders)
        for contender in contenders[first:] + contenders[:first]:
            turn = contender.turn()
            contender.after()
            if number >= rehearsals:
                contender.turns.append(turn)


def report(title, contenders):
    """A line for each."""
    print(f"\n{title}")
    for contender in contenders:
        walls = [turn.wall for turn in contender.turns]
        line = (
            f"  {contender.name:28} {statistics.median(walls):8.3f} s ({min(walls):.3f}-{max(walls):.3f})"
            f"  cpu {contender.median('processor'):7.2f} s  peak {contender.median('peak'):6.0f} MiB"
        )
        if any(turn.gateway for turn in contender.turns):
            line += f"  gateway cpu {contender.median('gateway'):6.2f} s"
        print(line, flush=True)
