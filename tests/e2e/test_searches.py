"""Searches that take long: they end with their client, and those of one person leave room for everybody else."""

import contextlib
import pathlib
import socket
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from tests.support.hosts import await_true, locked  # noqa: E402
from tests.support.installation import PATIENCE_S, Installation  # noqa: E402
from tests.support.scene import Scene  # noqa: E402

SEARCH = "/dicom-web/studies?PatientName=*a*b*c*"
SEARCHES_AT_ONCE, MANY = 4, 12
THREADS = 8  # http_threads, as it is where nobody sets it
SEARCHES_IN_ALL = THREADS - 2
HALF_CLOSE_S = 0.6  # so long after its request who ends the connection may still wait for the answer
TABLE = "identity_claim"


@pytest.fixture(scope="module")
def home():
    # A statement that nobody ends runs longer than the test waits.
    with Installation({"YQ_LEDGER_TIMEOUT": "10 min"}) as installation:
        installation.scene = Scene(installation)
        installation.start("yq-gateway")
        yield installation
        assert "panic" not in installation.log("yq-gateway")


def waiting(home):
    """Statements of the gateway that wait for the table."""
    return int(home.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'yq-gateway' AND wait_event_type = 'Lock'")[0][0])


def answered(home, status):
    return home.log("yq-gateway").count(f"method=GET route=/dicom-web/studies status={status} ")


class Search:
    def __init__(self, home, person, target=SEARCH):
        self.socket = socket.create_connection(("127.0.0.1", home.http_port), timeout=PATIENCE_S)
        self.socket.sendall(f"GET {target} HTTP/1.1\r\nHost: t\r\nAccept: application/dicom+json\r\nCookie: {person.cookie}\r\n"
                            "Connection: close\r\n\r\n".encode())

    def status(self):
        with self.socket, self.socket.makefile("rb") as answer:
            return int(answer.readline().split()[1])

    def leave(self):
        self.socket.close()


@contextlib.contextmanager
def searching(home, person, count):
    """So many searches of a person, of which as many wait for the ledger as may."""
    with locked(home, TABLE):
        searches = [Search(home, person) for _ in range(count)]
        await_true("searches that wait for the ledger", lambda: waiting(home) == min(count, SEARCHES_AT_ONCE))
        yield searches


def test_searches_end_with_their_client(home):
    person = home.scene.login("reporter1")
    gone = answered(home, 499)
    with searching(home, person, MANY) as searches:
        time.sleep(HALF_CLOSE_S)
        for search in searches:
            search.leave()
        await_true("the end of all searches", lambda: answered(home, 499) - gone == MANY)
        assert waiting(home) == 0
        queries = [Search(home, person)]
        await_true("a search that began", lambda: waiting(home) == 1)
    assert queries[0].status() in (200, 204)


def test_who_leaves_while_waiting_for_its_turn_never_searches(home):
    person = home.scene.login("reporter1")
    looks = "SELECT count(*) FROM audit WHERE action = 'study.list'"
    gone, listed = answered(home, 499), int(home.sql(looks)[0][0])
    with searching(home, person, SEARCHES_AT_ONCE) as searches:
        leaving, staying = Search(home, person), Search(home, person)
        # Both are there when what was sent later is answered; neither has asked the ledger for anything but who it is.
        assert person.get("/api/v1/me").status == 200
        time.sleep(HALF_CLOSE_S)
        leaving.leave()
        assert waiting(home) == SEARCHES_AT_ONCE
    assert {search.status() for search in [*searches, staying]} <= {200, 204}
    await_true("the end of who left", lambda: answered(home, 499) == gone + 1)
    assert int(home.sql(looks)[0][0]) == listed + SEARCHES_AT_ONCE + 1


def test_searches_of_one_person_leave_room_for_others(home):
    person, other = home.scene.login("reporter1"), home.scene.login("reviewer1")
    with searching(home, person, MANY) as searches:
        assert other.get("/api/v1/me").status == 200
        assert person.get("/api/v1/me").status == 200
        others = Search(home, other)
        await_true("the search of another person", lambda: waiting(home) == SEARCHES_AT_ONCE + 1)
    assert {search.status() for search in [*searches, others]} <= {200, 204}


def test_searches_of_several_people_leave_threads_for_what_is_none(home):
    """Wildcards count series, which are locked; the list of what is to be read does not."""
    persons = [home.scene.login(name) for name in ("reporter1", "reviewer1", "reporter2")]
    with locked(home, "series"):
        searches = [Search(home, person) for _ in range(MANY) for person in persons]
        await_true("searches that wait for the ledger", lambda: waiting(home) == SEARCHES_IN_ALL)
        for person in (*persons, home.scene.login("duty_leader1")):
            assert person.get("/api/v1/me").status == 200
            assert person.get("/api/v1/queue").status == 200
        assert waiting(home) == SEARCHES_IN_ALL
    statuses = [search.status() for search in searches]
    assert set(statuses) <= {200, 204} and len(statuses) == 3 * MANY


@contextlib.contextmanager
def names_held(home):
    """Who compares names waits for the table "held"."""
    before = home.sql("SELECT replace(pg_get_functiondef('yq_name_fits(text, text)'::regprocedure), chr(10), ' ')")[0][0]
    home.sql("""CREATE TABLE held (); GRANT SELECT ON held TO yq_gateway;
                CREATE OR REPLACE FUNCTION yq_name_fits(p_name text, p_pattern text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS
                'BEGIN PERFORM FROM held; RETURN false; END'""")
    try:
        yield
    finally:
        home.sql(before + "; DROP TABLE held")


def test_a_study_is_opened_however_many_people_search(home):
    """A viewer asks for the series of a study before it shows any; but names are searched in their turn, in one study as in all."""
    persons = [home.scene.login(name) for name in ("reporter1", "reviewer1", "reporter2")]
    study = home.sql("SELECT min(shown_uid) FROM study JOIN site USING (site_id) WHERE code = 'E1'")[0][0]
    within = f"/dicom-web/studies/{study}/series"
    with names_held(home):
        with locked(home, "held"):
            searches = [Search(home, person) for _ in range(MANY) for person in persons]
            await_true("searches that wait for the ledger", lambda: waiting(home) == SEARCHES_IN_ALL)
            for person in (*persons, home.scene.login("duty_leader1")):
                assert person.get(within + "?includefield=00080021").status in (200, 204)
            searches += [Search(home, persons[0], f"{within}?{key}=*a*b*") for key in ("PatientName", "00100010")]
            assert persons[0].get("/api/v1/me").status == 200
            assert waiting(home) == SEARCHES_IN_ALL
        assert {search.status() for search in searches} <= {200, 204}


def test_who_only_sends_no_more_gets_the_answer(home):
    person = home.scene.login("reporter1")
    gone = answered(home, 499)
    with searching(home, person, 1) as searches:
        leaving, half = searches[0], Search(home, person)
        half.socket.shutdown(socket.SHUT_WR)
        await_true("both searches", lambda: waiting(home) == 2)
        time.sleep(HALF_CLOSE_S)
        leaving.leave()
        await_true("the end of the other", lambda: answered(home, 499) == gone + 1)
        assert waiting(home) == 1
    assert half.status() in (200, 204)


def test_more_searches_than_may_wait_are_refused(home):
    person = home.scene.login("reporter1")
    with searching(home, person, SEARCHES_AT_ONCE) as searches:
        more = [Search(home, person) for _ in range(100 + 3)]
        await_true("refusals", lambda: answered(home, 429) == 3)
    statuses = [search.status() for search in [*searches, *more]]
    assert sorted(set(statuses)) in ([200, 429], [204, 429]) and statuses.count(429) == 3


def test_the_gateway_stops_while_searches_wait(home):
    person = home.scene.login("reporter1")
    with searching(home, person, MANY) as searches:
        stopping = threading.Thread(target=home.stop, args=("yq-gateway",))
        stopping.start()
    stopping.join(PATIENCE_S)
    assert not stopping.is_alive()
    for search in searches:
        search.leave()
    home.start("yq-gateway")
