"""What is measured: works that several sides do in turn, and the rows that compare them."""

import dataclasses
import statistics
import sys
import typing


class Unavailable(Exception):
    """This machine or this build cannot do the work; says why. Not a failure."""


@dataclasses.dataclass
class Goal:
    sign: str  # ">=" or "<="
    bound: float

    def is_met(self, figure):
        return figure >= self.bound if self.sign == ">=" else figure <= self.bound

    def __str__(self):
        return f"{'≥' if self.sign == '>=' else '≤'} {self.bound:g}"


def at_least(bound):
    return Goal(">=", bound)


def at_most(bound):
    return Goal("<=", bound)


@dataclasses.dataclass
class Row:
    """Two figures and their ratio; or one figure, where `theirs` is None and the goal is for the figure itself."""

    work: str
    ours: tuple  # (side, metric)
    theirs: typing.Optional[tuple] = None
    goal: typing.Optional[Goal] = None
    unit: str = "/s"


@dataclasses.dataclass
class Group:
    """Sides that take turns: in each round each does the work once, from scratch."""

    name: str
    sides: dict  # label -> callable(bench) that returns {metric: figure}
    rows: list
    figures: dict = dataclasses.field(default_factory=dict)  # (side, metric) -> a figure for each round
    unavailable: dict = dataclasses.field(default_factory=dict)  # side -> why it is not measured
    failures: list = dataclasses.field(default_factory=list)  # what went wrong, wrong answers above all

    def run_round(self, bench, number):
        for label, work in self.sides.items():
            if label in self.unavailable:
                continue
            print(f"{self.name}: round {number}, {label}", file=sys.stderr, flush=True)
            try:
                figures = work(bench)
            except Unavailable as reason:
                self.give_up(label, str(reason))
                continue
            except (RuntimeError, OSError, ValueError, KeyError) as error:
                self.failures.append(f"{self.name}: {label}: {error}")
                self.give_up(label, "it failed")
                continue
            for metric, figure in figures.items():
                self.figures.setdefault((label, metric), []).append(figure)

    def give_up(self, label, reason):
        """The others go on, and so do the groups to come."""
        self.unavailable[label] = reason
        print(f"{self.name}: {label} not measured: {reason}", file=sys.stderr, flush=True)

    def result(self, row):
        return Result(row, self.figures.get(row.ours, []), self.figures.get(row.theirs, []) if row.theirs else None,
                      self.unavailable.get(row.ours[0]) or (row.theirs and self.unavailable.get(row.theirs[0])))


@dataclasses.dataclass
class Result:
    """A row with its figures: medians, and the ratio of medians with the least and the greatest of single rounds."""

    row: Row
    ours: list
    theirs: typing.Optional[list]
    unavailable: typing.Optional[str]

    @property
    def is_measured(self):
        return not self.unavailable and bool(self.ours) and (self.theirs is None or bool(self.theirs))

    @property
    def our_median(self):
        return statistics.median(self.ours)

    @property
    def their_median(self):
        return statistics.median(self.theirs)

    @property
    def ratio(self):
        return self.our_median / self.their_median

    @property
    def ratios(self):
        return [ours / theirs for ours, theirs in zip(self.ours, self.theirs)]

    @property
    def is_met(self):
        if self.row.goal is None or not self.is_measured:
            return None
        return self.row.goal.is_met(self.our_median if self.theirs is None else self.ratio)
