"""The table of docs/performance.md, between two lines that mark its place."""

import re

BEGIN = "<!-- begin: written by scripts/bench-peers -->"
END = "<!-- end: written by scripts/bench-peers -->"


def in_short(figure, unit):
    if unit == "us":
        return f"{figure / 1000:.2f} ms" if figure >= 1000 else f"{figure:.0f} us"
    scaled, letter = (figure / 1e6, " M") if figure >= 1e6 else (figure / 1e3, " k") if figure >= 1e3 else (figure, " ")
    digits = 0 if scaled >= 100 else 1 if scaled >= 10 else 2
    return f"{scaled:.{digits}f}{letter}{unit}"


def cells_of(result):
    row = result.row
    against = row.theirs[0] if row.theirs else ""
    if row.theirs and row.theirs[0] == row.ours[0]:
        against = f"its own {row.theirs[1]}"
    goal = str(row.goal) if row.goal else ""
    if not result.is_measured:
        theirs = in_short(result.their_median, row.unit) if result.theirs else ""
        return [row.work, "", against, theirs, "", "", goal, f"not measured: {result.unavailable or 'no figures'}"]
    verdict = {None: "", True: "met", False: "**missed**"}[result.is_met]
    ours = in_short(result.our_median, row.unit)
    if row.theirs is None:
        spread = f"{in_short(min(result.ours), row.unit)} .. {in_short(max(result.ours), row.unit)}"
        return [row.work, ours, "", "", "", spread, goal, verdict]
    spread = f"{min(result.ratios):.2f} .. {max(result.ratios):.2f}"
    return [row.work, ours, against, in_short(result.their_median, row.unit), f"{result.ratio:.2f}", spread, goal, verdict]


def section(group, commit):
    head = ["work", "kv", "against", "it", "kv / it", "rounds", "goal", ""]
    lines = [f"**{group.name}** (kv at commit {commit})", "", "| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(cells_of(group.result(row))) + " |" for row in group.rows])


def markdown(groups, commit):
    return "\n\n".join(section(group, commit) for group in groups) + "\n"


def sections_in(text):
    """The groups' sections by their names, with which they begin."""
    found = {}
    for part in re.split(r"^(?=\*\*)", text, flags=re.MULTILINE)[1:]:
        found[part.split("**")[1]] = part.strip()
    return found


def replace_in(path, head, groups, commit, order):
    """Puts the groups' sections into the page, beside those of other groups that stand there; `order`: all names."""
    with open(path, encoding="utf-8") as page:
        before, rest = page.read().split(BEGIN)
    known, after = rest.split(END)
    sections = sections_in(known) | {group.name: section(group, commit) for group in groups}
    text = "\n\n".join([head] + [sections[name] for name in order if name in sections])
    with open(path, "w", encoding="utf-8") as page:
        page.write(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
