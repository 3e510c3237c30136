"""yqctl: every command has help, lists have JSON, bad input ends with its exit code and says what to do."""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from installation import BUILD, TREE, Installation  # noqa: E402

ROSTER = TREE / "deploy" / "rosters" / "taishan.json"
TARGETS = TREE / "deploy" / "rosters" / "targets-example.json"
USAGE, INVALID, NOT_FOUND, CONFLICT, CORRUPT, TEMPORARY, REFUSED = 64, 65, 66, 69, 74, 75, 77


@pytest.fixture(scope="module")
def home():
    with Installation({"YQ_DEMO": "yes"}) as installation:
        installation.yqctl("roster", "load", ROSTER)
        installation.yqctl("target", "load", TARGETS)
        yield installation


def plain(*arguments, **environment):
    return subprocess.run([BUILD / "bin" / "yqctl", *arguments], capture_output=True, text=True, env={**os.environ, **environment})


def commands():
    lines = plain("help").stdout.splitlines()
    return [match.group(1).strip() for match in (re.match(r"  ([a-z]+(?: [a-z]+)?) {2,}\S", line) for line in lines) if match]


def lists():
    # `rule list` is one document, groups of rules in their version: test_rules.py.
    return [name for name in commands() if name.endswith(" list") and name != "rule list"]


def refused(home, status, *arguments, says, **more):
    done = home.yqctl(*arguments, status=None, **more)
    assert (done.returncode, says in done.stderr) == (status, True), (done.returncode, done.stderr)
    assert done.stderr.startswith("yqctl: ")
    return done


# ---- command line, without any installation --------------------------------------------------------------------------


def test_help_names_the_wanted_commands():
    wanted = """status, wait, device add, device list, destination add, destination list, site list, roster load, study list, study show,
        study submit, instance list, task list, delivery list, coverage, store check, account add, report verify, migrate, ca init"""
    assert {name.strip() for name in wanted.replace("\n", "").split(",")} <= set(commands())
    text = plain("help").stdout
    for number, name in ((65, "invalid"), (69, "conflict"), (75, "temporary")):
        assert re.search(rf"^ *{number}  {name}$", text, re.M)


@pytest.mark.parametrize("name", commands())
def test_every_command_has_help_and_stands_in_the_docs(name):
    done = plain("help", *name.split())
    assert done.returncode == 0 and done.stdout.startswith(f"usage: yqctl {name}")
    assert plain(*name.split(), "--help").stdout == done.stdout
    docs = (TREE / "docs" / "yqctl.md").read_text()
    assert f"`{name}" in docs, f"docs/yqctl.md does not speak of {name}"
    for option in re.findall(r"^  --([a-z-]+)", done.stdout, re.M):
        assert f"--{option}" in docs, f"docs/yqctl.md does not speak of --{option}"


@pytest.mark.parametrize("arguments", [[], ["frobnicate"], ["device"], ["device", "frobnicate"], ["site", "list", "--jsn"],
                                       ["site", "list", "more"], ["device", "add"], ["roster", "load"], ["help", "frobnicate"],
                                       ["device", "add", "--ae-title"], ["study", "list", "--json", "--json"]])
def test_a_wrong_command_line_is_told_before_anything_happens(arguments):
    done = plain(*arguments, YQ_HOME="/nonexistent")
    assert done.returncode == USAGE
    assert done.stderr and not done.stdout


def test_version():
    done = plain("--version")
    assert done.returncode == 0 and re.fullmatch(r"yqctl \d+(\.\d+)+\n", done.stdout)


def test_without_an_installation_it_says_what_to_do(tmp_path):
    done = plain("site", "list", YQ_HOME=str(tmp_path))
    assert done.returncode == TEMPORARY
    assert "make run" in done.stderr and str(tmp_path) in done.stderr


def test_status_without_the_ledger_still_shows_the_journal(tmp_path):
    done = plain("status", "--json", YQ_HOME=str(tmp_path))
    assert done.returncode == TEMPORARY
    status = json.loads(done.stdout)
    assert status["journal"]["objects"] == 0
    assert status["room"] == {"state": "unknown", "reason": "nothing was received here yet"} and not (tmp_path / "store").exists()
    assert status["ledger"]["state"] == "away" and status["ledger"]["reason"]


def test_output_that_cannot_be_written_is_a_failure(home):
    with open("/dev/full", "w") as full:
        done = subprocess.run([BUILD / "bin" / "yqctl", "site", "list", "--json"], env=home.environment(), stdout=full,
                              stderr=subprocess.PIPE, text=True)
    assert done.returncode == TEMPORARY
    assert "output" in done.stderr


