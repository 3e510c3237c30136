"""QIDO-RS by times, by performed procedure steps and by what was asked for; and searches that are too broad."""

import datetime
import pathlib
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from dicomgen import Dataset  # noqa: E402
from tests.e2e.test_conformance import table  # noqa: E402
from tests.support.dicomweb import JSON, ROOT, Centre  # noqa: E402
from tests.support.hosts import await_true, locked  # noqa: E402
from tests.support.installation import TREE  # noqa: E402

STEP, PROCEDURE = "00400009", "00401001"


def asked(step, procedure):
    return Dataset((0x00400009, "SH", step), (0x00401001, "SH", procedure))


LIU = [(0x00400244, "DA", "20260301"), (0x00400245, "TM", "103000.25"), (0x00400275, "SQ", [asked("SPS_1", "RP1"), asked("SPS2", "RP2-急")])]
ZHANG = [(0x00400244, "DA", "20260302"), (0x00400245, "TM", "00:05:00"), (0x00400275, "SQ", [asked("SPS-3", "")])]
ZHAO = [(0x00080030, "TM", "10"), (0x00400275, "SQ", [])]


@pytest.fixture(scope="module")
def centre():
    # Short enough for a search that runs into it.
    with Centre(YQ_LEDGER_TIMEOUT="3 s") as installation:
        installation.liu = installation.examine(images=2, name="LIU^YANG=刘^洋", patient_id="P0001", when=datetime.datetime(2026, 3, 1, 10, 30, 59), more=LIU)
        installation.zhang = installation.examine("dr-chest", name="ZHANG^SAN=张^三", patient_id="P0002", when=datetime.datetime(2026, 3, 1, 23, 5), more=ZHANG)
        installation.zhao = installation.examine("us", name="ZHAO^YUN=赵^云", patient_id="P0003", when=datetime.datetime(2026, 3, 2), more=ZHAO)
        await_true("the images", lambda: installation.sql("SELECT count(*) FROM instance WHERE origin = 'device'") == [["5"]])
        yield installation


@pytest.fixture(scope="module")
def api(centre):
    return centre.person("reporter")


def found(centre, api, level, query):
    answer = api.get(f"{ROOT}/{level}?{query}", Accept=JSON)
    assert answer.status in (200, 204) and answer.headers["Warning"] is None, answer
    uids = {one["0020000D"]["Value"][0] for one in answer.body or []}
    return " ".join(name for name in ("liu", "zhang", "zhao") if getattr(centre, name)["study_instance_uid"] in uids)


@pytest.mark.parametrize("query, want", [
    ("StudyTime=103059", "liu"),
    ("00080030=103059.000000", "liu"),
    ("StudyTime=103059.5", ""),
    ("StudyTime=103058", ""),
    ("StudyTime=10", "liu zhao"),
    ("StudyTime=1030", "liu"),
    ("StudyTime=1000-1059", "liu zhao"),
    ("StudyTime=1031-", "zhang"),
    ("StudyTime=-1030", "liu zhao"),
    ("StudyTime=-1029", "zhao"),
    ("StudyTime=103059.1-23", "zhang"),
    ("StudyTime=235960-", ""),
    ("StudyTime=2310-2300", ""),
    ("StudyTime=*", "liu zhang zhao"),
    ("StudyTime=", "liu zhang zhao"),
    # Days and times are matched each for itself.
    ("StudyDate=20260301-20260302&StudyTime=1030-2300", "liu"),
])
@pytest.mark.parametrize("level", ["studies", "series", "instances"])
def test_study_times(centre, api, level, query, want):
    assert found(centre, api, level, query) == want


