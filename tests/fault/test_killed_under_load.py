"""Four senders at work while yq-storescp, PostgreSQL or both are killed: 20 rounds, drawn anew each time. `make fault` plays 1,000."""
import os
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from killing import Chapter, Plan, kill_points  # noqa: E402

ROUNDS = 20
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
    drawn = [Plan.draw(SEED, number).point.partition(":")[0] for number in range(1, 1001)]
    points = [name for name in drawn if name]
    assert len(kill_points()) >= 15
    for at in range(0, len(points) - len(kill_points()), len(kill_points())):
        assert sorted(points[at:at + len(kill_points())]) == kill_points()