# ---- lists ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", lists())
def test_every_list_is_an_array_and_a_table(home, name):
    assert isinstance(home.yqctl(*name.split(), json=True), list)
    heading = home.yqctl(*name.split()).splitlines()[0]
    assert heading == heading.upper() and heading.strip()


def test_status_has_every_program_and_queue(home):
    status = home.yqctl("status", json=True)
    assert {"storescp", "router", "gateway", "ledger", "journal", "signals", "tasks", "deliveries", "studies"} <= set(status)
    assert status["router"] == {"state": "stopped", "processes": []}
    assert status["ledger"]["state"] == "running"
    assert status["tasks"]["awaiting"] == 0 and status["deliveries"]["waiting"] == 0


def test_status_has_a_line_for_each_process(home):
    home.sql("""INSERT INTO program (instance_id, program, host, pid, version, started_at, seen_at)
                SELECT gen_random_uuid(), 'yq-router', 'far' || n, n, '0', yq_now() - interval '1 h', yq_now() - (n - 1) * interval '10 s'
                FROM generate_series(1, 2) AS n;""")
    try:
        text = home.yqctl("status")
        assert re.search(r"^router +running +\d+ process", text, re.M)
        assert re.search(r"^ +running +far1 process 1  since [-\d]{10} [:\d]{8}  seen [-\d]{10} [:\d]{8}$", text, re.M), text
        assert "{" not in text and "=" not in text
    finally:
        home.sql("DELETE FROM program WHERE host LIKE 'far%'")


def test_store_check_of_an_empty_store(home):
    check = home.yqctl("store", "check", json=True)
    assert {name: check[name] for name in ("instances", "missing", "mismatched", "orphans", "pending")} == {
        "instances": 0, "missing": 0, "mismatched": 0, "orphans": 0, "pending": 0}
    assert check["missing_list"] == check["mismatched_list"] == check["orphan_list"] == []


def test_a_long_list_streams_in_constant_memory(home, tmp_path):
    """200 MB of rows through half of it."""
    home.sql("""INSERT INTO quarantine (object_key, reason, arrived_at)
                SELECT md5(n::text), repeat('x', 10000), yq_now() FROM generate_series(1, 20000) AS n;""")
    environment = home.environment()
    # What a sanitizer keeps of freed memory is not the program's.
    environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8"
    try:
        with open(tmp_path / "list", "w+") as out:
            listing = subprocess.Popen([f"{BUILD}/bin/yqctl", "quarantine", "list", "--json"], env=environment, stdout=out)
            _, status, used = os.wait4(listing.pid, 0)
            listing.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            assert (listing.returncode, len(json.load(out))) == (0, 20000)
        assert used.ru_maxrss < 100 * 1024, f"{used.ru_maxrss} KiB"
    finally:
        home.sql("DELETE FROM quarantine;")


def test_a_name_cannot_drive_the_terminal(home):
    device = home.yqctl("device", "add", "--ae-title", "ESC", "--site", "ts-duhu", "--name", "x", json=True)["id"]
    home.sql(f"UPDATE device SET last_error = E'a\\x1b[2Jb\\nc' WHERE public_id = '{device}';"
             f"UPDATE device SET modality = E'\\x1b[31m' WHERE public_id = '{device}';")
    assert "\x1b" not in home.yqctl("device", "list")
    assert any(one["modality"] == "\x1b[31m" for one in home.yqctl("device", "list", json=True))


# ---- sites, rosters ----------------------------------------------------------------------------------------------------


def test_sites_of_the_roster(home):
    sites = {one["code"]: one for one in home.yqctl("site", "list", json=True)}
    assert len(sites) == 22
    assert sites["ts-shuibu"]["name"] == "水步镇卫生院" and sites["ts-shuibu"]["lead_code"] == "ts-rmyy"
    assert sum(one["counts_as_township_health_centre"] for one in sites.values()) == 17


def test_loading_again_changes_nothing(home):
    counts = home.yqctl("roster", "load", ROSTER, json=True)
    assert counts["sites"] == 22
    assert counts["sites_new"] == counts["sites_changed"] == counts["sites_moved"] == counts["sites_not_named"] == 0
    assert home.yqctl("target", "load", TARGETS, json=True)["targets_changed"] == 0


