"""Names: received in every character set, found in every spelling, and asked about where one person may have been at two sites."""

import csv
import os
import pathlib
import sys
import time
import urllib.parse

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
from dicomraw import Association  # noqa: E402
from installation import PATIENCE_S, Installation  # noqa: E402
from receiving import associate, await_indexed, prepare  # noqa: E402
from scene import Scene  # noqa: E402

CHARSETS = pathlib.Path(os.environ.get("YQ_SAMPLES") or pathlib.Path(__file__).resolve().parents[3] / "shared" / "data") / "charsets"


def wait_for(what, ask):
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"waited for {what} in vain"
        time.sleep(0.05)
    return answer


# --- character sets ----------------------------------------------------------------------------------------------------


@pytest.fixture
def receiver():
    with Installation({"YQ_POLL_INTERVAL": "100 ms", "YQ_STORE_RESERVE": "1 MiB"}) as home:
        prepare(home)
        home.start("yq-storescp")
        yield home


@pytest.mark.skipif(not (CHARSETS / "expected.tsv").is_file(), reason="no sample data beside the tree")
def test_every_shared_character_set_reads_right(receiver):
    """The ledger has the name and the institution as they are meant, whatever was declared; the bytes are kept as they came."""
    rows = list(csv.DictReader((CHARSETS / "expected.tsv").open(encoding="utf-8"), delimiter="\t", quoting=csv.QUOTE_NONE))
    assert len(rows) > 25
    sent = {}
    for row in rows:
        meta, dataset = dicomgen.split_part10((CHARSETS / row["file"]).read_bytes())
        sop_class, uid, syntax = (meta[tag].rstrip(b"\0 ").decode() for tag in (0x00020002, 0x00020003, 0x00020010))
        with associate(receiver, [(sop_class, [syntax])]) as peer:
            assert peer.store(sop_class, uid, dataset, syntax) == 0, row["file"]
        sent[uid] = (row, dataset)
    await_indexed(receiver)
    found = receiver.sql("""SELECT i.sop_instance_uid, i.object_key, i.header_bytes, i.charset_verdict, c.name, e.institution
                            FROM instance i JOIN series e USING (series_id) JOIN study s USING (study_id)
                            JOIN identity_claim c ON c.claim_id = s.claim_id""")
    assert len(found) == len(rows)
    for uid, key, header_bytes, verdict, name, institution in found:
        row, dataset = sent[uid]
        assert (row["file"], name, institution) == (row["file"], row["PatientName"], row["InstitutionName"])
        assert verdict in ("as_declared", "detected"), row["file"]
        assert (receiver.home / "store" / key[:2] / key[2:4] / key).read_bytes()[int(header_bytes):] == dataset, row["file"]
    assert receiver.sql("SELECT sum(instances) FROM device_charset") == [[str(len(rows))]]


def test_what_the_bytes_leave_open_is_read_as_registered_for_the_device(receiver):
    receiver.yqctl("device", "add", "--ae-title", "OLD_DR", "--site", "SAMPLE", "--charset", "GB18030")
    for calling in ("CT1", "OLD_DR"):
        # Its only text is a rare character in GB18030, undeclared: that may be anything.
        dataset = dicomgen.sc(dicomgen.Study(name="䶮".encode("gb18030"), patient_id=calling, charset="ascii", institution=""))
        sop_class, uid = dataset.text(0x00080016), dataset.text(0x00080018)
        with Association("127.0.0.1", receiver.dicom_port, calling, "YINGQIAO", [(sop_class, [dicomgen.EXPLICIT])]) as peer:
            assert peer.store(sop_class, uid, dataset.encode(), dicomgen.EXPLICIT) == 0
    await_indexed(receiver)
    found = {row[0]: row[1:] for row in receiver.sql("""SELECT c.typed_id, c.name, i.charset_verdict FROM instance i JOIN series e USING (series_id)
        JOIN study s USING (study_id) JOIN identity_claim c ON c.claim_id = s.claim_id""")}
    assert found["OLD_DR"] == ["䶮", "by_device"]
    assert found["CT1"] == ["\N{REPLACEMENT CHARACTER}" * 2, "undecided"]


# --- search ------------------------------------------------------------------------------------------------------------

PATIENTS = {"li": "LI^GUIYING=李^桂英", "shan": "单^雄信", "yuchi": "尉迟^恭", "zeng": "曾^乐", "piao": "朴^正熙", "ou": "区^小明", "lv": "吕^布",
            "latin": "Buc^Jérôme", "wang": "WANG^WU"}
