"""Searching for workitems of years: what a search looks at grows with what it finds, not with how many there are; and nothing that fits is missed."""

import json
import pathlib
import re
import sys
import urllib.parse

import pytest

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE))
from tests.support.installation import Installation  # noqa: E402
from tests.support.scene import Scene  # noqa: E402

COUNT = 12_000
STATEMENT = re.search(r"-- name: workitem_list\n(.*?;)\n", (TREE / "schema/statements/workitem.sql").read_text(), re.S)[1]

# One every five minutes from 2024 on, the last 50 of them open; every tenth of the other community.
YEARS = f"""
SET session_replication_role = replica;
SET TimeZone = 'Asia/Shanghai';
CREATE TEMP TABLE made AS
SELECT n, 1000000 + n AS id, n > {COUNT} - 50 AS is_open, timestamptz '2024-01-01 00:00:00+08' + n * interval '5 minutes' AS at,
       s.site_id, t.queue_id, (ARRAY['WANG', 'LI', 'ZHANG', 'CHEN', 'HE'])[1 + n % 5] || '^' || (ARRAY['WEI', 'JUN', 'LAN'])[1 + n % 3] || CASE WHEN n % 1000 = 7 THEN n::text ELSE '' END
       || '=' || (ARRAY['王', '李', '张', '陈', '何'])[1 + n % 5] || '^' || (ARRAY['伟', '军', '兰'])[1 + n % 3] AS name
FROM generate_series(1, {COUNT}) n
JOIN site s ON s.code = CASE WHEN n % 10 = 0 THEN 'W1' WHEN n % 2 = 0 THEN 'E1' ELSE 'E2' END
JOIN reading_task t ON t.task_id = (SELECT min(task_id) FROM reading_task o WHERE o.site_id = s.site_id);
UPDATE made SET name = 'OUYANG^FENG=欧阳^锋=ou^yang' WHERE n IN (4711, 4720);
UPDATE made SET name = 'Nobody' WHERE n = 5001;
UPDATE made SET name = '=吴^敏' WHERE n IN (4713, 4730);
INSERT INTO patient (patient_id) OVERRIDING SYSTEM VALUE SELECT id FROM made;
INSERT INTO identity_claim (claim_id, site_id, patient_id, source, typed_id, name, content_hash) OVERRIDING SYSTEM VALUE
SELECT id, site_id, id, 'image', CASE n WHEN 5001 THEN '50%_1\\x' ELSE 'P' || lpad(n::text, 6, '0') END, name, sha256(n::text::bytea) FROM made;
INSERT INTO identity_key (claim_id, site_id, key, kind)
SELECT id, site_id, lower(replace(split_part(name, '=', 1), '^', '')), 'reading' FROM made WHERE name NOT LIKE '=%'
UNION ALL SELECT id, site_id, 'wumin', 'reading' FROM made WHERE name LIKE '=%'
UNION ALL SELECT id, site_id, 'oyf', 'part' FROM made WHERE name LIKE 'OUYANG%';
INSERT INTO study (study_id, site_id, study_instance_uid, claim_id, state, accession_number, modality, first_arrival_at, last_arrival_at)
OVERRIDING SYSTEM VALUE SELECT id, site_id, '1.2.3.' || id, id, 'complete', 'A' || lpad(n::text, 7, '0'), 'CT', at, at FROM made;
INSERT INTO reading_task (task_id, site_id, study_id, queue_id, reading_mode, patient_class, state, study_version, opened_at, done_at)
OVERRIDING SYSTEM VALUE
SELECT id, site_id, id, queue_id, 'central', 'outpatient', CASE WHEN is_open THEN 'awaiting' ELSE 'done' END, 1, at, CASE WHEN NOT is_open THEN at END FROM made;
INSERT INTO workitem (workitem_id, sop_instance_uid, site_id, task_id, state, opened_at, ended_at) OVERRIDING SYSTEM VALUE
SELECT id, '1.2.4.' || id, site_id, id, CASE WHEN is_open THEN 'SCHEDULED' ELSE 'COMPLETED' END, at, CASE WHEN NOT is_open THEN at + interval '1 hour' END
FROM made;
ANALYZE;
"""


