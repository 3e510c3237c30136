"""Deliveries while the link breaks or falls silent, yq-router or PostgreSQL are killed: a few rounds, drawn anew each time. `make fault-deliver` plays 100."""
import os
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from delivering import KINDS, ROUTER, Chapter, Plan, kill_points  # noqa: E402

ROUNDS = len(KINDS)
SEED = int(os.environ.get("FAULT_SEED") or time.time())


@pytest.fixture(scope="module")
def chapter():
    with Chapter(SEED) as opened:
        yield opened


@pytest.mark.parametrize("number", range(1, ROUNDS + 1))
def test_round(chapter, number):
    print(f"FAULT_SEED={SEED}: {Plan.draw(SEED, number)}")
    outcome = chapter.play(number)
    print(outcome.line())
    assert outcome.faults == []


def test_every_kill_point_comes_before_one_comes_twice():
    drawn = [plan.point.partition(":")[0] for plan in (Plan.draw(SEED, number) for number in range(1, 301)) if plan.kind == ROUTER]
    points = kill_points()
    assert len(points) >= 7
    for at in range(0, len(drawn) - len(points), len(points)):
        assert sorted(drawn[at:at + len(points)]) == points
