#
# This file and its contents are supplied under the terms of the
# Common Development and Distribution License ("CDDL"), version 1.0.
# You may only use this file in accordance with the terms of version
# 1.0 of the CDDL.
#
# A full copy of the text of the CDDL should have accompanied this
# source.  A copy of the CDDL is also available via the Internet at
# http://www.illumos.org/license/CDDL.
#

"""The table of conformance: what conform has said on Linux and on ours.

Results are dicts {row: text}, one for each place: where a system was when its
calls were looked at.  The file `differences' has what is meant to be different,
one line for a row in one or more places:

    ROW | PLACES | KIND | OUR RESULT | WHY

PLACES are some of "loopback host guest", or "all".  Of KIND "absent" are rows
that are run nowhere; they have no places and no result.

Two more places are "illumos-loopback" and "illumos-guest": there ours on a real
illumos kernel is compared with ours in a vsockd, in place of Linux.
"""

import os

HERE = os.path.dirname(os.path.abspath(__file__))
PLACES = ("loopback", "host", "guest")
ILLUMOS_PLACES = ("illumos-loopback", "illumos-guest")
LAST = 160                      # rows are A1 to A160, and some more

KINDS = {
    "sockfs": "illumos's sockfs answers this itself",
    "proposal": "the proposal for illumos says so",
    "choice": "so decided",
    "defect": "Linux does not do what a program would expect",
    "newer": "as later versions of Linux have it",
    "peer": "not ours, but the answer of the other side",
    "vsockrun": "of vsockrun, not of the stack",
    "pending": "not yet",
    "absent": "not run",
}


class Difference:
    """A line of the file."""

    def __init__(self, kind, ours, why):
        self.kind = kind
        self.ours = ours
        self.why = why


class Wrong(Exception):
    """The file cannot be understood."""


def load(path=os.path.join(HERE, "differences")):
    """The file: {(row, place): Difference}, {absent row: why}."""
    listed, absent = {}, {}
    with open(path, encoding="ascii") as f:
        for number, line in enumerate(f, 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            fields = [field.strip() for field in line.split("|")]
            if len(fields) != 5 or fields[2] not in KINDS:
                raise Wrong(f"{path}:{number}: {line}")
            row, places, kind, ours, why = fields
            if kind == "absent":
                absent[row] = why
                continue
            places = PLACES if places == "all" else places.split()
            for place in places:
                if place not in PLACES + ILLUMOS_PLACES or \
                        (row, place) in listed:
                    raise Wrong(f"{path}:{number}: {place}")
                listed[row, place] = Difference(kind, ours, why)
    return listed, absent


def expected(row, place, linux):
    """What Linux does: in that place, or if that cannot be, in another."""
    for where in (place, "host", "loopback", "guest"):
        text = linux[where].get(row, "-")
        if text != "-":
            return text
    return "-"


class Line:
    """A row in one place."""

    def __init__(self, row, place, linux, ours, difference):
        self.row = row
        self.place = place
        self.linux = linux
        self.ours = ours
        self.difference = difference

    @property
    def same(self):
        return self.linux == self.ours

    def problem(self):
        """What is wrong about it, or None."""
        where = f"{self.row}, {self.place}"
        for who, text in (("Linux", self.linux), ("ours", self.ours)):
            if "FAILED" in text or text == "ended":
                return f"{where}: {who}: {text}"
        if self.same:
            return (f"{where}: is listed, but not different: {self.ours}"
                    if self.difference else None)
        if self.difference is None:
            return f"{where}: {self.ours}; on Linux: {self.linux}"
        if self.difference.ours != self.ours:
            return (f"{where}: {self.ours}; listed: {self.difference.ours}; "
                    f"on Linux: {self.linux}")
        return None


def compare(rows, linux, ours, listed, absent):
    """The lines of the table, and what is wrong."""
    lines, problems = [], []
    for row in rows:
        here = []
        for place in PLACES:
            mine = ours[place].get(row, "-")
            if mine != "-":
                here.append(Line(row, place, expected(row, place, linux),
                                 mine, listed.get((row, place))))
            elif (row, place) in listed:
                problems.append(f"{row}, {place}: is listed, but not run")
        if not here:
            problems.append(f"{row}: is run nowhere")
        if row in absent:
            problems.append(f"{row}: is run, but listed as absent")
        lines += here
    problems += [p for p in (line.problem() for line in lines) if p]
    for number in range(1, LAST + 1):
        row = f"A{number}"
        if row not in rows and row not in absent:
            problems.append(f"{row}: is missing")
    known = set(rows)
    problems += [f"{row}: is listed, but there is no such row"
                 for row, _ in listed if row not in known]
    return lines, problems


def compare_illumos(place, vsockd, illumos, listed):
    """What is wrong about the results of a real illumos kernel."""
    problems = []
    for row, text in illumos.items():
        difference = listed.get((row, place))
        line = f"{row}, {place}: {text}"
        if "FAILED" in text or text == "ended":
            problems.append(line)
        elif text == vsockd[row]:
            if difference is not None:
                problems.append(f"{line}: is listed, but not different")
        elif difference is None or difference.ours != text:
            problems.append(f"{line}; in a vsockd: {vsockd[row]}")
    problems += [f"{row}, {place}: was not run" for row in vsockd
                 if row not in illumos]
    return problems


def cell(text):
    return text.replace("|", "\\|")


def render(rows, lines, absent):
    """The table as Markdown."""
    out = ["| Row | Calls | Where | Linux | Ours | |",
           "|---|---|---|---|---|---|"]
    entries = []
    for row, text in rows.items():
        groups = {}
        for line in lines:
            if line.row == row:
                key = (line.linux, line.ours, line.difference)
                groups.setdefault(key, []).append(line.place)
        for (linux, ours, difference), places in groups.items():
            where = "all" if len(places) == len(PLACES) else ", ".join(places)
            if difference is None:
                verdict = "same" if linux == ours else "DIFFERENT"
            else:
                verdict = (f"different on purpose ({difference.kind}): "
                           f"{difference.why}")
            entries.append((row, f"| {row} | {cell(text)} | {where} | "
                            f"{cell(linux)} | "
                            f"{'' if linux == ours else cell(ours)} | "
                            f"{cell(verdict)} |"))
    for row, why in absent.items():
        entries.append((row, f"| {row} | | | | | not run: {cell(why)} |"))
    entries.sort(key=lambda entry: (entry[0][0], int(entry[0][1:])))
    return "\n".join(out + [entry for _, entry in entries]) + "\n"
