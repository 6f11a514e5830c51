"""Targets beside figures."""

from dataclasses import dataclass


@dataclass
class Row:
    what: str
    figure: str
    target: str
    # Nothing where there is no target.
    met: bool | None

    def verdict(self):
        return {True: "met", False: "MISSED", None: ""}[self.met]


class Table:
    """The rows there are targets for, and all that was measured besides."""

    def __init__(self):
        self.rows, self.measured = [], []

    def keep(self, title, contenders):
        self.measured.append((title, contenders))

    def ratio(self, what, ours, theirs, target, of="wall"):
        """Ours over theirs, in the same rounds, at most `target`."""
        median, least, most = ours.beside(theirs, of)
        figure = f"{median:.2f} ({least:.2f}-{most:.2f})"
        self.rows.append(Row(what, figure, f"at most {target:g}", median <= target))

    def times(self, what, median, best, target):
        """So many times as fast, at least `target`."""
        figure = f"{median:.2f}x, at best {best:.2f}x"
        self.rows.append(Row(what, figure, f"at least {target:g}x", median >= target))

    def bound(self, what, value, target, unit):
        """At most `target`; with none it is only told."""
        figure = f"{value:.2f} {unit}"
        if target is None:
            self.rows.append(Row(what, figure, "", None))
        else:
            self.rows.append(Row(what, figure, f"at most {target:g} {unit}", value <= target))

    def is_met(self):
        """Whether something was measured and no target missed."""
        targets = [row.met for row in self.rows if row.met is not None]
        return bool(targets) and all(targets)

    def __str__(self):
        width = max((len(row.what) for row in self.rows), default=10)
        lines = [f"{row.what:{width}}  {row.figure:>24}  {row.target:>14}  {row.verdict()}" for row in self.rows]
        return "\n" + "\n".join(lines)
