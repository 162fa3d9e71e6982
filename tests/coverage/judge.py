#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads what llvm-cov exported of the test programs, prints a summary of each file of the library, and
compares what was not covered with the file exceptions.

    tests/coverage/judge.py EXPORT.json LINES.lcov EXCEPTIONS

Covered is: each function was called; each condition was true and was false; and each condition of a
decision of several has decided it by itself (MC/DC). A condition that is the whole decision has MC/DC
when it has both outcomes. What stands in a header or a macro counts as one place, whoever used it.

The run fails when something is not covered and not listed, and when something is listed and covered.
"""

import json
import os
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src/", "arch/", "include/")


class File:
    """What was seen of one file, by place: (line, column, line, column)."""

    def __init__(self, name):
        self.name = name
        self.text = (ROOT / name).read_text().splitlines()
        self.functions = defaultdict(int)
        self.names = {}
        self.outcomes = defaultdict(lambda: [0, 0])
        self.decisions = {}
        self.lines = {}

    def source(self, place):
        """The source of a place, blanks run together."""
        line, column, last, end = place
        if line == last:
            text = self.text[line - 1][column - 1 : end - 1]
        else:
            middle = self.text[line : last - 1]
            text = " ".join([self.text[line - 1][column - 1 :], *middle, self.text[last - 1][: end - 1]])
        return " ".join(text.split())

    def conditions_of(self, decision):
        return sorted(place for place in self.outcomes if inside(place, decision))

    def gaps(self):
        """(line, what is missing) for each thing that was not covered."""
        found = []
        for place, count in self.functions.items():
            if count == 0:
                found.append((place[0], f"{self.names[place]}(): never called"))
        for place, counts in self.outcomes.items():
            for outcome, count in zip(("true", "false"), counts):
                if count == 0:
                    found.append((place[0], f"{self.source(place)}: never {outcome}"))
        for decision, decided in self.decisions.items():
            for place, alone in zip(self.conditions_of(decision), decided):
                if not alone and all(self.outcomes[place]):
                    text = f"{self.source(decision)}: never decided by {self.source(place)}"
                    found.append((place[0], text))
        return sorted(found)

    def totals(self):
        """(covered, all) lines, outcomes, and conditions by MC/DC."""
        outcomes = [count > 0 for counts in self.outcomes.values() for count in counts]
        conditions = []
        grouped = set()
        for decision, decided in self.decisions.items():
            conditions += decided
            grouped.update(self.conditions_of(decision))
        conditions += [all(counts) for place, counts in self.outcomes.items() if place not in grouped]
        lines = [count > 0 for count in self.lines.values()]
        return (sum(lines), len(lines)), (sum(outcomes), len(outcomes)), (sum(conditions), len(conditions))


def inside(place, decision):
    return decision[:2] <= place[:2] and place[2:] <= decision[2:]


class Files(dict):
    """The library's files, by name."""

    def of(self, path):
        """The file of a path; None for those of others."""
        name = os.path.relpath(os.path.realpath(path), ROOT)
        if name.startswith(FOLDERS) and name not in self:
            self[name] = File(name)
        return self.get(name)


def read_lines(files, path):
    """Each line once, whoever compiled it: the export's own sums count some headers' lines twice."""
    file = None
    for line in Path(path).read_text().splitlines():
        if line.startswith("SF:"):
            file = files.of(line[3:])
        elif line.startswith("DA:") and file:
            number, count = map(int, line[3:].split(",")[:2])
            file.lines[number] = file.lines.get(number, 0) + count


def read_export(files, path):
    for function in json.loads(Path(path).read_text())["data"][0]["functions"]:
        own = [files.of(name) for name in function["filenames"]]
        if own[0]:
            place = tuple(function["regions"][0][:4])
            own[0].functions[place] += function["count"]
            # A static function's begins with its file.
            own[0].names[place] = function["name"].split(":")[-1]
        for *place, true, false, number, _, _ in function["branches"]:
            if own[number]:
                counts = own[number].outcomes[tuple(place)]
                counts[0] += true
                counts[1] += false
        for *place, _, _, decided in function["mcdc_records"]:
            decision = tuple(place)
            # The export does not say in which file a decision is: where its conditions are.
            for number in {branch[6] for branch in function["branches"] if inside(branch[:4], place)}:
                if own[number]:
                    before = own[number].decisions.get(decision, [False] * len(decided))
                    own[number].decisions[decision] = [a or b for a, b in zip(before, decided)]


def read_exceptions(path):
    """(file, what is missing). `file: reason` heads each group of lines that begin with a dash."""
    listed = set()
    file = None
    for line in Path(path).read_text().splitlines():
        if line.startswith("- "):
            listed.add((file, line[2:]))
        elif line[:1] not in ("#", " ", ""):
            file = line.split(":")[0]
    return listed


def percent(part):
    covered, total = part
    return f"{covered:5}/{total:<5}{100.0 * covered / total if total else 100.0:6.1f} %"


def main():
    files = Files()
    read_export(files, sys.argv[1])
    read_lines(files, sys.argv[2])
    listed = read_exceptions(sys.argv[3])
    sums = [[0, 0], [0, 0], [0, 0]]
    gaps = []
    print(f"{'':26}{'lines':>18}{'branches':>21}{'MC/DC':>20}")
    for name in sorted(files):
        totals = files[name].totals()
        if totals[0][1] == 0 and totals[1][1] == 0:
            continue
        print(f"{name:26}" + " ".join(f"{percent(part):>20}" for part in totals))
        for whole, part in zip(sums, totals):
            whole[0] += part[0]
            whole[1] += part[1]
        gaps += [(name, line, what) for line, what in files[name].gaps()]
    print(f"{'all':26}" + " ".join(f"{percent(part):>20}" for part in sums))

    missing = {(name, what) for name, _, what in gaps}
    for name, line, what in gaps:
        if (name, what) not in listed:
            print(f"{name}:{line}: {what}")
    for name, what in sorted(listed - missing):
        print(f"{name}: listed as an exception and covered, or not there: {what}")
    print(f"{len(missing & listed)} exceptions, {len(missing - listed)} gaps, {len(listed - missing)} stale")
    return 1 if missing ^ listed else 0


if __name__ == "__main__":
    sys.exit(main())
