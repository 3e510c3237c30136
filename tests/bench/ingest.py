#!/usr/bin/python3
"""Measures receiving: ours against Orthanc, DCMTK's storescp and two floors, all in one run. `make bench-ingest` starts it.

Tables go to the terminal, those of a whole run (5 rounds or more) to docs/measured/ingest.md. Everything is started here on free ports of 127.0.0.1 and stopped by its process id.
"""
import argparse
import pathlib
import shutil
import signal
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
sys.dont_write_bytecode = True

import associations  # noqa: E402
import burst  # noqa: E402
import facts  # noqa: E402
import large_ledger  # noqa: E402
import report  # noqa: E402
import smoke  # noqa: E402
import sustained  # noqa: E402
from installation import BUILD  # noqa: E402

PARTS = {"burst": burst, "sustained": sustained, "associations": associations, "large_ledger": large_ledger}
WHOLE = 5  # rounds


class Context:
    """rounds; data: folder of what is sent, kept; folder: where receivers write, gone at the end; say: prints a line."""

    def __init__(self, rounds, folder):
        self.rounds, self.folder, self.data = rounds, pathlib.Path(folder), BUILD / "bench" / "data"

    @staticmethod
    def say(line):
        print(line, flush=True)


def run_part(name, rounds, place):
    folder = tempfile.mkdtemp(prefix="yq-bench-ingest.", dir=place)
    pathlib.Path(folder).chmod(0o755)
    try:
        found = facts.gather(folder)
        part = {**PARTS, "smoke": smoke}[name].run(Context(rounds, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return part and {**part, "facts": found}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=WHOLE)
    parser.add_argument("--place", default="/var/tmp", help="folder on the disk to measure; needs 15 GB (default %(default)s)")
    parser.add_argument("part", nargs="*", choices=[[], *PARTS, "smoke"], metavar="PART",
                        help=f"{', '.join(PARTS)} (default: all of these), or smoke: a few small images, nothing measured")
    return parser.parse_args()


def main():
    given = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for name in given.part or list(PARTS):
        print(f"{name}:", flush=True)
        part = run_part(name, given.rounds, given.place)
        if part is None:
            continue
        report.show(part, Context.say)
        if given.rounds >= WHOLE:
            report.keep(name, part)
            print(f"\nwritten: {report.write_document()}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