@pytest.mark.parametrize("query, want", [
    ("PerformedProcedureStepStartDate=20260301", "liu"),
    ("00400244=20260302-", "zhang"),
    ("PerformedProcedureStepStartDate=-20260302", "liu zhang"),
    ("PerformedProcedureStepStartTime=1030", "liu"),
    ("00400245=-0005", "zhang"),
    ("PerformedProcedureStepStartTime=103000.2-103000.3", "liu"),
    ("RequestAttributesSequence.ScheduledProcedureStepID=SPS_1", "liu"),
    ("00400275.00400009=SPS2", "liu"),
    ("00400275.ScheduledProcedureStepID=SPS-3", "zhang"),
    ("RequestAttributesSequence.00400009=SPS*", "liu zhang"),
    ("00400275.00400009=SPS?", "liu"),
    ("00400275.00400009=SPS_2", ""),
    ("00400275.00400009=SPS%25", ""),
    ("00400275.00400009=sps2", ""),
    ("00400275.00400009=", "liu zhang zhao"),
    ("RequestAttributesSequence.RequestedProcedureID=RP1", "liu"),
    ("00400275.00401001=*%E6%80%A5", "liu"),
    ("00400275.RequestedProcedureID=RP3", ""),
    # Of one item.
    ("00400275.00400009=SPS2&00400275.00401001=RP2*", "liu"),
    ("00400275.00400009=SPS2&00400275.00401001=RP1", ""),
    ("PatientID=P0002&00400275.00400009=SPS2", ""),
])
@pytest.mark.parametrize("level", ["series", "instances"])
def test_performed_steps_and_requests(centre, api, level, query, want):
    assert found(centre, api, level, query) == want


@pytest.mark.parametrize("value", ["1", "24", "103", "1060", "10305", "103061", "103059.", "103059.1234567", "10:30", "-", "--", "10-11-12", "1030-1", "noon", "1030%00", "9" * 400])
@pytest.mark.parametrize("level, key", [("studies", "StudyTime"), ("series", "StudyTime"), ("instances", "00080030"), ("series", "PerformedProcedureStepStartTime"), ("instances", "00400245")])
def test_what_is_no_time_is_refused(api, level, key, value):
    assert api.get(f"{ROOT}/{level}?{key}={value}", Accept=JSON).status == 400


@pytest.mark.parametrize("query", ["PerformedProcedureStepStartDate=20260231", "00400244=-", "00400275.00400009=" + "S" * 65, "00400275.00400009=%FF", "00400275.00400009=';--%00"])
def test_wrong_keys_of_a_series_are_refused(api, query):
    for level in ("series", "instances"):
        assert api.get(f"{ROOT}/{level}?{query}", Accept=JSON).status == 400


@pytest.mark.parametrize("level, query", [
    ("studies", "PatientID=P0001&00100020=P0002"), ("studies", "StudyDate=20260301&StudyDate=20260302"), ("series", "00080030=10&StudyTime=23"), ("instances", "SeriesNumber=1&00200011=2"),
    ("series", "00400275.00400009=SPS*&RequestAttributesSequence.ScheduledProcedureStepID=SPS2"), ("series", "00400275.00401001=RP1&00400275.00401001=RP2*"),
    ("workitems", "PatientID=P0001&00100020=P0002"), ("workitems", "0040A370.00080050=A1&0040A370.00080050=A2")])
def test_a_key_stands_there_once(api, level, query):
    """One of two values would find more than both."""
    answer = api.get(f"{ROOT}/{level}?{query}", Accept=JSON)
    assert (answer.status, "twice" in str(answer.body)) == (400, True), answer


@pytest.mark.parametrize("level, query, named", [
    ("workitems", "filter=00741200=HIGH", "filter"), ("studies", "filter=PatientID=P0001", "filter"), ("series", "deletionlock=true", "deletionlock")])
def test_what_a_search_has_no_key_for_is_said(api, level, query, named):
    """Only a subscription has a filter; here it would find everything."""
    answer = api.get(f"{ROOT}/{level}?{query}", Accept=JSON)
    assert answer.status in (200, 204) and answer.headers.get_all("Warning") == [f'299 yingqiao: "These keys were not matched: {named}"']


