"""Reception with 10 million instances in the ledger against reception with an empty one: two installations in turn."""
import pathlib
import time

import measure
import report
from load import Load, make
from ours import Ours

INSTANCES = 10_000_000
SQL = pathlib.Path(__file__).resolve().parent / "large.sql"
# Only while the rows are made; measured is what is installed.
FILLING = {"YQ_PG_NO_SYNC": "1", "YQ_PG_SETTINGS": "-c fsync=off -c autovacuum=off -c wal_level=minimal -c max_wal_senders=0 -c shared_buffers=512MB "
           "-c maintenance_work_mem=1GB -c max_wal_size=4GB -c max_parallel_maintenance_workers=2"}


def _fill(ours, instances, say):
    """Returns what it came to, as text."""
    began = time.monotonic()
    ours.home.ledger_settings = FILLING
    ours.home.start_ledger()
    try:
        rows = ours.home.sql(f"\\set instances {instances}\n" + SQL.read_text())
    finally:
        ours.home.stop_ledger()
        ours.home.ledger_settings = {}
    count, megabytes = rows[-1]
    assert int(count) == instances, rows[-1]
    text = f"{count} instances, {megabytes} MiB, made in {time.monotonic() - began:.0f} s"
    say("    " + text)
    return text


class Large(Ours):
    title = "10 million instances in the ledger"

    def __init__(self, folder):
        super().__init__(folder, key="large")


class Empty(Ours):
    title = "empty ledger"

    def __init__(self, folder):
        super().__init__(folder, key="empty")


def run(context, instances=INSTANCES):
    ct = make("ct", 250, 512, context.data)
    loads, warm_up = [Load(ct, 1, False), Load(ct, 4, False)], Load(make("ct", 20, 512, context.data), 1, False)
    rounds, receivers = measure.Rounds(context.say), []
    try:
        receivers += [Large(context.folder), Empty(context.folder)]
        made = _fill(receivers[0], instances, context.say)
        rounds.run(receivers, loads, warm_up, context.rounds)
    finally:
        for receiver in receivers:
            receiver.close()
    return tell(rounds, loads, made, context.rounds)


def _ratio(rounds, load, field, what):
    large, empty = rounds.values("large", load.key, field), rounds.values("empty", load.key, field)
    each = [one / other for one, other in zip(large, empty)]
    return report.ratio(f"{load}: {what}, large / empty", measure.middle(large)["median"] / measure.middle(empty)["median"], 0.9,
                        span=f" ({report.number(min(each))}-{report.number(max(each))})")


def tell(rounds, loads, made, count):
    tables = [{"title": str(load), "head": ["ledger", "images/s (client)", "images/s until in the ledger", "CPU ms/image"],
               "rows": [[title, *(report.spread(rounds.values(key, load.key, field)) for field in ("rate", "whole_rate", "cpu_ms"))]
                        for key, title in (("large", Large.title), ("empty", Empty.title))]} for load in loads]
    return {"title": "10 million instances in the ledger", "tables": tables,
            "notes": [f"Rounds: {count}. Large: {made} by tests/bench/large.sql; vacuumed, analyzed; then the PostgreSQL as installed, as for the empty one."],
            "ratios": [_ratio(rounds, load, field, what) for load in loads
                       for field, what in (("rate", "rate of the client"), ("whole_rate", "rate until everything is in the ledger"))]}