@pytest.mark.parametrize("content, says", [
    (b"", "line"), (b"[]", "object"), (b"{", "line"), (b"\xff\xfe", "line"), (b'{"a":1,"a":2}', "duplicate"),
    (b'{"communities":[{"name":"x","grids":[{"name":"g","lead":"l","members":[{"name":"m"}]}]}]}',
     "communities[0].grids[0].members[0].licensed_type"),
    (b"[" * 5000, "depth"),
])
def test_a_wrong_roster_is_refused_with_its_place(home, tmp_path, content, says):
    path = tmp_path / "roster.json"
    path.write_bytes(content)
    refused(home, INVALID, "roster", "load", path, says=says)


def test_a_missing_roster_is_told(home, tmp_path):
    done = home.yqctl("roster", "load", tmp_path / "none.json", status=None)
    assert done.returncode != 0 and "none.json" in done.stderr


def test_rules_cover_every_grid_and_are_made_once(home):
    home.yqctl("rule", "defaults")
    assert home.yqctl("rule", "defaults", json=True) == {"policies": 0, "queues": 0, "rules": 0, "limits": 0, "rules_are_own": False}
    groups = home.yqctl("rule", "list", json=True)["groups"]
    assert [one["mode"] for one in groups] == ["first"] and len(groups[0]["rules"]) == 6
    assert {one["reading_mode"] for one in groups[0]["rules"]} == {"central"}
    assert groups[0]["rules"][0]["conditions"][1] == {"field": "patient_class", "op": "is", "values": ["emergency"]}
    assert [one["field"] for one in groups[0]["rules"][-1]["conditions"]] == ["grid"]


# ---- devices and destinations ---------------------------------------------------------------------------------------------


def test_device_add_by_name_code_and_id(home):
    site = next(one for one in home.yqctl("site", "list", json=True) if one["code"] == "ts-chonglou")
    assert not site["is_enrolled"]
    for number, text in enumerate((site["name"], site["code"], site["id"])):
        made = home.yqctl("device", "add", "--ae-title", f"NAMED{number}", "--site", text, json=True)
        assert made["site_code"] == "ts-chonglou"
    site = next(one for one in home.yqctl("site", "list", json=True) if one["code"] == "ts-chonglou")
    assert site["is_enrolled"] and site["devices"] == 3


def test_the_same_device_twice_is_a_clear_conflict(home):
    made = home.yqctl("device", "add", "--ae-title", "TWICE", "--site", "ts-duhu", json=True)
    done = refused(home, CONFLICT, "device", "add", "--ae-title", "TWICE", "--site", "ts-sijiu", says=made["id"])
    assert "都斛镇卫生院" in done.stderr and "--address" in done.stderr
    home.yqctl("device", "add", "--ae-title", "TWICE", "--site", "ts-sijiu", "--address", "10.9.0.0/16")
    refused(home, INVALID, "device", "disable", "TWICE", says="2 devices")
    home.yqctl("device", "disable", made["id"])
    home.yqctl("device", "disable", made["id"])


@pytest.mark.parametrize("options, status, says", [
    (["--ae-title", "A", "--site", "nowhere"], NOT_FOUND, "site list"),
    (["--ae-title", "A", "--site", "水步"], NOT_FOUND, "ts-shuibu"),
    (["--ae-title", "A", "--site", ""], INVALID, "name"),
    (["--ae-title", "", "--site", "ts-duhu"], INVALID, "1 to 16"),
    (["--ae-title", "SEVENTEENLETTERSX", "--site", "ts-duhu"], INVALID, "1 to 16"),
    (["--ae-title", "A\\B", "--site", "ts-duhu"], INVALID, "AE title"),
    (["--ae-title", "A", "--site", "ts-duhu", "--address", "10.0.0.1/8"], INVALID, "10.0.0.0/8"),
    (["--ae-title", "A", "--site", "ts-duhu", "--address", "hospital"], INVALID, "192.0.2.7"),
    (["--ae-title", "A", "--site", "ts-duhu", "--local-port", "0"], INVALID, "1 to 65535"),
    (["--ae-title", "A", "--site", "ts-duhu", "--charset", "x"], INVALID, "GB18030"),
    (["--ae-title", "A", "--site", "'; DROP TABLE device; --"], NOT_FOUND, "site list"),
])
def test_device_add_refuses(home, options, status, says):
    refused(home, status, "device", "add", *options, says=says)