def test_a_list_is_one_however_it_is_written(centre, api):
    liu, zhang = (one["study_instance_uid"] for one in (centre.liu, centre.zhang))
    for query in (f"StudyInstanceUID={liu}&StudyInstanceUID={zhang}", f"StudyInstanceUID={liu}&0020000D={zhang}", f"StudyInstanceUID={liu},{zhang}&StudyInstanceUID={liu}",
                  "ModalitiesInStudy=CT&ModalitiesInStudy=D*"):
        assert found(centre, api, "studies", query) == "liu zhang", query
    assert found(centre, api, "studies", f"StudyInstanceUID={liu}&StudyInstanceUID=*") == "liu zhang zhao"
    assert api.get(f"{ROOT}/studies?" + "&".join(["StudyInstanceUID=" + "1," * 2000] * 4), Accept=JSON).status == 400


def test_series_say_what_they_were_asked_for(centre, api):
    shown = {name: api.get(f"{ROOT}/series?PatientID={one}", Accept=JSON).body[0] for name, one in (("liu", "P0001"), ("zhang", "P0002"), ("zhao", "P0003"))}
    liu = shown["liu"]
    assert (liu["00400244"], liu["00400245"]) == ({"vr": "DA", "Value": ["20260301"]}, {"vr": "TM", "Value": ["103000.25"]})
    assert liu["00400275"] == {"vr": "SQ", "Value": [{STEP: {"vr": "SH", "Value": [step]}, PROCEDURE: {"vr": "SH", "Value": [procedure]}}
                                                     for step, procedure in (("SPS_1", "RP1"), ("SPS2", "RP2-急"))]}
    assert shown["zhang"]["00400275"]["Value"] == [{STEP: {"vr": "SH", "Value": ["SPS-3"]}, PROCEDURE: {"vr": "SH"}}]
    assert [shown["zhao"][tag] for tag in ("00400244", "00400245", "00400275")] == [{"vr": "DA"}, {"vr": "TM"}, {"vr": "SQ"}]
    study = centre.liu["study_instance_uid"]
    assert api.get(f"{ROOT}/studies/{study}/series", Accept=JSON).body[0]["00400275"] == liu["00400275"]
    assert api.get(f"{ROOT}/studies/{study}/instances", Accept=JSON).body[0]["00400275"] == liu["00400275"]
    within = f"{ROOT}/studies/{study}/series/{liu['0020000E']['Value'][0]}/instances"
    assert "00400275" not in api.get(within, Accept=JSON).body[0]


def test_keys_and_fields_of_a_sequence_are_told_apart(api):
    def warnings(level, query):
        return api.get(f"{ROOT}/{level}?PatientID=P0001&{query}", Accept=JSON).headers.get_all("Warning")

    assert warnings("studies", "00400275.00400009=x") == ['299 yingqiao: "These keys were not matched: 00400275.00400009"']
    assert warnings("series", "RequestAttributesSequence.ScheduledProcedureStepDescription=x") == [
        '299 yingqiao: "These keys were not matched: RequestAttributesSequence.ScheduledProcedureStepDescription"']
    assert warnings("series", "includefield=RequestAttributesSequence.RequestedProcedureID,00400275") is None
    assert warnings("series", "includefield=00400275.00400007,00400275.00400009.00080100,StudyTime.00080100") == [
        '299 yingqiao: "These attributes are not returned: 00400275.00400007, 00400275.00400009.00080100, StudyTime.00080100"']


def test_old_lines_of_the_backlog_come_in(centre, api):
    """A program of before wrote them: without what is read since."""
    made = centre.sql("""SELECT outcome FROM intake_index((SELECT jsonb_build_array(
        (SELECT jsonb_object_agg(attname, '') FROM pg_attribute WHERE attrelid = 'intake_item'::regclass AND atttypid = 'text'::regtype AND attname !~ '^performed_')
        || jsonb_build_object('ordinal', 1, 'object_key', repeat('a', 32), 'origin', 'device', 'site', sc.public_id, 'device', NULL, 'size_bytes', 10, 'header_bytes', 4,
           'sop_class_uid', i.sop_class_uid, 'sop_instance_uid', '1.2.3.4', 'transfer_syntax_uid', i.transfer_syntax_uid, 'arrived_us', 0, 'sha256', repeat('0', 64),
           'is_in_study', true, 'study_instance_uid', s.study_instance_uid, 'series_instance_uid', '1.2.3', 'patient_name', 'ZHAO^YUN=赵^云', 'patient_id', 'P0003', 'has_pixels', false))
        FROM instance i JOIN series e USING (series_id) JOIN study s USING (study_id) JOIN scope sc ON sc.scope_id = s.site_id
        WHERE s.study_instance_uid = '%s' LIMIT 1))""" % centre.zhao["study_instance_uid"])
    assert made == [["stored"]]
    one, = api.get(f"{ROOT}/series?SeriesInstanceUID=1.2.3", Accept=JSON).body
    assert [one[tag] for tag in ("00400244", "00400245", "00400275")] == [{"vr": "DA"}, {"vr": "TM"}, {"vr": "SQ"}]


