"""The papers of an issued report, judged by programs that are not ours; and a gateway that dies at each step of signing."""

import hashlib
import http.client
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import dicomgen  # noqa: E402
from test_reading import BODY, Centre  # noqa: E402

NAME, SHOWN = "LI^JIXIANG=李^𠮷祥", "李𠮷祥"


@pytest.fixture(scope="module")
def centre():
    """With the site's own archive beside, so that reports are returned and everything settles."""
    with Centre() as installation:
        folder = installation.home / "archive"
        folder.mkdir()
        archive = subprocess.Popen(["storescp", "-od", folder, "-aet", "DEMOSITE", str(installation.site_port)])
        try:
            yield installation
        finally:
            archive.terminate()
            archive.wait()


def write_and_submit(centre, study, **changes):
    """Take, draft and submit by the reporter; returns the task's address."""
    reporter = centre.person("reporter")
    task = f"/api/v1/tasks/{study['tasks'][0]['id']}"
    lease = reporter.post(task + "/take").body
    token = {"lease_token": lease["lease_token"]}
    (uid, sop), *_ = centre.sql(f"""SELECT s.shown_uid, i.sop_instance_uid FROM study s JOIN series USING (study_id) JOIN instance i USING (series_id)
                                    WHERE s.public_id = '{study["id"]}' ORDER BY i.number DESC LIMIT 1""")
    assert reporter.post(f"/api/v1/viewer/{uid}/key-images", {"instance": sop, "frame": 1, "is_key": True}).status == 200
    draft = reporter.put(task + "/draft", dict(token, revision=0, body=dict(BODY, **changes))).body
    assert reporter.post(task + "/submit", dict(token, revision=draft["revision"], study_version=lease["study_version"],
                                                password=reporter.password)).status == 200
    return task


def sign(centre, task):
    reviewer = centre.person("reviewer")
    token = {"lease_token": reviewer.post(task + "/review").body["lease_token"]}
    assert reviewer.post(task + "/sign", dict(token, password=reviewer.password)).status == 200


def stored(centre, key):
    return (centre.home / "store" / key[:2] / key[2:4] / key).read_bytes()


def paper_of(centre, study, folder):
    (key,), = centre.sql(f"""SELECT object_key FROM artefact JOIN report_version USING (report_version_id) JOIN report USING (report_id) JOIN reading_task t USING (task_id)
                             WHERE artefact.kind = 'pdf' AND t.public_id = '{study['tasks'][0]['id']}'""")
    paper = folder / "paper.pdf"
    paper.write_bytes(stored(centre, key))
    return paper


class Papers:
    def __init__(self, centre, folder):
        self.centre, self.folder = centre, folder
        study = centre.examine(name=NAME, images=2)
        task = write_and_submit(centre, study, findings="右肺下叶见 <b>结节</b> 5 mm。", impression="右肺下叶结节。", result="positive")
        sign(centre, task)
        centre.settle()
        self.pdf, self.candidate = folder / "report.pdf", folder / "candidate.pdf"
        self.sr, self.wrapped = folder / "report-sr.dcm", folder / "report-pdf.dcm"
        for path, kind in ((self.pdf, "pdf"), (self.candidate, "pdf_submitted")):
            path.write_bytes(stored(centre, centre.sql(f"SELECT object_key FROM artefact WHERE kind = '{kind}'")[0][0]))
        for path, sop_class in ((self.sr, "1.2.840.10008.5.1.4.1.1.88.11"), (self.wrapped, "1.2.840.10008.5.1.4.1.1.104.1")):
            rows = centre.sql(f"SELECT object_key FROM instance WHERE origin = 'own' AND sop_class_uid = '{sop_class}'")
            assert len(rows) == 1, f"{sop_class}: {rows}"
            path.write_bytes(stored(centre, rows[0][0]))
        self.nss = folder / "nss"
        self.nss.mkdir()
        run("certutil", "-N", "-d", f"sql:{self.nss}", "--empty-password")
        run("certutil", "-A", "-d", f"sql:{self.nss}", "-n", "demo", "-t", "CT,C,C", "-i", centre.home / "keys" / "demo-ca.pem")

    def pdfsig(self, path):
        # What it prints about closing its database is no concern of ours.
        return subprocess.run(["pdfsig", "-nssdir", f"sql:{self.nss}", path], capture_output=True, text=True).stdout

    def verify(self, path):
        done = self.centre.yqctl("report", "verify", path, "--json", status=None)
        return done.returncode, done.stdout


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def papers(centre, tmp_path_factory):
    return Papers(centre, tmp_path_factory.mktemp("papers"))


