"""The programs end to end under ThreadSanitizer (make test TSAN=1): four senders, the walk of one study, people who look on. No report may come.

Each process writes its reports to a file of its own; what is passed over stands in tests/support/tsan.suppressions, with reasons.
"""
import pathlib
import random
import subprocess
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
from demo import PROGRAMS, Demo  # noqa: E402
from dicomraw import Association, Rejected  # noqa: E402
from installation import PATIENCE_S, TREE  # noqa: E402
from receiving import CALLING, assert_sound, associate, await_indexed, holds  # noqa: E402
from senders import MIDDLE, SMALL, Sender, join_all, make_objects, start_all  # noqa: E402

SENDERS, SIZES = 4, [SMALL, MIDDLE, SMALL] * 4
SC, EXPLICIT = dicomgen.SOP["sc"], dicomgen.EXPLICIT

RACE = """
#include <pthread.h>
static int shared;
static void *count(void *unused) { for (int i = 0; i < 1000; i++) shared++; return unused; }
int main(void)
{
	pthread_t other;

	pthread_create(&other, 0, count, 0);
	count(0);
	return pthread_join(other, 0);
}
"""


class Watched(Demo):
    """Every program under the instrument, which notes all that it finds and goes on."""

    def environment(self, **more):
        options = {"log_path": self.home / "tsan", "suppressions": TREE / "tests" / "support" / "tsan.suppressions", "halt_on_error": 0,
                   "exitcode": 0, "second_deadlock_stack": 1, "history_size": 4}
        text = ":".join(f"{name}='{value}'" for name, value in options.items())
        return super().environment(TSAN_OPTIONS=text, **more)

    def take_reports(self):
        paths = sorted(self.home.glob("tsan.*"))
        texts = [path.read_text(errors="replace") for path in paths]
        for path in paths:
            path.unlink()
        return texts

    def lookers(self):
        """What people and probes ask all the time, while everything else goes on."""
        reporter = self.api()
        reporter.login("reporter", self.passwords()["reporter"])
        targets = ["/api/v1/me", "/api/v1/tasks", "/api/v1/studies", "/metrics", "/"]
        return [Looker(lambda target=target: reporter.get(target)) for target in targets] + [Looker(lambda: self.yqctl("status", status=None))]


class Looker(threading.Thread):
    def __init__(self, look):
        super().__init__(daemon=True)
        self.look, self.ended, self.looks = look, threading.Event(), 0

    def run(self):
        while not self.ended.is_set():
            self.look()
            self.looks += 1

    def end(self):
        self.ended.set()
        self.join(PATIENCE_S)
        assert not self.is_alive() and self.looks > 0, "a looker came to nothing"


def strangers(home):
    """Who is rejected, and who goes away in the middle of an object."""
    for number in range(5):
        with pytest.raises(Rejected):
            Association("127.0.0.1", home.dicom_port, f"STRANGER{number}", "YINGQIAO", [(SC, [EXPLICIT])])
        one, = make_objects(random.Random(number), [MIDDLE])
        associate(home, [(SC, [EXPLICIT])]).store(SC, one.uid, one.bytes, EXPLICIT, stop_after=100_000)


def new_senders(home, phase):
    """Each with two studies: the walk waits until all of them have come to rest."""
    chances = [random.Random(f"{phase}/{number}") for number in range(SENDERS)]
    return [Sender(home, make_objects(chance, SIZES) + make_objects(chance, SIZES), pdv_size=16000) for chance in chances]


@pytest.fixture(scope="module")
def home():
    with Watched(YQ_QUIET_DEFAULT="1 s", YQ_POLL_INTERVAL="200 ms", YQ_LEDGER_TIMEOUT="5 s") as installation:
        installation.start_site()
        installation.yqctl("roster", "load", TREE / "deploy" / "rosters" / "taishan.json")
        installation.yqctl("demo", "seed")
        installation.yqctl("device", "add", "--ae-title", CALLING, "--site", installation.yqctl("site", "list", json=True)[0]["name"])
        yield installation


def test_the_instrument_finds_races(home):
    """With a program that has one: else silence would say nothing."""
    source = home.home / "race.c"
    source.write_text(RACE)
    subprocess.run(["gcc", "-O1", "-g", "-fsanitize=thread", "-pthread", "-o", home.home / "race", source], check=True)
    subprocess.run([home.home / "race"], env=home.environment(), check=True)
    report, = home.take_reports()
    assert "data race" in report


def test_no_race_between_four_senders_the_walk_and_those_who_look_on(home):
    home.start(*PROGRAMS)
    senders, lookers = new_senders(home, "walk"), home.lookers()
    start_all([*senders, *lookers])
    strangers(home)
    walked = home.walk()
    assert walked.returncode == 0, walked.stdout + walked.stderr
    join_all(senders)
    # Once more, while the ledger goes and comes and reception is restarted.
    senders += (later := new_senders(home, "restart"))
    start_all(later)
    home.restart_ledger()
    home.restart("yq-storescp")
    strangers(home)
    join_all(later)
    for looker in lookers:
        looker.end()
    assert_sound(await_indexed(home))
    sent, held = [one for sender in senders for one in sender.objects], holds(home)
    assert {one.status for one in sent} == {0}
    assert all(held[one.uid] == one.sha256 for one in sent)
    assert [home.stop(name) for name in reversed(PROGRAMS)] == [0] * len(PROGRAMS)
    reports = home.take_reports()
    assert not reports, "\n".join(reports)
