"""One dirty day of a small county through a whole installation: of every kind of dirt at least two examinations, and each image is looked for.

The long form is `make week` (tests/week/); what is right is said in tests/week/judge.py.
"""
import collections
import datetime
import hashlib
import json
import pathlib
import subprocess
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "support"), str(TESTS / "week")]

import dicomgen  # noqa: E402
import measure  # noqa: E402
from county import Centre  # noqa: E402
from days import plan_day, plan_health_check  # noqa: E402
from dirt import HABITS, KINDS, County  # noqa: E402
from judge import Judge  # noqa: E402
from work import Work  # noqa: E402

SEED, SITES, STUDIES, FILMS = 5, 4, 76, 6
DAY = datetime.date(2027, 3, 1)


class Day:
    """What was sent, and where it is."""

    def __init__(self, centre):
        self.centre = centre
        self.work = Work(centre, SEED)
        site = centre.county.sites[3]
        self._session(datetime.time(7, 20), plan_health_check(centre.county, site, FILMS))
        for at, plans in plan_day(centre.county, STUDIES, each=2, is_first=True):
            self._session(at, plans)
        self._session(datetime.time(18, 10), {})
        self.work.end_of_day()
        self.lists = measure.lists(centre)
        self.verdict = Judge(centre, self.work).verdict()

    def _session(self, at, plans):
        self.work.session(datetime.datetime.combine(DAY, at), plans, readings=3)


@pytest.fixture(scope="module")
def day():
    county = County(SEED, [f"示例{number + 1}镇卫生院" for number in range(SITES)], people_per_site=60)
    with Centre(county, datetime.datetime.combine(DAY, datetime.time(6, 0))) as centre:
        yield Day(centre)


def test_every_kind_of_dirt_was_sent(day):
    sent = collections.defaultdict(set)
    for image in day.work.sent:
        for kind in image.exam.dirt() + image.dirt:
            sent[kind].add(image.exam.number)
    habits = {habit for device in (device for pair in day.centre.county.devices.values() for device in pair) for habit in device.habits.values()}
    assert {kind: len(sent[kind]) for kind in [*KINDS, "shared_title"] if len(sent[kind]) < 2} == {}
    assert {habit for group in HABITS.values() for habit in group} <= habits


def test_every_image_is_under_the_right_person_or_in_a_list_that_says_why_not(day):
    assert day.verdict.faults == []
    assert day.verdict.table["all"]["right by itself"] > len(day.work.sent) / 4, "what is clean needs nobody"


def test_names_are_read_in_every_character_set(day):
    assert day.verdict.names["read rightly"] > 50 and set(day.verdict.names) == {"read rightly"}


def test_the_lists_say_what_waits(day):
    places = day.verdict.table["all"]
    assert (day.lists["待匹配"] > 0, day.lists["待核对"] > 0) == (True, True)
    assert day.lists["图像冲突"] == len({(image.exam.site, image.sop_uid, image.sha256) for image in day.work.sent
                                       if day.verdict.places[id(image)] == "图像冲突"}) <= places["图像冲突"]
    assert day.work.counts["reports issued"] > 0 and day.work.counts["submitted"] > 0, "a day without work"


def test_nothing_goes_by_the_clocks_of_devices(day):
    """Clocks that stand at 2000-01-01 or run ahead: everything came today, by every list."""
    operator = day.centre.person("operator")
    today = operator.pages(f"/studies?day={DAY}", "studies")
    assert len(today) == day.lists["studies"]
    arrived = [row["times"]["first_image"] for row in operator.pages("/studies", "studies")]
    assert arrived == sorted(arrived, reverse=True)


def test_the_generator_alone_writes_the_same_dirt_twice(tmp_path):
    for out in ("a", "b"):
        subprocess.run([TESTS / "support" / "dirt.py", "--out", tmp_path / out, "--seed", "3", "--sites", "2", "--studies", "70", "--each", "1"], check=True)
    truths = [[json.loads(line) for line in (tmp_path / out / "truth.jsonl").read_text().splitlines()] for out in ("a", "b")]
    assert truths[0] == truths[1] and len(truths[0]) > 70
    assert set(KINDS) - {kind for one in truths[0] for kind in one["dirt"]} == set()
    for one in truths[0]:
        _, dataset = dicomgen.split_part10((tmp_path / "a" / one["file"]).read_bytes())
        assert hashlib.sha256(dataset).hexdigest() == one["sha256"], one


def test_no_log_names_a_patient(day):
    words = {word for image in day.work.sent for word in (image.exam.person.han, image.exam.person.document, image.exam.person.local_id)}
    for path in (day.centre.home / "log").iterdir():
        text = path.read_text(errors="replace")
        assert [word for word in words if word in text] == [], path.name


def test_what_people_put_right_is_as_they_left_it(day):
    """What became of each is looked at by the judge; here, that there was something of everything, and that some was taken back."""
    kinds = {deed.kind for deed in day.work.deeds}
    assert kinds >= {"split", "move_images", "merge", "edit_patient", "review", "conflict", "quarantine"}, kinds
    undone = [deed.kind for deed in day.work.deeds if not deed.is_standing]
    assert undone and len(undone) < len(day.work.deeds)
    assert all(day.work.counts[what] for what in ("conflicts: separate", "conflicts: keep", "quarantine: stored", "corrections: undone")), day.work.counts