def test_a_site_name_that_two_sites_have_lists_their_codes(home, tmp_path):
    twin = {"name": "同名卫生院", "licensed_type": "township_health_centre", "counts_as_township_health_centre": True}
    roster = {"communities": [{"name": f"共同体{n}", "grids": [{"name": "g", "lead": f"牵头{n}", "members": [{**twin, "code": f"twin-{n}"}]}]}
                              for n in (1, 2)]}
    path = tmp_path / "twins.json"
    path.write_text(json.dumps(roster))
    home.yqctl("roster", "load", path)
    try:
        done = refused(home, INVALID, "device", "add", "--ae-title", "A", "--site", "同名卫生院", says="twin-1")
        assert "twin-2" in done.stderr
    finally:
        home.sql("""DELETE FROM grid_lead l USING scope s WHERE s.scope_id = l.grid_id AND s.name = 'g';
                    DELETE FROM scope_membership m USING scope p WHERE p.scope_id = m.parent_id AND (p.name = 'g' OR p.name LIKE '共同体%');
                    DELETE FROM site WHERE code LIKE 'twin-%' OR site_id IN (SELECT scope_id FROM scope WHERE name LIKE '牵头%');
                    DELETE FROM scope WHERE name IN ('同名卫生院', 'g') OR name LIKE '共同体%' OR name LIKE '牵头%';""")


def test_destinations(home):
    add = ["destination", "add", "--site", "ts-duhu", "--ae-title", "PACS", "--host", "127.0.0.1", "--port", "11199"]
    made = home.yqctl(*add, json=True)
    refused(home, CONFLICT, *add, says="already")
    refused(home, INVALID, *add[:-1], "70000", says="65535")
    refused(home, INVALID, "destination", "add", "--site", "ts-duhu", "--ae-title", "P", "--host", "a b", "--port", "1", says="host")
    home.yqctl("destination", "hold", "PACS", "--reason", "线路检修")
    held = next(one for one in home.yqctl("destination", "list", json=True) if one["id"] == made["id"])
    assert held["is_held"] and held["held_reason"] == "线路检修"
    home.yqctl("destination", "release", made["id"])
    assert not next(one for one in home.yqctl("destination", "list", json=True) if one["id"] == made["id"])["is_held"]
    refused(home, NOT_FOUND, "destination", "release", "NOBODY", says="destination list")


def test_a_destination_of_every_protocol_is_added_changed_shown_and_removed(home, tmp_path):
    home.yqctl("ca", "init")
    (tmp_path / "token").write_text("hush-hush\n")
    add = ["destination", "add", "--site", "ts-duhu", "--protocol"]
    made = {}
    for protocol, options in {"dicom": ["--ae-title", "P1", "--host", "127.0.0.1", "--port", "9", "--images", "yes", "--compression", "lossless"],
                              "stow": ["--url", "https://pacs.example/dicom-web", "--user", "yq", "--password-file", "-", "--name", "云影像"],
                              "hl7": ["--host", "his.example", "--port", "2575", "--charset", "gb18030"],
                              "fhir": ["--url", "https://fhir.example/r4", "--token-file", tmp_path / "token", "--answer-timeout", "5 s", "--deadline", "2 days"],
                              "webhook": ["--url", "http://127.0.0.1:9/hook", "--windows", "20:00-06:00"]}.items():
        made[protocol] = home.yqctl(*add, protocol, *options, json=True, input="from standard input\n")["id"]
    shown = home.yqctl("destination", "show", "云影像", json=True)
    assert (shown["protocol"], shown["secrets"], shown["tls"]) == ("stow", ["user", "password"], "server")
    fhir = home.yqctl("destination", "show", made["fhir"], json=True)
    assert (fhir["secrets"], fhir["answer_timeout_ms"], fhir["deadline_ms"]) == (["token"], 5000, 172_800_000)
    home.yqctl("destination", "edit", made["fhir"], "--answer-timeout", "", "--token-file", "", "--enabled", "no")
    fhir = home.yqctl("destination", "show", made["fhir"], json=True)
    assert (fhir["secrets"], fhir["answer_timeout_ms"], fhir["is_enabled"], fhir["deadline_ms"]) == ([], None, False, 172_800_000)
    assert fhir["updated_by"] and home.sql(f"SELECT actor_kind, detail->'changed'->>'secret' FROM audit WHERE subject = '{fhir['id']}' AND action = 'destination.edit'") == [["operator", '["token"]']]
    assert "hush" not in str([home.yqctl("destination", "show", one) for one in made.values()])
    for options, says in [(["--url", "https://u:p@x/"], "user and password"), (["--ae-title", "X"], "no AE title"), (["--rate", "1"], "16 to"), (["--rate", "x"], "--rate"), (["--answer-timeout", "soon"], "--answer-timeout"),
                          (["--enabled", "perhaps"], "yes or no"), ([], "at least one option"), (["--trust", tmp_path / "token"], "no certificate"), (["--key", "-", "--password-file", "-"], "standard input")]:
        refused(home, INVALID, "destination", "edit", made["stow"], *options, says=says)
    refused(home, INVALID, *add, "link", says="protocol")
    refused(home, INVALID, *add, "stow", "--url", "ftp://x/", says="http://")
    tested = home.yqctl("destination", "test", made["dicom"], status=None)
    assert tested.returncode == TEMPORARY and "name" in tested.stdout and '"tcp" failed' in tested.stderr
    steps = json.loads(home.yqctl("destination", "test", made["dicom"], "--json", status=None).stdout)["steps"]
    assert [(one["name"], one["is_ok"]) for one in steps] == [("name", True), ("tcp", False)] and steps[1]["text"]
    for one in made.values():
        home.yqctl("destination", "remove", one)
    refused(home, NOT_FOUND, "destination", "show", made["hl7"], says="destination list")


