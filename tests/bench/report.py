"""
The results of the parts: kept one a file under build/bench/results/, shown as tables, and all together in a document of docs/measured/.

A part is {"title", "facts", "notes": [text], "tables": [{"title", "head": [text], "rows": [[text]]}], "ratios": [row of ratio()]}.
"""
import json
import pathlib

from installation import BUILD, TREE

RESULTS = BUILD / "bench" / "results"
DOCUMENT = TREE / "docs" / "measured" / "ingest.md"
ORDER = ("burst", "sustained", "associations", "large_ledger")


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def spread(values):
    """Median (min-max)."""
    import measure
    found = measure.middle(values)
    if len(values) == 1:
        return number(found["median"])
    return f"{number(found['median'])} ({number(found['min'])}-{number(found['max'])})"


def span(values):
    return f" ({number(min(values))}-{number(max(values))})"


def ratio(what, value, target=None, is_most=False, span=""):
    """A row of the list of ratios. is_most: the target is the most that it may be. Without target: only to see."""
    if value is None:
        return {"what": what, "value": "not measured", "target": "", "verdict": ""}
    reached = None if target is None else value <= target if is_most else value >= target
    return {"what": what, "value": number(value) + span, "target": "" if target is None else f"{'<=' if is_most else '>='} {target:g}",
            "verdict": "" if reached is None else "reached" if reached else "missed"}


# --- text ------------------------------------------------------------------------------------------------------------------

def _ratio_table(part):
    return {"title": "Ratios", "head": ["ratio", "measured", "target", ""],
            "rows": [[row["what"], row["value"], row["target"], row["verdict"]] for row in part["ratios"]]}


def _tables(part):
    return part["tables"] + ([_ratio_table(part)] if part["ratios"] else [])


def show(part, say):
    say(f"\n{part['title']}")
    for table in _tables(part):
        rows = [table["head"], *table["rows"]]
        widths = [max(len(row[at]) for row in rows) for at in range(len(table["head"]))]
        say(f"\n  {table['title']}")
        for row in rows:
            say("  " + "  ".join(cell.ljust(width) if at == 0 else cell.rjust(width) for at, (cell, width) in enumerate(zip(row, widths))))
    for note in part["notes"]:
        say(f"  - {note}")


def _markdown_table(table):
    lines = [f"### {table['title']}", "", "| " + " | ".join(table["head"]) + " |", "|" + " --- |" * len(table["head"])]
    return lines + ["| " + " | ".join(row) + " |" for row in table["rows"]] + [""]


def _markdown(part):
    facts = part["facts"]
    lines = [f"## {part['title']}", "", f"{facts['date']}, commit {facts['commit']}. {facts['machine']}. {facts['versions']}.", ""]
    for note in part["notes"]:
        lines.append(f"- {note}")
    lines += [""] if part["notes"] else []
    for table in _tables(part):
        lines += _markdown_table(table)
    return lines


INTRODUCTION = """# Receiving, measured

Written by `make bench-ingest` (`tests/bench/`), which runs all receivers one after the other in every round, on the same data and the same
machine: figures are medians (least-most of the rounds), ratios are ratios of medians of one run (and what the rounds gave one by one). Speeds
of other machines, or of one that is busy with something else, differ; the ratios are what to look at. Each part has its own date, since parts
can be run alone (`make bench-ingest PARTS=burst`).
"""


# --- files -----------------------------------------------------------------------------------------------------------------

def keep(name, part):
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(part, indent=1, ensure_ascii=False))


def write_document(path=DOCUMENT, introduction=INTRODUCTION, order=ORDER):
    """Of the last result of every part."""
    lines = [introduction]
    for name in order:
        kept = RESULTS / f"{name}.json"
        lines += _markdown(json.loads(kept.read_text())) if kept.exists() else []
    pathlib.Path(path).write_text("\n".join(lines).rstrip("\n") + "\n")
    return path
