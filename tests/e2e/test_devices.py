"""Ten devices of one AE title behind one address, told apart by called AE title and our port; clocks that are wrong; silence; what an operator
sees and changes. With the real programs and DCMTK's clients."""

import concurrent.futures
import datetime
import json
import pathlib
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
from demo import PROGRAMS, Demo  # noqa: E402
from installation import PATIENCE_S, free_port  # noqa: E402

PORTS = 4
HERE = datetime.timezone(datetime.timedelta(hours=8))


@pytest.fixture(scope="module")
def home():
    ports = [free_port() for _ in range(PORTS)]
    with Demo(is_seeded=True, YQ_POLL_INTERVAL="200 ms", YQ_DICOM_MORE_PORTS=" ".join(map(str, ports))) as home:
        home.more_ports = ports
        home.start_site()
        home.start(*PROGRAMS)
        yield home


def until(look, what):
    deadline = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return found


def send(home, folder, calling="DR", called="YINGQIAO", port=None, status=0, **more):
    """One film, pushed with storescu; what it was called."""
    folder.mkdir(parents=True, exist_ok=True)
    study = dicomgen.make_study(folder, "dr-chest", size=64, **more)
    done = subprocess.run(["storescu", "-aet", calling, "-aec", called, "127.0.0.1", str(port or home.dicom_port),
                           *[one["path"] for one in study["files"]]], capture_output=True, text=True)
    assert (done.returncode == 0) == (status == 0), done.stdout + done.stderr
    return study["study_instance_uid"]


def devices_of(home):
    return {one["id"]: one for one in home.yqctl("device", "list", json=True)}


def some_sites(home, count):
    codes = [row["code"] for row in home.yqctl("site", "list", json=True)]
    return (codes * 10)[:count]


def add(home, *options, status=0):
    done = home.yqctl("device", "add", *options, "--json", status=None)
    assert done.returncode == status, done.stdout + done.stderr
    return json.loads(done.stdout)["id"] if status == 0 else done.stderr


# ---- told apart -------------------------------------------------------------------------------------------------------------------


def test_ten_devices_of_one_title_behind_one_address(home, tmp_path):
    """Five by the title that they call, one by our own port, four by further ports; all from 127.0.0.1, all called DR, at once, none confused."""
    doors = [(f"YQ{n}", None) for n in range(5)] + [("YINGQIAO", home.dicom_port)] + [("YINGQIAO", port) for port in home.more_ports]
    sites = some_sites(home, len(doors))
    known = []
    for (called, port), site in zip(doors, sites):
        options = ["--ae-title", "DR", "--site", site, "--address", "127.0.0.1"]
        options += ["--local-port", str(port)] if port else ["--called-ae-title", called]
        known.append(add(home, *options))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(send, home, tmp_path / str(n), called=called, port=port, patient_id=f"T{n:04}") for n, (called, port) in enumerate(doors)]
        uids = [one.result() for one in sent]
    for uid, device, site in zip(uids, known, sites):
        found = until(lambda: home.sql("SELECT d.public_id, t.code FROM study s JOIN device d USING (device_id) JOIN site t ON t.site_id = s.site_id"
                                       f" WHERE study_instance_uid = '{uid}'"), "an image does not arrive")
        assert found == [[device, site]]


def test_who_could_be_two_is_refused_at_the_registration(home):
    site = some_sites(home, 1)[0]
    first = add(home, "--ae-title", "TWIN", "--site", site, "--address", "192.0.2.7")
    for options, words in [(["--address", "192.0.2.7"], "registered already"),
                           (["--address", "192.0.2.7", "--called-ae-title", "YINGQIAO"], "registered already"),
                           (["--local-port", "11113"], "neither says more")]:
        text = add(home, "--ae-title", "TWIN", "--site", site, *options, status=69)
        assert words in text and first in text, text
    second = add(home, "--ae-title", "TWIN", "--site", site, "--address", "192.0.2.8")
    done = home.yqctl("device", "edit", second, "--address", "any", "--local-port", "11113", status=None)
    assert done.returncode == 69 and "neither says more" in done.stderr
    assert devices_of(home)[second]["address"] == "192.0.2.8/32", "a refused change changes nothing"


def test_a_call_that_fits_two_of_old_is_rejected_and_on_record(home, tmp_path):
    """Registrations of before the rule: the receiver does not guess either."""
    site = some_sites(home, 1)[0]
    one = add(home, "--ae-title", "OLDTWIN", "--site", site, "--address", "127.0.0.1")
    other = add(home, "--ae-title", "OLDTWIN", "--site", site, "--called-ae-title", "LATER")
    home.sql("ALTER TABLE device DISABLE TRIGGER device_apart;"
             f"UPDATE device SET called_ae = NULL, local_port = {home.dicom_port} WHERE public_id = '{other}';"
             "ALTER TABLE device ENABLE TRIGGER device_apart")
    send(home, tmp_path / "old", calling="OLDTWIN", status=1)
    record = until(lambda: home.sql("SELECT detail ->> 'reason' FROM audit WHERE action = 'association.reject' AND actor LIKE 'OLDTWIN@%'"),
                   "no record")
    assert record[0] == ["ambiguous"]
    home.yqctl("device", "disable", one)
    send(home, tmp_path / "new", calling="OLDTWIN")