# ---- accounts --------------------------------------------------------------------------------------------------------------


def test_an_account_with_a_made_password(home):
    made = home.yqctl("account", "add", "li.wei", "--name", "李伟", "--site", "ts-rmyy", "--role", "reporter,reviewer", "--scope",
                      "台山市人民医院医疗卫生共同体", json=True)
    assert len(made["password"]) == 20
    one = next(one for one in home.yqctl("account", "list", json=True) if one["account"] == "li.wei")
    assert {role["role"] for role in one["roles"]} == {"reporter", "reviewer"}
    assert {role["scope_kind"] for role in one["roles"]} == {"community"}
    assert made["password"] not in home.sql("SELECT password_hash FROM person WHERE account = 'li.wei'")[0][0]
    refused(home, CONFLICT, "account", "add", "li.wei", "--name", "x", "--site", "ts-rmyy", "--role", "reporter", says="already")


def test_a_password_comes_from_standard_input_alone(home):
    home.yqctl("account", "add", "zhang.hua", "--name", "张华", "--site", "ts-rmyy", "--role", "clinician", "--password-stdin",
               input="correct horse battery\n")
    before = home.sql("SELECT password_hash FROM person WHERE account = 'zhang.hua'")
    made = home.yqctl("account", "password", "zhang.hua", "--password-stdin", json=True, input="another long one\n")
    assert "password" not in made
    assert home.sql("SELECT password_hash FROM person WHERE account = 'zhang.hua'") != before
    refused(home, INVALID, "account", "password", "zhang.hua", "--password-stdin", input="short\n", says="10")
    refused(home, INVALID, "account", "password", "zhang.hua", "--password-stdin", input="", says="standard input")
    refused(home, INVALID, "account", "password", "zhang.hua", "--password-stdin", input="x" * 5000, says="too long")
    refused(home, NOT_FOUND, "account", "password", "nobody", says="account list")


@pytest.mark.parametrize("account, more, says", [
    ("Upper", [], "a-z"), ("", [], "a-z"), ("x" * 65, [], "a-z"), (".dot", [], "a-z"),
    ("ok.one", ["--role", "king"], "no role"), ("ok.two", ["--language", "fr"], "language"), ("ok.three", ["--name", ""], "name"),
])
def test_account_add_refuses_and_leaves_nothing(home, account, more, says):
    options = {"--name": "名", "--site": "ts-rmyy", "--role": "reporter"}
    options.update(zip(more[::2], more[1::2]))
    before = home.sql("SELECT count(*) FROM person")
    refused(home, INVALID, "account", "add", account, *[word for pair in options.items() for word in pair], says=says)
    assert home.sql("SELECT count(*) FROM person") == before


def test_a_new_password_and_disabling_end_the_logins(home):
    home.yqctl("account", "add", "wang.fang", "--name", "王芳", "--site", "ts-rmyy", "--role", "reporter")
    session = """INSERT INTO session (token_sha256, person_id, csrf_token, expires_at)
                 SELECT sha256(random()::text::bytea), person_id, '', yq_now() + interval '1 h' FROM person WHERE account = 'wang.fang';"""
    living = """SELECT count(*) FROM session s JOIN person p USING (person_id) WHERE p.account = 'wang.fang' AND s.ended_at IS NULL"""
    home.sql(session)
    assert home.sql(living) == [["1"]]
    home.yqctl("account", "password", "wang.fang")
    assert home.sql(living) == [["0"]]
    home.sql(session)
    home.yqctl("account", "disable", "wang.fang")
    assert home.sql(living) == [["0"]]
    home.yqctl("account", "enable", "wang.fang")