@pytest.fixture(scope="module")
def home():
    with Installation() as installation:
        installation.scene = Scene(installation)
        installation.sql(YEARS)
        installation.start("yq-gateway")
        yield installation


READ = """SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables
    WHERE relname IN ('workitem', 'reading_task', 'study', 'identity_claim', 'identity_key');"""


def looked_at(home, keys, plan, most=100):
    """How many rows of tables a search read, with the eyes and the rights that a request has."""
    rows = home.sql(f"""BEGIN;
        SET LOCAL plan_cache_mode = '{plan}';
        SET LOCAL TimeZone = 'Asia/Shanghai';
        SET LOCAL jit = off;
        SELECT set_config('yq.person', '{home.scene.persons["reporter1"]}', true);
        PREPARE list (jsonb, integer, integer) AS {STATEMENT}
        {READ}
        SET LOCAL ROLE yq_gateway;
        EXECUTE list ($keys${json.dumps(keys)}$keys$, {most}, 0);
        RESET ROLE;
        {READ}
        ROLLBACK""")
    return int(rows[-1][0]) - int(rows[1][0])


@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("keys", [
    {"patient_id": "P004711"}, {"patient_id": "P00471_"}, {"patient_id": "P00471%"}, {"accession": "A0004711"}, {"accession": "A000471%"},
    {"patient_name": "ouyang^feng"}, {"patient_name": "欧阳%"}, {"patient_name": "OU YANG%"}, {"patient_name": "王伟x%"}, {"term": "ouyang"}, {"term": "oyf"},
    {"patient_name": "wu%"}, {"patient_name": "WU^MIN"}, {"patient_name": "=吴^敏"}, {"patient_name": "wu%=吴%"}, {"patient_name": "ou%=_阳^锋"},
    {"from": "20240103", "to": "20240103029999"}, {"from": "20240103", "to": "20240103029999", "patient_name": "%"}, {"uids": ["1.2.4.1004711"]},
    {"studies": ["1.2.3.1004711"]}, {"studies": []}, {"patient_name": "王%", "accession": "A0004711"}, {"states": ["SCHEDULED"], "patient_id": "none"}], ids=str)
def test_a_search_by_a_key_looks_at_what_it_finds(home, keys, plan):
    assert looked_at(home, keys, plan) < 600


@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("keys", [{}, {"patient_name": "%"}, {"patient_id": "%"}, {"states": ["SCHEDULED"]}], ids=str)
def test_what_nearly_everything_fits_is_read_as_far_as_the_page(home, keys, plan):
    assert looked_at(home, keys, plan, 20) < 600


def brute(home, keys):
    """What fits, by a look at every workitem."""
    return [row[0] for row in home.sql(f"""SET TimeZone = 'Asia/Shanghai';
        SELECT w.sop_instance_uid FROM workitem w JOIN reading_task t USING (task_id) JOIN study s USING (study_id) JOIN identity_claim c USING (claim_id)
        JOIN reading_queue q ON q.queue_id = t.queue_id JOIN site h ON h.site_id = w.site_id
        WHERE h.code IN ('E1', 'E2') AND yq_workitem_fits(w, t, s, c, q.name, $keys${json.dumps(keys)}$keys$)
        ORDER BY w.ended_at DESC NULLS FIRST, w.opened_at, w.workitem_id LIMIT 1000""") if row != [""]]


def found(answer):
    assert answer.status in (200, 204), answer
    return answer.body or []


def test_what_an_answer_says_finds_it_again(home):
    """The moment with its offset, the numbers of the request: each as the answer has it, and by nothing else of that key."""
    api, where = home.scene.login("reporter1"), "/dicom-web/workitems?"
    (one,) = found(api.get(where + "PatientID=P004711"))
    request = one["0040A370"]["Value"][0]
    assert re.fullmatch(r"\d{14}[+]0800", moment := one["00404005"]["Value"][0])
    for key, value in (("00404005", moment), ("ScheduledProcedureStepStartDateTime", f"{moment}-{moment}"), ("0040A370.00080050", request["00080050"]["Value"][0]),
                       ("ReferencedRequestSequence.AccessionNumber", request["00080050"]["Value"][0]),
                       ("ReferencedRequestSequence.StudyInstanceUID", request["0020000D"]["Value"][0])):
        for written in (value, urllib.parse.quote(value, safe="")):
            answer = api.get(f"{where}{key}={written}")
            assert found(answer) == [one] and answer.headers["Warning"] is None, key
        assert found(api.get(f"{where}{key}={value}&PatientID=P004713")) == [], key
    warned = api.get(where + "PatientID=P004711&ReferencedRequestSequence.RequestedProcedureID=7&0040A370.00401001=7")
    assert found(warned) == [one] and "ReferencedRequestSequence.RequestedProcedureID, 0040A370.00401001" in warned.headers["Warning"], "which the ledger does not know"