SPELLINGS = {
    "李桂英": {"li"}, "桂英": {"li"}, "李": {"li"}, "liguiying": {"li"}, "li gui ying": {"li"}, "LI^GUI": {"li"}, "lǐ guì yīng": {"li"},
    "li3 gui4 ying1": {"li"}, "lgy": {"li"}, "LGY": {"li"}, "gy": {"li"}, "guiying li": {"li"}, "ligy": {"li"},
    "shan": {"shan"}, "danxx": {"shan"}, "sxx": {"shan"}, "雄信": {"shan"}, "yuchigong": {"yuchi"}, "weichi": {"yuchi"}, "ycg": {"yuchi"},
    "zengle": {"zeng"}, "zengyue": {"zeng"}, "cl": {"zeng"}, "piao": {"piao"}, "pzx": {"piao"}, "puzheng": {"piao"}, "ouxm": {"ou"}, "qu": {"ou"},
    "lvbu": {"lv"}, "lubu": {"lv"}, "jerome": {"latin"}, "buc, Jérôme": {"latin"}, "bj": {"latin"}, "wangwu": {"wang"}, "ww": {"wang"},
    "%": set(), "_": set(), "li%": set(), "l_y": set(), "'": set(), "\\": set(), "李%": set(), "nobody": set(), "' OR true --": set(),
}


@pytest.fixture(scope="module")
def scene():
    with Installation({"YQ_POLL_INTERVAL": "100 ms", "YQ_QUIET_DEFAULT": "1 h"}) as home:
        scene = Scene(home)
        for name, patient in PATIENTS.items():
            scene.study("E1", name, patient="x")
            scene.study("E2", "2" + name, patient="x")
        scene.person("shooter", "E1", [("radiographer", "E1")])
        scene.person("head", "E0", [("duty_leader", "east")])
        scene.flush()
        home.sql("".join(f"""UPDATE identity_claim SET name = {quote(patient)}, typed_id = 'TS-{name}-0017'
            WHERE claim_id IN (SELECT claim_id FROM study WHERE public_id IN ('{scene.studies[name]}', '{scene.studies["2" + name]}'));"""
                         for name, patient in PATIENTS.items()))
        home.start("yq-gateway", "yq-router")
        wait_for("the keys of names", lambda: is_done(home))
        yield scene


def quote(text):
    return "'" + text.replace("'", "''") + "'"


def is_done(home):
    return home.sql("SELECT count(*) FROM identity_wanted") == [["0"]]


def found(scene, api, query, site="E1"):
    names = {scene.studies[name if site == "E1" else "2" + name]: name for name in PATIENTS}
    answer = api.get("/api/v1/studies?q=" + urllib.parse.quote(query))
    assert answer.status == 200, answer
    return {names.get(one["id"], one["id"]) for one in answer.body["studies"]}


def test_studies_are_found_in_every_spelling(scene):
    api = scene.login("shooter")
    for spelling, wanted in SPELLINGS.items():
        assert (spelling, found(scene, api, spelling)) == (spelling, wanted)
    assert found(scene, api, "ts-li-0017") == {"li"} and found(scene, api, "TSLI") == {"li"}
    assert len(found(scene, api, "0017")) == len(PATIENTS)
    assert api.get("/api/v1/studies?q=" + "x" * 65).status == 400
    # What the page filters by itself comes with the row.
    row = next(one for one in api.get("/api/v1/studies?q=lgy").body["studies"])
    assert {"李桂英", "liguiying", "lgy"} <= set(row["patient"]["keys"])


def test_the_queue_and_the_command_find_them_as_well(scene):
    api = scene.login("reporter1")
    for spelling, wanted in SPELLINGS.items():
        if spelling in ("'", "\\", "_"):  # the queue looks for what was typed anywhere in the name, too; an empty term is none
            continue
        answer = api.get("/api/v1/queue?limit=200&q=" + urllib.parse.quote(spelling)).body
        by_id = {scene.tasks[name]: name for name in PATIENTS}
        assert (spelling, {by_id[one["id"]] for one in answer["tasks"] if one["id"] in by_id}) == (spelling, wanted)
    listed = scene.home.yqctl("study", "list", "--patient", "lgy", json=True)
    assert {one["id"] for one in listed} == {scene.studies["li"], scene.studies["2li"]}
    assert scene.home.yqctl("study", "list", "--patient", "%", json=True) == []
    assert scene.home.yqctl("study", "list", "--patient", "AE1", json=True) == []