def test_qualifications_and_certificates(home):
    home.yqctl("account", "add", "zhao.lei", "--name", "赵磊", "--site", "ts-rmyy", "--role", "reporter")
    grant = ["qualification", "grant", "zhao.lei", "--kind", "write", "--scope", "ts-rmyy", "--modality", "CT", "--until", "2099-12-31"]
    home.yqctl(*grant)
    home.yqctl(*grant)
    one = next(one for one in home.yqctl("account", "list", json=True) if one["account"] == "zhao.lei")
    assert [(q["kind"], q["modality"]) for q in one["qualifications"]] == [("write", "CT")]
    refused(home, INVALID, "qualification", "grant", "zhao.lei", "--kind", "fly", "--scope", "ts-rmyy", says="review")
    refused(home, INVALID, "qualification", "grant", "zhao.lei", "--kind", "write", "--scope", "ts-rmyy", "--until", "31.12.2099", says="day")
    home.yqctl("ca", "init")
    home.yqctl("ca", "init")
    home.yqctl("account", "certify", "zhao.lei")
    assert next(one for one in home.yqctl("account", "list", json=True) if one["account"] == "zhao.lei")["has_signing_key"]


def test_dead_deliveries_are_driven_again_and_others_are_not(home):
    made = home.yqctl("destination", "add", "--site", "ts-sijiu", "--ae-title", "DEAD", "--host", "127.0.0.1", "--port", "9", json=True)
    home.sql(f"""INSERT INTO delivery (site_id, destination_id, purpose, message, deadline_at)
                 SELECT site_id, destination_id, 'notify', '{{}}', yq_now() FROM destination WHERE public_id = '{made["id"]}';""")
    [delivery] = [one for one in home.yqctl("delivery", "list", json=True) if one["destination_id"] == made["id"]]
    done = refused(home, CONFLICT, "delivery", "requeue", delivery["id"], says="it is pending")
    assert not done.stdout
    for state in ("sending", "waiting", "dead"):
        home.sql(f"UPDATE delivery SET state = '{state}' WHERE public_id = '{delivery['id']}'")
    home.yqctl("delivery", "requeue", delivery["id"])
    [again] = home.yqctl("delivery", "list", "--state", "pending", json=True)
    assert again["id"] == delivery["id"] and again["deadline_at"] > delivery["deadline_at"]
    refused(home, TEMPORARY, "wait", "--settled", "--timeout", "100 ms", says="deliveries_under_way 1")
    home.yqctl("delivery", "cancel", delivery["id"])
    refused(home, CONFLICT, "delivery", "cancel", delivery["id"], says="it is cancelled")
    assert home.sql(f"SELECT kind FROM event WHERE subject_id = '{delivery['id']}' ORDER BY event_id") == [["delivery.requeue"], ["delivery.cancel"]]
    home.sql(f"DELETE FROM delivery WHERE public_id = '{delivery['id']}'")


def test_deliveries_are_found_and_moved_by_the_many(home):
    made = home.yqctl("destination", "add", "--site", "ts-sijiu", "--ae-title", "MANY", "--host", "127.0.0.1", "--port", "9", json=True)["id"]
    home.sql(f"""INSERT INTO delivery (site_id, destination_id, purpose, message, deadline_at, created_at, rank)
                 SELECT site_id, destination_id, 'notify', jsonb_build_object('n', n), yq_now(), yq_now() - n * interval '1 day', n FROM destination, generate_series(0, 3) n
                 WHERE public_id = '{made}';
                 UPDATE delivery d SET state = 'sending' FROM destination x WHERE x.destination_id = d.destination_id AND x.public_id = '{made}' AND rank > 0;
                 UPDATE delivery SET state = 'quarantined' WHERE state = 'sending' AND rank = 1; UPDATE delivery SET state = 'waiting' WHERE state = 'sending';
                 UPDATE delivery SET state = 'dead' WHERE state = 'waiting' AND rank = 2; UPDATE delivery SET next_try_at = yq_now() + interval '1 hour' WHERE state = 'waiting'""")

    def found(*options):
        return sorted(one["rank"] for one in home.yqctl("delivery", "list", "--destination", "MANY", *options, json=True))

    try:
        assert (found(), found("--state", "dead"), found("--older", "36 h"), found("--site", "ts-sijiu"), found("--site", "ts-duhu"), found("--study", "1.2.3")) == ([0, 1, 2, 3], [2], [2, 3], [0, 1, 2, 3], [], [])
        one = home.yqctl("delivery", "show", home.yqctl("delivery", "list", "--state", "dead", "--destination", "MANY", json=True)[0]["id"], json=True)
        assert (one["state"], one["rank"], one["tries"], one["objects"], one["items"]) == ("dead", 2, [], [], 0)
        refused(home, INVALID, "delivery", "retry", says="which?")
        assert "2 of 2" in home.yqctl("delivery", "retry", "--destination", "MANY")
        assert (found("--state", "pending"), found("--state", "waiting")) == ([0, 1, 2], [3])
        home.yqctl("delivery", "retry", "--destination", "MANY", "--state", "waiting")
        assert home.sql(f"SELECT count(*) FROM delivery WHERE state = 'waiting' AND next_try_at <= yq_now() AND destination_id = (SELECT destination_id FROM destination WHERE public_id = '{made}')") == [["1"]]
        refused(home, CONFLICT, "destination", "remove", "MANY", says="disable it")
        assert "4 of 4" in home.yqctl("delivery", "cancel", "--destination", "MANY")
        assert found("--state", "cancelled") == [0, 1, 2, 3]
    finally:
        home.sql(f"DELETE FROM delivery d USING destination x WHERE x.destination_id = d.destination_id AND x.public_id = '{made}'")