# ---- changed and shown ------------------------------------------------------------------------------------------------------------


def test_edit_takes_effect_at_once_and_is_on_record(home, tmp_path):
    site = some_sites(home, 1)[0]
    device = add(home, "--ae-title", "EDITED", "--site", site, "--name", "旧名", "--called-ae-title", "BEFORE")
    send(home, tmp_path / "a", calling="EDITED", status=1)
    home.yqctl("device", "edit", device, "--called-ae-title", "any", "--name", "一号机", "--charset", "GB18030", "--modality", "DX")
    send(home, tmp_path / "b", calling="EDITED")
    row = devices_of(home)[device]
    assert (row["name"], row["called_ae_title"], row["default_charset"], row["modality"]) == ("一号机", None, "GB18030", "DX")
    detail = home.sql(f"SELECT detail FROM audit WHERE action = 'device.edit' AND subject = '{device}'")
    assert json.loads(detail[0][0])["changed"] == ["name", "called-ae-title", "modality", "charset"]
    for options, words in [([], "nothing to change"), (["--site", site], "cannot move a device"), (["--address", "10.0.0.1/8"], "10.0.0.0/8"),
                           (["--local-port", "70000"], "65535"), (["--charset", "EBCDIC"], "GB18030")]:
        done = home.yqctl("device", "edit", device, *options, status=None)
        assert done.returncode != 0 and words in done.stderr, (options, done.stderr)
    assert "no device" in home.yqctl("device", "edit", "NOBODY", "--name", "x", status=None).stderr


def test_show_says_everything(home, tmp_path):
    site = some_sites(home, 1)[0]
    device = add(home, "--ae-title", "SHOWN", "--site", site)
    subprocess.run(["echoscu", "-aet", "SHOWN", "-aec", "YINGQIAO", "127.0.0.1", str(home.dicom_port)], check=True)
    send(home, tmp_path / "a", calling="SHOWN")
    shown = until(lambda: (one := home.yqctl("device", "show", device, json=True))["contacts"] and one["contacts"][0]["echoes"]
                  and one["contacts"][0]["images"] and one, "echo and images are not counted")
    # What is read in the image comes on another way.
    shown = until(lambda: (one := home.yqctl("device", "show", device, json=True))["clock_samples"] and one["charset_verdicts"] and one["last_image_at"] and one,
                  "the image is not read")
    assert shown["first_seen_at"]
    assert shown["images_due_at"] is None and shown["silent_since"] is None, "a device of today has no habit yet"
    text = home.yqctl("device", "show", "SHOWN")
    assert "SHOWN" in text and "contacts" in text


# ---- clocks -------------------------------------------------------------------------------------------------------------------------

CLOCKS = [("in 2000", datetime.datetime(2000, 1, 1, 8, 3)), ("in the future", datetime.datetime(2099, 12, 31, 23, 59)), ("without any", None),
          ("right", "now")]


def send_by_clock(home, folder, calling, clock):
    """Two views by a console whose clock says so; its patient has the name of the device."""
    folder.mkdir(parents=True)
    when = datetime.datetime.now(HERE) if clock == "now" else clock
    study = dicomgen.Study(name=f"CLOCK^{calling}", patient_id=calling, when=when)
    for number in (1, 2):
        dataset = dicomgen.dr(study, number=number)
        if clock is None:
            for tag, vr in [(0x00080020, "DA"), (0x00080022, "DA"), (0x00080023, "DA"), (0x00080030, "TM"), (0x00080032, "TM"), (0x00080033, "TM")]:
                dataset.put(tag, vr, "")
        path = folder / f"{number}.dcm"
        path.write_bytes(dicomgen.part10(dataset.encode(), dataset.text(0x00080016), dataset.text(0x00080018)))
        subprocess.run(["storescu", "-aet", calling, "-aec", "YINGQIAO", "127.0.0.1", str(home.dicom_port), str(path)], check=True,
                       capture_output=True)
    return study.study_uid