def changed(path, folder, at):
    """A copy with one bit of one byte flipped."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    copy = folder / ("changed" + path.suffix)
    copy.write_bytes(data)
    return copy


def test_pdfsig_accepts_every_signature(papers):
    told = papers.pdfsig(papers.pdf)
    assert told.count("Signature is Valid.") == 2, told
    assert told.count("Certificate is Trusted.") == 2, told
    assert told.count("ETSI.CAdES.detached") == 2, told
    assert told.count("  - Total document signed") == 1 and "Field Name: Author" in told and "Field Name: Reviewer" in told, told
    accounts = {one["account"]: one["name"] for one in papers.centre.accounts.values()}
    for account in ("reporter", "reviewer"):
        assert f"Signer Certificate Common Name: {accounts[account]}" in told, told


def test_pdfsig_refuses_one_flipped_byte(papers, tmp_path):
    copy = changed(papers.pdf, tmp_path, papers.pdf.read_bytes().index(b"stream\n") + 60)
    told = papers.pdfsig(copy)
    assert told.count("Digest Mismatch") == 2 and "Signature is Valid" not in told, told


def test_candidate_bears_the_author_alone(papers):
    told = papers.pdfsig(papers.candidate)
    assert told.count("Signature is Valid.") == 1 and "not signed" in told, told
    assert papers.pdf.read_bytes().startswith(papers.candidate.read_bytes()), "what the author signed was touched"


def test_qpdf_finds_no_error(papers):
    told = run("qpdf", "--check", papers.pdf)
    assert "PDF Version: 1.4" in told and "No syntax or stream encoding errors" in told, told


def test_text_can_be_read_back(papers):
    text = run("pdftotext", "-layout", papers.pdf, "-")
    site = papers.centre.sql("SELECT s.name, l.name FROM study JOIN scope s ON s.scope_id = study.site_id JOIN reading_task USING (study_id)"
                             " JOIN reading_queue USING (queue_id) JOIN scope l ON l.scope_id = lead_site_id LIMIT 1")[0]
    accounts = {one["account"]: one["name"] for one in papers.centre.accounts.values()}
    for wanted in (*site, SHOWN, "影像学表现", "<b>结节</b>", "右肺下叶结节。", "阳性", "报告医师", "审核医师", "审核发布", accounts["reporter"],
                   accounts["reviewer"], "演示签名 无法律效力", "核验码", "关键图像", "S1 I2"):
        assert wanted in text, f"{wanted} is not in\n{text}"
    assert re.search(r"书写时间\s+\d{4}-\d\d-\d\d \d\d:\d\d(?!:)", text), text
    fonts = run("pdffonts", papers.pdf).splitlines()[2:]
    assert fonts and all(re.search(r"\byes\s+yes\s+yes\b", line) for line in fonts), fonts


def pictures_in(path):
    """(kind of colour, how it is compressed) of each picture in a PDF."""
    return [tuple(line.split()[i] for i in (5, 8)) for line in run("pdfimages", "-list", path).splitlines()[2:]]


def test_the_key_image_is_printed(papers):
    assert pictures_in(papers.pdf) == [("gray", "jpeg")]
    named, = papers.centre.sql("SELECT canonical::jsonb -> 'key_images' -> 0 ->> 'picture' FROM report_version WHERE state = 'issued' ORDER BY report_version_id LIMIT 1")
    run("pdfimages", "-all", papers.pdf, papers.folder / "picture")
    printed, = papers.folder.glob("picture*.jpg")
    assert named == [hashlib.sha256(printed.read_bytes()).hexdigest()], "another picture was signed than is printed"


def colours_of(path):
    """Those in the middle of the left and of the right half of a PPM picture."""
    kind, width, height, most, pixels = re.match(rb"(P\d)\s(\d+)\s(\d+)\s(\d+)\s(.*)", path.read_bytes(), re.DOTALL).groups()
    assert (kind, most) == (b"P6", b"255")
    width, height = int(width), int(height)
    return [tuple(pixels[at:at + 3]) for at in (3 * (height // 2 * width + x) for x in (width // 4, width * 3 // 4))]


def test_key_images_in_colour_are_printed_in_their_colours(centre, tmp_path):
    study = centre.examine("colour", name=NAME)
    images = centre.sql(f"""SELECT s.shown_uid, i.sop_instance_uid FROM study s JOIN series USING (study_id) JOIN instance i USING (series_id)
                            WHERE s.public_id = '{study["id"]}'""")
    reporter = centre.person("reporter")
    task = f"/api/v1/tasks/{study['tasks'][0]['id']}"
    lease = reporter.post(task + "/take").body
    token = {"lease_token": lease["lease_token"]}
    for uid, sop in images:
        assert reporter.post(f"/api/v1/viewer/{uid}/key-images", {"instance": sop, "frame": 1, "is_key": True}).status == 200
    draft = reporter.put(task + "/draft", dict(token, revision=0, body=BODY)).body
    submit = dict(token, revision=draft["revision"], study_version=lease["study_version"], password=reporter.password)
    assert reporter.post(task + "/submit", submit).status == 200
    sign(centre, task)
    paper = paper_of(centre, study, tmp_path)
    assert pictures_in(paper) == [("rgb", "jpeg")] * 3
    run("pdfimages", paper, tmp_path / "picture")
    pictures = sorted(tmp_path.glob("picture*.ppm"))
    assert len(pictures) == 3
    for picture, kind in zip(pictures, ("RGB", "YBR_FULL", "PALETTE COLOR")):
        for got, want in zip(colours_of(picture), dicomgen.HALVES):
            assert all(abs(a - b) <= 6 for a, b in zip(got, want)), f"{kind}: {got} is not {want}"


def test_key_images_that_cannot_be_drawn_are_named_and_delay_nothing(centre, tmp_path):
    study = centre.examine(name=NAME, images=3)
    rows = centre.sql(f"""SELECT s.shown_uid, i.sop_instance_uid, i.object_key FROM study s JOIN series USING (study_id) JOIN instance i USING (series_id)
                          WHERE s.public_id = '{study["id"]}' ORDER BY i.number""")
    reporter = centre.person("reporter")
    task = f"/api/v1/tasks/{study['tasks'][0]['id']}"
    lease = reporter.post(task + "/take").body
    token = {"lease_token": lease["lease_token"]}
    for uid, sop, _ in rows:
        assert reporter.post(f"/api/v1/viewer/{uid}/key-images", {"instance": sop, "frame": 1, "is_key": True}).status == 200
    files = [centre.home / "store" / key[:2] / key[2:4] / key for _, _, key in rows]
    kept = [file.read_bytes() for file in files]
    files[1].unlink()
    files[2].write_bytes(kept[2][:2000])
    draft = reporter.put(task + "/draft", dict(token, revision=0, body=BODY)).body
    submitted = reporter.post(task + "/submit", dict(token, revision=draft["revision"], study_version=lease["study_version"], password=reporter.password))
    for file, data in zip(files, kept):
        file.write_bytes(data)
    assert submitted.status == 200, submitted.body
    sign(centre, task)
    paper = paper_of(centre, study, tmp_path)
    assert pictures_in(paper) == [("gray", "jpeg")]
    text = re.sub(r"\s", "", run("pdftotext", paper, "-"))
    for wanted in ("S1I1", "S1I2", "S1I3", "图像已不在存储中", "图像无法显示"):
        assert wanted in text, f"{wanted} is not in\n{text}"


def test_dciodvfy_finds_no_error(papers):
    for path in (papers.sr, papers.wrapped):
        done = subprocess.run(["dciodvfy", path], capture_output=True, text=True)
        told = done.stdout + done.stderr
        assert not [line for line in told.splitlines() if line.startswith("Error")], told


def test_objects_join_the_study(papers):
    for path in (papers.sr, papers.wrapped):
        dump = run("dcmdump", "+U8", path)
        study = papers.centre.sql("SELECT study_instance_uid FROM study JOIN series USING (study_id) JOIN instance USING (series_id)"
                                  " WHERE instance.origin = 'own' LIMIT 1")[0][0]
        assert f"[{study}]" in dump and SHOWN[1:] in dump, dump
    inner = papers.folder / "inner.pdf"
    run("dcm2pdf", papers.wrapped, inner)
    assert inner.read_bytes() == papers.pdf.read_bytes(), "the PDF inside is another one"


def test_digital_signature_of_the_sr(papers):
    told = subprocess.run(["dcmsign", "--verify", "+cf", papers.centre.home / "keys" / "demo-ca.pem", papers.sr],
                          capture_output=True, text=True)
    assert told.returncode == 0 and "OK" in told.stdout + told.stderr, told
    copy = papers.folder / "renamed.dcm"
    shutil.copy(papers.sr, copy)
    run("dcmodify", "-nb", "-m", "PatientName=OTHER", copy)
    assert subprocess.run(["dcmsign", "--verify", "+cf", papers.centre.home / "keys" / "demo-ca.pem", copy],
                          capture_output=True).returncode != 0, "a changed object passed"


def test_yqctl_knows_its_papers(papers, tmp_path):
    foreign = tmp_path / "foreign.pdf"
    foreign.write_bytes(b"%PDF-1.4\n1 0 obj << >> endobj\nxref\n0 1\n0000000000 65535 f \ntrailer << /Size 1 /Root 1 0 R >>\nstartxref\n30\n%%EOF\n")
    noise = tmp_path / "noise"
    noise.write_bytes(bytes(range(256)) * 4)
    cases = [(papers.pdf, "current"), (papers.sr, "current"), (papers.wrapped, "current"), (papers.candidate, "unissued"),
             (changed(papers.pdf, tmp_path, papers.pdf.read_bytes().index(b"stream\n") + 60), "altered"), (foreign, "unknown")]
    for path, wanted in cases:
        status, told = papers.verify(path)
        assert f'"standing":"{wanted}"' in told.replace(": ", ":"), f"{path}: {told}"
        assert (status == 0) == (wanted == "current"), f"{path}: exit status {status}"
    sr = papers.sr.read_bytes()
    copy = changed(papers.sr, tmp_path, sr.index("右肺下叶结节".encode()) + 2)
    assert "altered" in papers.verify(copy)[1]
    status, told = papers.verify(noise)
    assert status != 0 and "standing" not in told


# --- dying on the way ------------------------------------------------------------------------------------------------------


def dies(centre, point, call):
    """Restarts the gateway so that it kills itself at the point, makes the call, and restarts it whole."""
    centre.restart("yq-gateway", YQ_KILL_AT=point)
    with pytest.raises((http.client.HTTPException, OSError)):
        call()
    centre.wait_ended("yq-gateway")
    centre.start("yq-gateway")


def count_own(centre, study):
    return int(centre.sql("SELECT count(*) FROM instance JOIN series USING (series_id) JOIN study USING (study_id)"
                          f" WHERE instance.origin = 'own' AND study.public_id = '{study['id']}'")[0][0])


def check_whole(centre, study):
    centre.settle()
    state = centre.sql("SELECT t.state, v.state, v.settled_at IS NOT NULL, (SELECT count(*) FROM report_signature s WHERE"
                       " s.report_version_id = v.report_version_id AND voided_at IS NULL) FROM reading_task t JOIN report USING (task_id)"
                       f" JOIN report_version v USING (report_id) WHERE t.public_id = '{study['tasks'][0]['id']}'")
    assert state == [["done", "issued", "t", "2"]], state
    assert count_own(centre, study) == 2
    found = centre.yqctl("store", "check", json=True)
    assert (found["missing"], found["mismatched"], found["orphans"]) == (0, 0, 0), found


@pytest.mark.parametrize("point", ["submit-prepared", "submit-stored"])
def test_dying_while_submitting(centre, point):
    study = centre.examine(name=NAME, images=1)
    reporter = centre.person("reporter")
    task = f"/api/v1/tasks/{study['tasks'][0]['id']}"
    lease = reporter.post(task + "/take").body
    token = {"lease_token": lease["lease_token"]}
    draft = reporter.put(task + "/draft", dict(token, revision=0, body=BODY)).body
    submit = dict(token, revision=draft["revision"], study_version=lease["study_version"], password=reporter.password)
    dies(centre, point, lambda: reporter.post(task + "/submit", submit))
    assert reporter.get(task + "/report").body["report"]["state"] == "draft"
    assert reporter.post(task + "/submit", submit).status == 200
    sign(centre, task)
    check_whole(centre, study)


@pytest.mark.parametrize("point", ["issue-prepared", "issue-stored", "issue-committed", "issue-brought-in"])
def test_dying_while_issuing(centre, point):
    study = centre.examine(name=NAME, images=1)
    task = write_and_submit(centre, study)
    reviewer = centre.person("reviewer")
    token = {"lease_token": reviewer.post(task + "/review").body["lease_token"]}
    issue = dict(token, password=reviewer.password)
    dies(centre, point, lambda: reviewer.post(task + "/sign", issue))
    was_issued = point in ("issue-committed", "issue-brought-in")
    state = reviewer.get(task + "/report").body["report"]["state"]
    assert state == ("issued" if was_issued else "submitted"), "nothing half issued"
    assert reviewer.post(task + "/sign", issue).status == 200, "the same call again"
    check_whole(centre, study)
