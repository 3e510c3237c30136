"""The driver of `make bench-ingest` in its short form: it runs, and what was sent, taken and kept is the same number. Never how fast."""

import os
import pathlib
import subprocess

TREE = pathlib.Path(__file__).resolve().parents[2]


def test_short_form_agrees_on_the_counts(tmp_path):
    done = subprocess.run(["/usr/bin/python3", "tests/bench/ingest.py", "--place", tmp_path, "smoke"], cwd=TREE, capture_output=True, text=True,
                          env={**os.environ, "TMPDIR": str(tmp_path)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "smoke: 21 images in 7 associations, everywhere as sent" in done.stdout, done.stdout
    assert list(tmp_path.iterdir()) == [], "something was left behind"
