"""From the last image to the reading task, with all programs: quiet time, submission, late images, rules that come later, a router that dies."""
import contextlib
import pathlib
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
import receiving  # noqa: E402
from installation import TREE, Failed, Installation  # noqa: E402

PATIENCE_S = 60
QUICK = {"YQ_POLL_INTERVAL": "200 ms", "YQ_QUIET_DEFAULT": "1 s", "YQ_QUIET_US": "10 min", "YQ_QUIET_BY_MODALITY": "MR 9 min, MG 1 s"}


@pytest.fixture(scope="module")
def home():
    with Installation(QUICK) as home:
        receiving.prepare(home)
        # The site gets its place in the tree; queues, policy and rules come from the operator's command.
        home.sql("""
            WITH c AS (INSERT INTO scope (kind, name) VALUES ('community', '测试医共体') RETURNING scope_id),
                 g AS (INSERT INTO scope (kind, name) VALUES ('grid', '测试网格') RETURNING scope_id),
                 l AS (INSERT INTO scope (kind, name) VALUES ('site', '测试县医院') RETURNING scope_id),
                 t AS (INSERT INTO site (site_id, code, licensed_type, counts_as_township_health_centre)
                       SELECT scope_id, 'LEAD', 'hospital', false FROM l),
                 m AS (INSERT INTO scope_membership (child_id, child_kind, parent_id, parent_kind)
                       SELECT g.scope_id, 'grid', c.scope_id, 'community' FROM g, c
                       UNION ALL SELECT l.scope_id, 'site', g.scope_id, 'grid' FROM l, g
                       UNION ALL SELECT s.site_id, 'site', g.scope_id, 'grid' FROM site s, g WHERE s.code = 'SAMPLE')
            INSERT INTO grid_lead (grid_id, site_id) SELECT g.scope_id, l.scope_id FROM g, l;""")
        home.start("yq-storescp", "yq-router")
        yield home


def send(home, study, *datasets):
    objects = [receiving.Sent(dataset) for dataset in datasets]
    assert receiving.send(home, objects) and all(one.status == 0 for one in objects)


def await_row(home, study, wanted):
    """Until the study has this state, version and tasks, e.g. "complete 1: primary awaiting 1"."""
    until = time.monotonic() + PATIENCE_S
    while True:
        rows = home.sql(f"""SELECT s.state || ' ' || s.version || ': ' || coalesce((SELECT string_agg(concat_ws(' ', t.kind, t.state,
                t.study_version), ', ' ORDER BY t.task_id) FROM reading_task t WHERE t.study_id = s.study_id), s.unrouted_reason)
            FROM study s WHERE s.study_instance_uid = '{study.study_uid}'""")
        if rows and rows[0][0].startswith(wanted):
            return
        assert time.monotonic() < until, f"{rows}, not {wanted}\n" + home.log("yq-router")


def submit(home, study):
    receiving.await_indexed(home)
    home.yqctl("study", "submit", study.study_uid)


def test_without_rules_a_study_waits_visibly_and_goes_its_way_when_they_come(home):
    study = dicomgen.Study()
    send(home, study, dicomgen.dr(study))
    await_row(home, study, "complete 1: no routing rule")
    home.yqctl("rule", "defaults")
    await_row(home, study, "complete 1: primary awaiting 1")


def test_ultrasound_waits_longer_unless_it_is_submitted(home):
    study = dicomgen.Study()
    send(home, study, dicomgen.us(study))
    await_row(home, study, "receiving 1: ")
    other = dicomgen.Study()
    send(home, other, dicomgen.ct(other))
    await_row(home, other, "complete 1: primary awaiting 1")
    await_row(home, study, "receiving 1: ")
    submit(home, study)
    await_row(home, study, "complete 1: primary awaiting 1")


def test_a_modality_may_have_its_own_silence(home):
    study = dicomgen.Study()
    send(home, study, dicomgen.ct(study).put(0x00080060, "CS", "MR"))
    other = dicomgen.Study()
    send(home, other, dicomgen.ct(other))
    await_row(home, other, "complete 1: primary awaiting 1")
    await_row(home, study, "receiving 1: ")


def test_a_silence_that_cannot_be_read_is_no_start(home):
    home.stop("yq-router")
    with pytest.raises(Failed):
        home.start("yq-router", YQ_QUIET_BY_MODALITY="MR soon")
    assert "quiet_by_modality" in home.log("yq-router")
    home.start("yq-router")