@pytest.mark.parametrize("query", [
    "00404005=20240105+", "00404005=20240105+1500", "00404005=20240105T0830", "00404005=20240230+0800", "00404005=20240105083000.1234567", "00404005=-", "00404005=99991231-1200",
    "00404005=2024-2025-2026", "AccessionNumber=A1&0040A370.00080050=A2", "0040A370.0020000D=%27", "0040A370.00080050=" + "x" * 65])
def test_keys_that_are_none_are_refused(home, query):
    assert home.scene.login("reporter1").get(f"/dicom-web/workitems?{query}").status == 400


@pytest.mark.parametrize("query, keys", [
    ("PatientID=P004711", {"patient_id": "P004711"}), ("PatientID=P00*", {"patient_id": "P00%"}), ("PatientID=*4711", {"patient_id": "%4711"}),
    ("PatientID=50%25_1%5Cx", {"patient_id": r"50\%\_1\\x"}), ("PatientID=50?_1*", {"patient_id": r"50_\_1%"}), ("PatientID=p004711", {"patient_id": "p004711"}),
    ("AccessionNumber=A00047*", {"accession": "A00047%"}), ("AccessionNumber=A*&PatientID=P004711", {"accession": "A%", "patient_id": "P004711"}),
    ("PatientName=欧阳*", {"patient_name": "欧阳%"}), ("PatientName=ou?yang^f*", {"patient_name": "ou_yang^f%"}), ("PatientName=OU*", {"patient_name": "OU%"}),
    ("PatientName=*阳锋", {"patient_name": "%阳锋"}), ("PatientName=王^伟", {"patient_name": "王^伟"}), ("PatientName=nobody", {"patient_name": "nobody"}),
    ("PatientName=李*&00404005=20240105", {"patient_name": "李%", "from": "20240105", "to": "20240105999999"}),
    ("PatientName=ou^yang&fuzzymatching=false", {"patient_name": "ou^yang"}),
    ("PatientName=wu*", {"patient_name": "wu%"}), ("PatientName=*min", {"patient_name": "%min"}), ("PatientName=Wang^J*=王*", {"patient_name": "Wang^J%=王%"}),
    ("PatientName=*=*阳^锋", {"patient_name": "%=%阳^锋"}), ("PatientName===ou*", {"patient_name": "==ou%"}),
    ("00404005=20240105-20240106", {"from": "20240105", "to": "20240106999999"}), ("00404005=-20240101", {"from": "", "to": "20240101999999"}),
    ("00404005=202402-", {"from": "202402", "to": "99999999999999"}), ("00404005=20240131-20240232", {"from": "20240131", "to": "20240232999999"}),
    ("00404005=20240132-20240200", {"from": "20240132", "to": "20240200999999"}), ("00404005=2024010323-20240103235959", {"from": "2024010323", "to": "20240103235959"}),
    ("00404005=0000-9000", {"from": "0000", "to": "90009999999999"}), ("00404005=20241399", {"from": "20241399", "to": "20241399999999"}),
    ("00404005=202401019961-", {"from": "202401019961", "to": "99999999999999"}), ("00404005=2024010210-202401021004", {"from": "2024010210", "to": "20240102100499"}),
    ("00404005=20240105+0800", {"from": "20240105000000", "to": "20240105235959"}), ("00404005=20240105+0000", {"from": "20240105080000", "to": "20240106075959"}),
    ("00404005=20240105083000+0800", {"from": "20240105083000", "to": "20240105083000"}), ("00404005=20240105003000.0+0000", {"from": "20240105083000", "to": "20240105083000"}),
    ("00404005=20240105083000.5", {"from": "20240105083001", "to": "20240105083000"}), ("00404005=20240104-0500", {"from": "20240104130000", "to": "20240105125959"}),
    ("00404005=20240104-0500-20240105-0500", {"from": "20240104130000", "to": "20240106125959"}), ("00404005=-202401010000-0500", {"from": "", "to": "20240101130059"}),
    ("00404005=20240210000000+0000-", {"from": "20240210080000", "to": "99999999999999"}),
    ("ReferencedRequestSequence.AccessionNumber=A0004711", {"accession": "A0004711"}), ("0040A370.00080050=A00047*", {"accession": "A00047%"}),
    ("ReferencedRequestSequence.00080050=A0004711&AccessionNumber=A0004711", {"accession": "A0004711"}), ("0040A370.AccessionNumber=*11", {"accession": "%11"}),
    ("ReferencedRequestSequence.StudyInstanceUID=1.2.3.1004711,1.2.3.1004712", {"studies": ["1.2.3.1004711", "1.2.3.1004712"]}),
    ("0040A370.0020000D=1.2.3.1004711,1.2.3.1004712&0020000D=1.2.3.1004712,1.2.3.1004713", {"studies": ["1.2.3.1004712"]}),
    ("0040A370.0020000D=1.2.3.1004711&StudyInstanceUID=1.2.3.1004713", {"studies": []}),
    ("fuzzymatching=true&PatientName=oyf", {"term": "oyf"}), ("fuzzymatching=true&PatientName=Wang^J*", {"term": "wangj"}), ("", {})])
