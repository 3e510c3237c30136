#!/usr/bin/python3
"""Writes deploy/yingqiao.conf.sample and the table of options in docs/operations.md from lib/base/conf_options.def.

usage: tests/lint/options.py --write
"""

import pathlib
import re
import sys

TREE = pathlib.Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- options -->", "<!-- end of options -->"
KINDS = {"CONF_TEXT": "text", "CONF_BOOL": "yes or no", "CONF_NUMBER": "number", "CONF_DURATION": "duration", "CONF_SIZE": "size"}
ROW = re.compile(r'^CONF_OPTION\((\w+), "(\w+)", (\w+), "((?:[^"\\]|\\.)*)", (\d+), (\d+), "((?:[^"\\]|\\.)*)"\)', re.MULTILINE)


def read(text):
    """[(name, kind, default, minimum, maximum, help)] in the order of the table."""
    rows = [(m[2], KINDS[m[3]], m[4], int(m[5]), int(m[6]), m[7]) for m in ROW.finditer(text)]
    if len(rows) != text.count("CONF_OPTION(CONF_"):
        raise ValueError("cannot read every row of conf_options.def")
    return rows


def sample(rows):
    lines = [
        "# Yingqiao: every option with its default. Copy what you change to $YQ_HOME/etc/yingqiao.conf.",
        "# The environment wins over the file: YQ_DICOM_PORT=11113. Durations and sizes need their unit: 250 ms, 30 s, 15 min, 4 h,",
        "# 30 days; 512 KiB, 1 GiB. yq-storescp --check-config tells every fault of a file.",
    ]
    for name, kind, default, _, _, text in rows:
        lines += ["", f"# {text} ({kind})", f"#{name} = {default}".rstrip()]
    return "\n".join(lines) + "\n"


def table(rows):
    lines = ["| option | kind | default | what it is |", "|---|---|---|---|"]
    for name, kind, default, _, _, text in rows:
        lines.append(f"| `{name}` | {kind} | {f'`{default}`' if default else ''} | {text.replace('|', chr(92) + '|')} |")
    return "\n".join(lines)


def replaced(document, rows):
    """The document with the table made anew; None when it has no place for it."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        return None
    return f"{before}{BEGIN}\n{table(rows)}\n{END}{after}"


def main():
    if sys.argv[1:] != ["--write"]:
        sys.exit(__doc__)
    rows = read((TREE / "lib/base/conf_options.def").read_text())
    (TREE / "deploy/yingqiao.conf.sample").write_text(sample(rows))
    docs = TREE / "docs/operations.md"
    if docs.exists():
        text = replaced(docs.read_text(), rows)
        if text is None:
            sys.exit(f"{docs}: no {BEGIN} ... {END}")
        docs.write_text(text)


if __name__ == "__main__":
    main()