# ---- the rest ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments, status, says", [
    (["study", "show", "1.2.3"], NOT_FOUND, "study list"),
    (["study", "show", "../etc/passwd"], INVALID, "Study Instance UID"),
    (["study", "submit", "1.2.3"], NOT_FOUND, "study list"),
    (["study", "list", "--state", "lost"], INVALID, "no state"),
    (["task", "list", "--state", "lost"], INVALID, "no state"),
    (["instance", "list", "--study", "1..2"], INVALID, "Study Instance UID"),
    (["delivery", "requeue", "1"], INVALID, "delivery list"),
    (["delivery", "requeue", "00000000-0000-4000-8000-000000000000"], NOT_FOUND, "delivery"),
    (["delivery", "cancel", "00000000-0000-4000-8000-000000000000"], NOT_FOUND, "delivery"),
    (["coverage", "--from", "yesterday"], INVALID, "day"),
    (["coverage", "--basis", "hoped"], INVALID, "basis"),
    (["store", "check", "--orphan-grace", "5"], INVALID, "--orphan-grace"),
    (["wait", "--settled", "--timeout", "soon"], INVALID, "--timeout"),
    (["report", "verify", "/nonexistent.pdf"], None, "/nonexistent.pdf"),
])
def test_bad_input_of_the_other_commands(home, arguments, status, says):
    done = home.yqctl(*arguments, status=None)
    assert done.returncode == status if status else done.returncode not in (0, USAGE), (done.returncode, done.stderr)
    assert says in done.stderr, done.stderr


def test_a_file_that_is_no_paper(home, tmp_path):
    path = tmp_path / "paper.pdf"
    path.write_bytes(b"%PDF-1.4\nnothing\n")
    assert home.yqctl("report", "verify", path, status=None).returncode in (INVALID, NOT_FOUND, CORRUPT)


def test_settled_when_nothing_happens(home):
    assert home.yqctl("wait", "--settled") == "settled\n"


@pytest.mark.parametrize("held", ["held_at = yq_now()", "is_enabled = false"])
def test_deliveries_that_a_person_holds_back_are_told_and_not_waited_for(home, held):
    made = home.yqctl("destination", "add", "--site", "ts-sijiu", "--ae-title", "HELD", "--host", "127.0.0.1", "--port", "9", json=True)
    where = f"public_id = '{made['id']}'"
    try:
        home.sql(f"""INSERT INTO delivery (site_id, destination_id, purpose, message, deadline_at)
                     SELECT site_id, destination_id, 'notify', '{{}}', yq_now() FROM destination WHERE {where};""")
        refused(home, TEMPORARY, "wait", "--settled", "--timeout", "100 ms", says="deliveries_under_way 1")
        home.sql(f"UPDATE destination SET {held} WHERE {where}")
        settled, told = home.yqctl("wait", "--settled").splitlines()
        assert settled == "settled" and "deliveries_held_back 1" in told
        home.sql("UPDATE delivery SET state = 'sending', worker = gen_random_uuid(), worker_until = yq_now()")
        refused(home, TEMPORARY, "wait", "--settled", "--timeout", "100 ms", says="deliveries_under_way 1")
    finally:
        home.sql(f"DELETE FROM delivery; DELETE FROM destination WHERE {where}")