def test_an_index_leaves_nothing_out(home, query, keys):
    answer = home.scene.login("reporter1").get(f"/dicom-web/workitems?{urllib.parse.quote(query, safe='=&*?%^+')}")
    assert answer.status in (200, 204), answer
    assert [one["00080018"]["Value"][0] for one in answer.body or []] == brute(home, keys)


def test_fuzzy_matching_is_true_or_false(home):
    assert home.scene.login("reporter1").get("/dicom-web/workitems?PatientName=oyf&fuzzymatching=perhaps").status == 400
    found = home.scene.login("reporter1").get("/dicom-web/workitems?PatientName=oyf&fuzzymatching=true").body
    assert [one["00100020"]["Value"][0] for one in found] == ["P004711"], "the other one is of the other community"


@pytest.mark.parametrize("name, found", [
    ("WU*", ["P004713"]), ("wu*min", ["P004713"]), ("wumin", ["P004713"]), ("*umi?", ["P004713"]), ("=吴^敏", ["P004713"]), ("Wu^Min=吴^敏", ["P004713"]),
    ("wum", []), ("=wumin", []), ("wumin=吴^明", []), ("min*", []), ("ouyang^feng=欧阳^锋=ou^yang", ["P004711"]), ("ouyang*==ou*", ["P004711"]),
    ("ouyang^feng=欧阳^兰", []), ("=ouyang^feng", [])])
def test_a_name_is_found_by_its_groups_and_by_how_its_characters_are_read(home, name, found):
    answer = home.scene.login("reporter1").get(f"/dicom-web/workitems?PatientName={urllib.parse.quote(name, safe='*?')}")
    assert answer.status == (200 if found else 204), answer
    assert [one["00100020"]["Value"][0] for one in answer.body or []] == found


@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])
def test_readings_of_studies_are_looked_up_by_their_beginning(home, plan):
    statement = re.search(r"-- name: dicomweb_studies\n(.*?;)\n", (TREE / "schema/statements/dicomweb.sql").read_text(), re.S)[1]
    values = ", ".join(["NULL", "NULL", "'wu%min'"] + ["NULL"] * 13 + ["100", "0", "NULL"])
    read = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables WHERE relname = 'identity_key';"
    rows = home.sql(f"""BEGIN;
        SET LOCAL plan_cache_mode = '{plan}';
        SET LOCAL jit = off;
        SELECT set_config('yq.person', '{home.scene.persons["reporter1"]}', true);
        PREPARE studies AS {statement}
        {read}
        SET LOCAL ROLE yq_gateway;
        EXECUTE studies ({values});
        RESET ROLE;
        {read}
        ROLLBACK""")
    assert any("1.2.3.1004713" in cell for row in rows for cell in row)
    assert int(rows[-1][0]) - int(rows[1][0] or 0) < 100