def test_what_was_acknowledged_before_the_button_does_not_reopen_the_study(home):
    """The images lie in the journal, acknowledged, while the button is pressed: the study is judged when the ledger has them."""
    study, series = dicomgen.Study(), dicomgen.new_uid()
    send(home, study, dicomgen.us(study, series_uid=series))
    await_row(home, study, "receiving 1: ")
    receiving.await_indexed(home)
    with held(home, "instance"):
        send(home, study, *[dicomgen.us(study, series_uid=series, number=number) for number in range(2, 12)])
        home.yqctl("study", "submit", study.study_uid)
        await_look(home, study)
        await_row(home, study, "receiving 1: ")
    await_row(home, study, "complete 1: primary awaiting 1")
    assert home.sql(f"SELECT instance_count FROM study WHERE study_instance_uid = '{study.study_uid}'") == [["11"]]


@contextlib.contextmanager
def held(home, table):
    """Nobody writes the table meanwhile: what is acknowledged waits in the journal."""
    session = subprocess.Popen([TREE / "deploy" / "ledger", "psql", "-d", "yingqiao", "-qAtX", "-f", "-"], env=home.environment(),
                               stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        session.stdin.write(f"BEGIN; LOCK TABLE {table} IN SHARE MODE;\n")
        session.stdin.flush()
        until = time.monotonic() + PATIENCE_S
        while home.sql(f"SELECT count(*) FROM pg_locks WHERE relation = '{table}'::regclass AND mode = 'ShareLock' AND granted") != [["1"]]:
            assert time.monotonic() < until, "the table is not locked"
            time.sleep(0.02)
        yield
    finally:
        session.stdin.close()
        session.wait(PATIENCE_S)


def await_look(home, study):
    """Until the router has looked at the study and said when it will look again."""
    looks = f"SELECT due_at FROM study WHERE study_instance_uid = '{study.study_uid}'"
    before, until = home.sql(looks), time.monotonic() + PATIENCE_S
    while home.sql(looks) == before:
        assert time.monotonic() < until, "the router did not look\n" + home.log("yq-router")
        time.sleep(0.05)


def test_a_silence_does_not_count_while_the_ledger_catches_up(home):
    """A receiver that has not said what it has may have images of it: the study is not complete and then reopened."""
    study = dicomgen.Study()
    send(home, study, dicomgen.ct(study).put(0x00080060, "CS", "MR"))
    await_row(home, study, "receiving 1: ")
    receiving.await_indexed(home)
    home.kill("yq-storescp")
    home.sql("UPDATE host SET known_until = '-infinity', reported_at = yq_now()")
    home.restart("yq-router", YQ_QUIET_BY_MODALITY="")
    home.sql(f"UPDATE study SET due_at = yq_now() WHERE study_instance_uid = '{study.study_uid}'")
    await_look(home, study)
    await_look(home, study)
    await_row(home, study, "receiving 1: ")
    home.start("yq-storescp")
    await_row(home, study, "complete 1: primary awaiting 1")
    home.restart("yq-router")


def test_a_late_image_raises_the_version_that_the_task_offers(home):
    study = dicomgen.Study()
    series = dicomgen.new_uid()
    send(home, study, dicomgen.ct(study, series_uid=series))
    await_row(home, study, "complete 1: primary awaiting 1")
    send(home, study, dicomgen.ct(study, series_uid=series, number=2))
    await_row(home, study, "complete 2: primary awaiting 2")


def test_the_same_images_again_are_no_news(home):
    study = dicomgen.Study()
    image = dicomgen.ct(study)
    send(home, study, image)
    await_row(home, study, "complete 1: primary awaiting 1")
    send(home, study, image)
    receiving.await_indexed(home)
    # A study that is sent afterwards shows that the router had its turn.
    other = dicomgen.Study()
    send(home, other, dicomgen.ct(other))
    await_row(home, other, "complete 1: primary awaiting 1")
    await_row(home, study, "complete 1: primary awaiting 1")


@pytest.mark.parametrize("point", ["study_settle", "study_settled"])
def test_a_router_that_is_killed_opens_every_task_once(home, point):
    study = dicomgen.Study()
    send(home, study, dicomgen.us(study))
    await_row(home, study, "receiving 1: ")
    home.stop("yq-router")
    submit(home, study)
    home.start("yq-router", YQ_KILL_AT=point)
    assert home.wait_ended("yq-router") == -signal.SIGKILL
    home.start("yq-router")
    await_row(home, study, "complete 1: primary awaiting 1")
    assert home.sql(f"""SELECT count(*) FROM workitem JOIN reading_task USING (task_id) JOIN study USING (study_id)
        WHERE study_instance_uid = '{study.study_uid}'""") == [["1"]]


def test_the_ledger_restarts_and_the_router_goes_on(home):
    home.restart_ledger()
    study = dicomgen.Study()
    send(home, study, dicomgen.dr(study))
    await_row(home, study, "complete 1: primary awaiting 1")
    assert home.running["yq-router"].poll() is None