def test_what_is_registered_is_found_at_once_and_corrected_names_too(scene):
    api = scene.login("shooter")
    form = {"name": "仇^英", "sex": "F", "birth_date": "1980-02-03", "patient_class": "outpatient", "patient_id": "Q-1",
            "modality": "DX", "body_part": "CHEST"}
    made = api.post("/api/v1/requests", form)
    assert made.status == 200, made

    def asked(query):
        return {one["id"] for one in api.get("/api/v1/requests?q=" + urllib.parse.quote(query)).body["requests"]}

    for spelling in ("仇英", "qiuying", "chouying", "qy", "q1", made.body["accession_number"], made.body["accession_number"].lower()[:8]):
        assert (spelling, made.body["id"] in asked(spelling)) == (spelling, True)
    for spelling in ("%", "_", "qy%", "nobody"):
        assert asked(spelling) == set()
    changed = api.put("/api/v1/requests/" + made.body["id"], {**form, "name": "查^英"})
    assert changed.status == 200, changed
    assert made.body["id"] in asked("zhaying") and made.body["id"] not in asked("qiuying")


# --- one person at two sites ---------------------------------------------------------------------------------------------

CLAIM = """
WITH p AS (INSERT INTO patient DEFAULT VALUES RETURNING patient_id)
INSERT INTO identity_claim (site_id, patient_id, source, typed_id, name, sex, birth_date, national_id, content_hash)
SELECT s.scope_id, p.patient_id, 'image', '%(id)s', %(name)s, '%(sex)s', '%(birth)s', yq_national_id('%(document)s'), sha256('%(site)s %(id)s')
FROM scope s, p WHERE s.public_id = '%(scope)s';
"""
NUMBER = "440781195703121230"  # of a man born on 1957-03-12


def claim(scene, site, id, name, sex="M", birth="1957-03-12", document=""):
    scene.home.sql(CLAIM % {"id": id, "name": quote(name), "sex": sex, "birth": birth, "document": document, "site": site,
                            "scope": scene.scopes[site]})


def reviews(api):
    answer = api.get("/api/v1/identity-reviews?open=yes&limit=200")
    assert answer.status == 200, answer
    return [one for one in answer.body["reviews"] if one["reason"] == "candidate"]


def test_candidates_across_sites_wait_for_who_sees_both(scene):
    claim(scene, "E1", "C1", "FANG^DA=方^大")
    claim(scene, "E2", "C2", "方大")                                    # name, sex and birth date agree
    claim(scene, "E1", "C3", "钱^多", document=NUMBER)
    claim(scene, "E1", "C4", "QIAN^DUO", document=NUMBER)              # one number, one man in pinyin, two IDs of one site
    claim(scene, "W1", "C5", "钱^多", document=NUMBER)                  # in a community that nobody of east sees
    claim(scene, "E1", "C6", "孙^小", document=NUMBER)
    claim(scene, "E2", "C7", "周^天", birth="1957-03-21")
    claim(scene, "E1", "C8", "周^天")                                   # another birthday
    claim(scene, "E2", "C9", "吴^地", sex="F", document=NUMBER)         # the number of a man, typed for a woman
    wait_for("the candidates", lambda: is_done(scene.home))
    by_ids = {frozenset(one["patient"]["id"] for one in review["claims"]): review for review in reviews(scene.login("head"))}
    assert set(by_ids) == {frozenset({"C1", "C2"}), frozenset({"C3", "C4"})}
    assert {frozenset(one["patient"]["id"] for one in review["claims"]) for review in reviews(scene.login("shooter"))} == {frozenset({"C3", "C4"})}
    assert reviews(scene.login("duty_leader1")) and scene.home.sql("SELECT count(*) FROM identity_review WHERE other_site_id IS NOT NULL")
    # Once for two patients, whatever else is said of them; and never by itself one patient.
    scene.home.sql("""INSERT INTO identity_claim (site_id, patient_id, source, typed_id, name, sex, birth_date, content_hash)
                      SELECT site_id, patient_id, 'image', 'C10', '=方^大', sex, birth_date, sha256('C10') FROM identity_claim WHERE typed_id = 'C2';
                      INSERT INTO identity_wanted (claim_id, site_id, work) SELECT claim_id, site_id, 'candidates' FROM identity_claim
                      WHERE typed_id IN ('C1', 'C2') ON CONFLICT DO NOTHING""")
    wait_for("the candidates", lambda: is_done(scene.home))
    assert len([one for one in reviews(scene.login("head")) if {"C1", "C2", "C10"} & {c["patient"]["id"] for c in one["claims"]}]) == 1
    assert scene.home.sql("SELECT count(DISTINCT patient_id) FROM identity_claim WHERE typed_id ~ '^C[1-9]$'") == [["9"]]