# ---- the conformance statement --------------------------------------------------------------------------------------------

KEYS = table("### 5.2 QIDO-RS")
LEVELS = ["study", "series", "instance"]
RESOURCES = {"study": "studies", "series": "series", "instance": "instances"}
NOTHING = {"UIDs": "1.2.3.4.5", "pattern": "none", "name": "none", "days": "19000101", "times": "000000.1", "codes": "NONE", "number": "-77", "value": "X"}


def test_every_key_is_in_the_statement():
    source = (TREE / "gateway" / "dicomweb_query.c").read_text()
    matched = {word for text in re.findall(r'"([^"]*)"', source[source.index("#define STUDY_KEYS"):source.index("static const char *const keys")]) for word in text.split()}
    mixed = {f"{keyword.split('.')[0]}.{tag.split('.')[1]}" for keyword, tag, _, _ in KEYS if "." in keyword} | {
        f"{tag.split('.')[0]}.{keyword.split('.')[1]}" for keyword, tag, _, _ in KEYS if "." in keyword}
    assert matched == {name for keyword, tag, _, _ in KEYS for name in (keyword, tag)} | mixed


@pytest.mark.parametrize("keyword, tag, level, matching", KEYS)
def test_a_key_of_the_statement_is_matched(api, keyword, tag, level, matching):
    for name in (keyword, tag):
        for asked_at in LEVELS:
            answer = api.get(f"{ROOT}/{RESOURCES[asked_at]}?{name}={NOTHING[matching]}", Accept=JSON)
            if LEVELS.index(asked_at) >= LEVELS.index(level):
                assert (answer.status, answer.headers["Warning"]) == (204, None), (name, asked_at)
            else:
                assert (answer.status, answer.headers["Warning"]) == (200, f'299 yingqiao: "These keys were not matched: {name}"'), (name, asked_at)


# ---- too broad ------------------------------------------------------------------------------------------------------------

SLOW = """CREATE OR REPLACE FUNCTION yq_name_fits(p_name text, p_pattern text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS
          'BEGIN PERFORM pg_sleep(2); RETURN false; END'"""


def test_a_search_that_takes_too_long_is_too_broad(centre, api):
    before = centre.sql("SELECT replace(pg_get_functiondef('yq_name_fits(text, text)'::regprocedure), chr(10), ' ')")[0][0]
    centre.sql(SLOW)
    try:
        for level in ("studies", "series", "instances"):
            answer = api.get(f"{ROOT}/{level}?PatientName=*a*b*c*", Accept=JSON)
            assert (answer.status, answer.body["kind"]) == (413, "refused"), answer
            assert "narrow it" in answer.body["detail"]
    finally:
        centre.sql(before)
    assert api.get(f"{ROOT}/studies?PatientName=liu*", Accept=JSON).status == 200


def test_only_searches_of_dicomweb_are_too_broad(centre, api):
    study = centre.liu["study_instance_uid"]
    with locked(centre, "study"):
        assert api.get(f"{ROOT}/workitems?PatientName=*a*b*c*", Accept=JSON).status == 413
        assert api.get(f"{ROOT}/studies/{study}", Accept="*/*").status == 503
        assert api.get("/api/v1/studies").status == 503
    assert api.get(f"{ROOT}/workitems?PatientName=*a*b*c*", Accept=JSON).status in (200, 204)