def test_wait_says_what_is_not_settled(home):
    """A study that nobody completes, since no router runs."""
    home.sql("""WITH p AS (INSERT INTO patient DEFAULT VALUES RETURNING patient_id),
                     c AS (INSERT INTO identity_claim (site_id, patient_id, source, typed_id, name, content_hash)
                           SELECT t.site_id, p.patient_id, 'image', '1', 'A', sha256('wait') FROM p, site t WHERE t.code = 'ts-duhu'
                           RETURNING claim_id, site_id)
                INSERT INTO study (site_id, study_instance_uid, claim_id, first_arrival_at, last_arrival_at, due_at)
                SELECT site_id, '1.2.3.4', claim_id, yq_now(), yq_now(), yq_now() FROM c;""")
    try:
        refused(home, TEMPORARY, "wait", "--settled", "--timeout", "100 ms", says="studies_receiving 1")
        shown = home.yqctl("study", "show", "1.2.3.4", json=True)
        assert (shown["state"], shown["site_code"]) == ("receiving", "ts-duhu")
        home.yqctl("study", "submit", "1.2.3.4", "--class", "emergency")
        refused(home, TEMPORARY, "wait", "--settled", "--timeout", "100 ms", says="signals")
        refused(home, INVALID, "study", "submit", "1.2.3.4", "--class", "royal", says="class")
        home.sql("DELETE FROM study_signal; UPDATE study SET state = 'incomplete' WHERE study_instance_uid = '1.2.3.4'")
        refused(home, TEMPORARY, "wait", "--settled", "--timeout", "100 ms", says="studies_looked_at_again 1")
        home.sql("UPDATE study SET due_at = yq_now() + interval '5 minutes' WHERE study_instance_uid = '1.2.3.4'")
        assert home.yqctl("wait", "--settled") == "settled\n", "offered incomplete: nothing more comes by itself"
    finally:
        home.sql("""DELETE FROM study_signal; DELETE FROM study WHERE study_instance_uid = '1.2.3.4';
                    DELETE FROM identity_claim WHERE content_hash = sha256('wait');""")


def test_what_the_operator_does_is_audited_by_name(home):
    made = home.yqctl("device", "add", "--ae-title", "AUDITED", "--site", "ts-duhu", json=True)
    rows = home.sql(f"SELECT actor_kind, actor, action, outcome FROM audit WHERE subject = '{made['id']}'")
    user = subprocess.run(["id", "-un"], capture_output=True, text=True).stdout.strip()
    assert rows == [["operator", user, "device.add", "success"]]
    assert home.yqctl("audit", "verify", json=True)["faults"] == 0


def test_a_changed_audit_record_is_found(home):
    home.sql("""ALTER TABLE audit DISABLE TRIGGER audit_fixed;
                UPDATE audit SET actor = actor || 'x' WHERE (writer, sequence) = (SELECT writer, min(sequence) FROM audit GROUP BY writer LIMIT 1);
                ALTER TABLE audit ENABLE TRIGGER audit_fixed;""")
    try:
        done = refused(home, CORRUPT, "audit", "verify", "--json", says="tampered")
        assert json.loads(done.stdout)["faults"] >= 1
    finally:
        home.sql("""ALTER TABLE audit DISABLE TRIGGER audit_fixed;
                    UPDATE audit SET actor = left(actor, -1) WHERE (writer, sequence) = (SELECT writer, min(sequence) FROM audit GROUP BY writer LIMIT 1);
                    ALTER TABLE audit ENABLE TRIGGER audit_fixed;""")
    assert home.yqctl("audit", "verify", json=True)["faults"] == 0


def test_demo_seed_is_repeatable_and_keeps_its_secret(home):
    home.yqctl("demo", "seed")
    path = home.home / "demo" / "accounts"
    assert path.stat().st_mode & 0o777 == 0o600
    first = path.read_text()
    home.yqctl("demo", "seed")
    assert path.read_text() == first
    accounts = {one["account"]: one for one in home.yqctl("account", "list", json=True)}
    for one in json.loads(first)["accounts"]:
        assert accounts[one["account"]]["is_active"]
    assert accounts["reporter"]["has_signing_key"] and not accounts["county"]["has_signing_key"]
    path.unlink()
    home.yqctl("demo", "seed")
    assert {one["password"] for one in json.loads(path.read_text())["accounts"]}.isdisjoint(
        one["password"] for one in json.loads(first)["accounts"])
    devices = [one for one in home.yqctl("device", "list", json=True) if one["ae_title"] == "DEMO_DR"]
    assert [one["address"] for one in devices] == ["127.0.0.1/32"]
    home.yqctl("demo", "seed", YQ_DEMO_SITE_PORT="11777")
    destinations = [one for one in home.yqctl("destination", "list", json=True) if one["ae_title"] == "DEMOSITE"]
    assert [one["port"] for one in destinations] == [11777]


def test_demo_seed_only_in_a_demonstration(home):
    refused(home, REFUSED, "demo", "seed", says="demo = yes", YQ_DEMO="no")
