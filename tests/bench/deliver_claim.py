#!/usr/bin/python3
"""What the queue of deliveries costs with a thousand waiting and with a million: claim, settle, and the looks of a router, two installations in turn.

A part of bench-deliver; by itself: tests/bench/deliver_claim.py [--waiting N] [--rounds N]
"""
import argparse
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
sys.dont_write_bytecode = True

import measure  # noqa: E402
import report  # noqa: E402
from installation import BUILD, Installation  # noqa: E402

FEW, MANY = 1_000, 1_000_000
TURNS = 200  # of each round; together less than a thousand
MOST = 1.2
CALLS = ["claim", "settle", "outlook", "lane", "sweep"]
WORDS = {"claim": "claim of one delivery with its objects", "settle": "settlement of one", "outlook": "look for destinations with something due",
         "lane": "look at who is next at one destination", "sweep": "sweep of lost leases and deadlines"}
# All of them due, in every rank, each with an object, at one destination of three.
FILL = """
SET session_replication_role = replica;
WITH s AS (INSERT INTO scope (kind, name) VALUES ('site', '示例镇卫生院') RETURNING scope_id)
INSERT INTO site (site_id, code, licensed_type, counts_as_township_health_centre) SELECT scope_id, 'SAMPLE', 'township_health_centre', true FROM s;
INSERT INTO destination (site_id, ae_title, host, port) SELECT site_id, 'PACS', '127.0.0.1', 104 + n FROM site, generate_series(1, 3) n;
INSERT INTO instance (site_id, series_id, origin, sop_class_uid, sop_instance_uid, transfer_syntax_uid, object_key, size_bytes, header_bytes, sha256, arrived_at)
SELECT site_id, 1, 'own', '1.2.840.10008.5.1.4.1.1.2', '1.2.3', '1.2.840.10008.1.2.1', md5('x'), 1, 1, sha256('x'), yq_now() FROM site;
INSERT INTO delivery (site_id, destination_id, purpose, message, rank, next_try_at, deadline_at, state)
SELECT x.site_id, x.destination_id, 'notify', to_jsonb(n), n %% 4, yq_now() - n * interval '1 ms', yq_now() + interval '30 days',
       (ARRAY['pending', 'waiting'])[1 + n %% 2]
FROM (SELECT * FROM destination ORDER BY destination_id LIMIT 1) x, generate_series(1, %d) n;
INSERT INTO delivery_item (delivery_id, site_id, instance_id) SELECT d.delivery_id, d.site_id, i.instance_id FROM delivery d, instance i;
RESET session_replication_role;
VACUUM ANALYZE;
CHECKPOINT;
SELECT public_id FROM destination ORDER BY destination_id LIMIT 1;
"""


class Queue:
    def __init__(self, folder, waiting):
        self.waiting, self.home = waiting, Installation(prefix="yq-bench.", folder=folder, is_durable=True)

    def __enter__(self):
        self.home.__enter__()
        try:
            began = time.monotonic()
            self.destination = self.home.sql(FILL % self.waiting)[-1][0]
            self.filled_s = time.monotonic() - began
        except BaseException:
            self.home.close()
            raise
        return self

    def __exit__(self, *_):
        self.home.close()

    def play(self, turns):
        """Call -> median microseconds."""
        done = subprocess.run([BUILD / "tests" / "claim", self.destination, str(turns)], env=self.home.environment(), capture_output=True, text=True,
                              check=True)
        return {name: float(value) for name, value in (line.split() for line in done.stdout.splitlines())}


def run(context, many=MANY):
    found = {FEW: [], many: []}
    with Queue(context.folder, FEW) as small, Queue(context.folder, many) as large:
        context.say(f"    {many} deliveries made in {large.filled_s:.0f} s")
        for queue in (small, large):
            queue.play(20)  # warm
        for number in range(context.rounds):
            for queue in (small, large) if number % 2 else (large, small):
                found[queue.waiting].append(queue.play(min(TURNS, 900 // context.rounds)))
    return tell(found, many, context.rounds)


def _values(found, waiting, call):
    return [one[call] for one in found[waiting]]


def _ratio(found, many, call):
    small, large = _values(found, FEW, call), _values(found, many, call)
    return report.ratio(f"{WORDS[call]}: {many} waiting / {FEW}", measure.middle(large)["median"] / measure.middle(small)["median"],
                        MOST if call in ("claim", "settle") else None, is_most=True,
                        span=report.span([one / other for one, other in zip(large, small)]))


def tell(found, many, rounds):
    rows = [[WORDS[call], *(report.spread(_values(found, waiting, call)) for waiting in (FEW, many))] for call in CALLS]
    return {"title": "Claim and settlement", "tables": [{"title": "microseconds a call, medians", "head": ["call", f"{FEW} waiting", f"{many} waiting"],
                                                         "rows": rows}],
            "notes": [f"Rounds: {rounds}. PostgreSQL with fsync, one router, everything due at one destination."],
            "ratios": [_ratio(found, many, call) for call in CALLS]}


class _Context:
    def __init__(self, rounds):
        self.rounds, self.folder = rounds, "/var/tmp"

    @staticmethod
    def say(line):
        print(line, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--waiting", type=int, default=MANY)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    part = run(_Context(given.rounds), given.waiting)
    report.show({**part, "facts": {}}, _Context.say)


if __name__ == "__main__":
    main()