def test_nothing_goes_by_the_clock_of_a_device(home, tmp_path):
    """Clocks in 2000, in the future, none, and a right one: list, queue, due times, days and figures are by arrival."""
    people = {}
    for account in ("leader", "radiographer"):
        people[account] = home.api()
        people[account].login(account, home.passwords()[account])
    uids = []
    for n, (_, clock) in enumerate(CLOCKS):
        add(home, "--ae-title", f"CLOCK{n}", "--site", "ts-shuibu", "--modality", "DX")
        uids.append(send_by_clock(home, tmp_path / str(n), f"CLOCK{n}", clock))
        until(lambda: home.sql(f"SELECT 1 FROM study WHERE study_instance_uid = '{uids[-1]}' AND instance_count = 2"), "does not arrive")
        home.yqctl("study", "submit", uids[-1])
        until(lambda: home.sql(f"SELECT 1 FROM reading_task t JOIN study s USING (study_id) WHERE study_instance_uid = '{uids[-1]}'"), "no task")
    rows = [one for one in people["radiographer"].get("/api/v1/studies?limit=500").body["studies"] if one["study_instance_uid"] in uids]
    assert [one["study_instance_uid"] for one in rows] in (uids, uids[::-1]), "the list is in order of arrival"
    ids = [next(one["id"] for one in rows if one["study_instance_uid"] == uid) for uid in uids]
    tasks = [one for one in people["leader"].get("/api/v1/queue?limit=1000").body["tasks"] if one["study"]["id"] in ids]
    assert [one["study"]["id"] for one in tasks] == ids, "the queue is in order of arrival"
    now = datetime.datetime.now(HERE)
    for task in tasks:
        left = datetime.datetime.fromisoformat(task["due_at"]) - now
        assert datetime.timedelta() < left < datetime.timedelta(days=5), "due by our clock"
    for (what, _), study in zip(CLOCKS, ids):
        examined = datetime.datetime.fromisoformat(people["radiographer"].get("/api/v1/studies/" + study).body["examined_at"])
        assert abs(examined - now) < datetime.timedelta(hours=1), f"{what}: said to be made at {examined}"
    words = {one["ae_title"]: one["clock"] for one in home.yqctl("device", "list", json=True)}
    assert words["CLOCK0"].endswith("years slow (says 2000)") and words["CLOCK1"].endswith("years fast (says 2099)"), words
    assert (words["CLOCK2"], words["CLOCK3"]) == ("", "right")
    # Contacts are counted in memory and come to the ledger by and by.
    today = [[f"CLOCK{n}", "2", "t"] for n in range(len(CLOCKS))]
    until(lambda: home.sql("SELECT d.calling_ae, c.images, c.day = (yq_now() AT TIME ZONE 'Asia/Shanghai')::date FROM device_contact c JOIN device d USING (device_id)"
                           " WHERE d.calling_ae LIKE 'CLOCK%' ORDER BY 1, 3") == today, "all count on the day on which they came")
    steps = {}
    for one in people["radiographer"].get("/api/v1/devices").body["devices"]:
        if one["calling_ae"].startswith("CLOCK"):
            answer = people["radiographer"].post(f"/api/v1/devices/{one['id']}/test", {}).body
            steps[one["calling_ae"]] = next(step["ok"] for step in answer["steps"] if step["step"] == "clock")
    assert steps == {"CLOCK0": False, "CLOCK1": False, "CLOCK2": False, "CLOCK3": True}


# ---- silence --------------------------------------------------------------------------------------------------------------------------


def test_a_silent_device_is_told_once_and_over_with_the_next_image(home, tmp_path):
    """A habit of eight weeks until the day before yesterday's time of day; its hour of today or yesterday passed without an image."""
    device = add(home, "--ae-title", "SILENT", "--site", "ts-shuibu", "--name", "安静的机器")
    home.sql(f"""INSERT INTO device_contact (device_id, day, images, last_at)
                 SELECT device_id, g::date, 20, g::date::timestamptz + interval '1 min'
                 FROM device, generate_series(yq_now()::date - 60, yq_now()::date - 8, interval '1 day') g WHERE public_id = '{device}'""")
    home.restart("yq-router")
    until(lambda: home.sql(f"SELECT 1 FROM device_silence JOIN device USING (device_id) WHERE public_id = '{device}' AND ended_at IS NULL"),
          "the silence is not noticed")
    home.restart("yq-router")
    row = devices_of(home)[device]
    assert row["silent_since"] and row["silent_since"] == row["images_due_at"]
    radiographer = home.api()
    radiographer.login("radiographer", home.passwords()["radiographer"])
    shown = next(one for one in radiographer.get("/api/v1/devices").body["devices"] if one["id"] == device)
    assert shown["silence"]["is_silent"] and shown["silence"]["usual_images"] == 20 and shown["silence"]["history"] >= 4
    metrics = home.api().get("/metrics").body.decode()
    line = next(line for line in metrics.splitlines() if "device_silent{" in line and device in line)
    assert line.rsplit(" ", 1)[1] == "1"
    send(home, tmp_path / "s", calling="SILENT")
    until(lambda: devices_of(home)[device]["silent_since"] is None, "it is still silent")
    home.restart("yq-router")
    until(lambda: home.sql(f"SELECT 1 FROM device_silence JOIN device USING (device_id) WHERE public_id = '{device}' AND ended_at IS NOT NULL"),
          "the silence does not end")
    told = home.sql(f"SELECT kind FROM event WHERE subject_id = '{device}' AND kind IN ('device.silent', 'device.silence_ended') ORDER BY event_id")
    assert told == [["device.silent"], ["device.silence_ended"]]
