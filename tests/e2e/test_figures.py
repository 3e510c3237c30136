"""The cockpit: page, rows and export say the same; who sees whose figures; the export as a spreadsheet program opens it."""

import io
import pathlib
import re
import sys
import uuid

import openpyxl
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from tests.support.installation import TREE, Installation  # noqa: E402
from tests.support.scene import Scene  # noqa: E402

PERIOD = "from=2026-03-01&to=2026-03-31"
HOSTILE = "=HYPERLINK(\"http://x\",\"y\")\u202e<img onerror>𠮷"


def fill(home, scene):
    """Reports of March at E1 and E2, most of them issued, with every kind of mark. Behind the back of the programs: how a report
    comes about is not the matter here."""
    script = ["SET session_replication_role = replica;"]
    for n in range(30):
        site = "E1" if n % 3 else "E2"
        day = f"2026-03-{1 + n % 28:02d}"
        study, task = uuid.uuid4(), uuid.uuid4()
        klass = ["outpatient", "emergency", "health_check", "inpatient"][n % 4]
        mode = ["central", "local_draft", "local"][n % 3]
        script.append(f"""
            INSERT INTO study (public_id, site_id, study_instance_uid, claim_id, state, patient_class, reading_mode, modality,
                               first_arrival_at, last_arrival_at, completed_at)
            SELECT '{study}', c.site_id, '2.25.{study.int}', c.claim_id, 'complete', '{klass}', '{mode}', '{"CT" if n % 2 else "DX"}',
                   '{day} 08:00+08', '{day} 08:01+08', '{day} 08:06+08'
            FROM identity_claim c JOIN scope s ON s.scope_id = c.site_id WHERE s.public_id = '{scene.scopes[site]}' LIMIT 1;
            INSERT INTO reading_task (public_id, site_id, study_id, queue_id, reading_mode, patient_class, state, study_version, opened_at,
                                      due_at, first_taken_at, done_at)
            SELECT '{task}', s.site_id, s.study_id, q.queue_id, '{mode}', '{klass}', 'done', 1, '{day} 08:06+08', '{day} 09:06+08',
                   '{day} 08:16+08', '{day} 08:36+08'
            FROM study s, reading_queue q WHERE s.public_id = '{study}' AND q.public_id = '{scene.queues["east"]}';""")
        if n % 5 == 4:
            continue
        script.append(f"""
            INSERT INTO report (site_id, study_id, task_id) SELECT site_id, study_id, task_id FROM reading_task WHERE public_id = '{task}';
            INSERT INTO report_version (site_id, report_id, version, state, body, study_version, author_id, reviewer_id, policy_version_id,
                                        canonical, content_sha256, submitted_at, issued_at)
            SELECT r.site_id, r.report_id, 1, 'issued',
                   '{{"result": "{"positive" if n % 4 == 1 else "negative"}", "quality_grade": "{"甲" if n % 2 else "乙"}"}}', 1,
                   a.person_id, b.person_id, v.policy_version_id, 'x', sha256('x'), '{day} 08:26+08',
                   '{day} {"08:36" if n % 7 else "09:36"}+08'
            FROM report r JOIN reading_task t USING (task_id), person a, person b, signing_policy_version v JOIN signing_policy p USING (policy_id)
            WHERE t.public_id = '{task}' AND a.account = 'reporter{1 + n % 2}' AND b.account = 'reviewer1' AND p.name = 'two of east';
            INSERT INTO receipt (site_id, report_version_id, kind, person_id, at_site_id, at)
            SELECT v.site_id, v.report_version_id, 'opened', p.person_id, v.site_id, '{day} 10:00+08'
            FROM report_version v JOIN report r USING (report_id) JOIN reading_task t USING (task_id), person p
            WHERE t.public_id = '{task}' AND p.account = 'clinician1';""")
    for n, state in enumerate(["raised", "closed", "read_back"]):
        script.append(f"""
            INSERT INTO critical_value (site_id, study_id, item, state, raised_by, raised_at, confirm_by, read_back, read_back_at, handling,
                                        handled_at)
            SELECT s.site_id, s.study_id, 'x', '{state}', p.person_id, '2026-03-10 08:00+08', '2026-03-10 08:10+08', 'y',
                   '2026-03-10 08:0{n}+08', 'z', '2026-03-10 09:00+08'
            FROM study s, person p WHERE s.public_id = '{scene.studies["E1"]}' AND p.account = 'reporter1';""")
    script.append(f"UPDATE person SET name = '{HOSTILE}' WHERE account = 'reporter2';")
    home.sql("BEGIN;" + "\n".join(script) + "COMMIT;")


@pytest.fixture(scope="module")
def home():
    with Installation() as installation:
        installation.scene = Scene(installation)
        fill(installation, installation.scene)
        installation.start("yq-gateway")
        yield installation


@pytest.fixture(scope="module")
def scene(home):
    return home.scene


@pytest.fixture(scope="module")
def admin(scene):
    return scene.login("administrator1")


@pytest.fixture(scope="module")
def figures(admin):
    got = admin.get(f"/api/v1/figures?{PERIOD}")
    assert got.status == 200
    return got.body


def all_rows(api, figure, more="", limit=7):
    """Every page of the rows, as dictionaries."""
    found, after = [], ""
    while after is not None:
        got = api.get(f"/api/v1/figures/{figure}/rows?{PERIOD}&limit={limit}{more}" + (f"&after={after}" if after else ""))
        assert got.status == 200, got.body
        found += [dict(zip(got.body["columns"], row)) for row in got.body["rows"]]
        after = got.body["next"]
        assert len(found) < 1000
    return found


def ratios(figures):
    return {one["figure"]: one["ratio"] for one in figures["rates"]} | {
        "in_time_centre": figures["in_time"]["centre"], "in_time_site": figures["in_time"]["site"]}


# --- page and rows ------------------------------------------------------------------------------------------------------


def test_the_page_counts_what_there_is(home, figures):
    assert (figures["studies"], figures["reports"]) == (30, 24)
    assert sum(day["studies"] for day in figures["volume"]) == 30 and len(figures["volume"]) == 31
    assert sum(cell["studies"] for cell in figures["heat"]) == 30 and len(figures["heat"]) == 168
    assert all(cell["hour"] == 8 for cell in figures["heat"] if cell["studies"]), "hours are those of the installation's zone"
    assert {s["site"]["code"]: s["studies"] for s in figures["sites"]} == {"E0": 0, "E1": 20, "E2": 10}, "nothing sent is zero, not missing"
    open_values = home.sql("SELECT count(*) FROM critical_value JOIN site USING (site_id) WHERE code LIKE 'E%' AND state <> 'closed'")
    assert figures["open_critical_values"] == int(open_values[0][0]) >= 2
    got = ratios(figures)
    # 30 studies of which every fifth has no report; the seventh ones (0, 7, 14, 21, 28) came too late, 14 has no report.
    assert got["in_time_centre"] == {"numerator": 20, "denominator": 24, "value": 0.8333}
    assert got["critical_in_time"] == {"numerator": 3, "denominator": 3, "value": 1.0}
    assert got["critical_closed"] == {"numerator": 1, "denominator": 3, "value": 0.3333}


def test_every_ratio_is_its_rows(admin, figures):
    for figure, ratio in ratios(figures).items():
        rows = all_rows(admin, figure)
        assert (figure, len(rows), sum(row["counted"] for row in rows)) == (figure, ratio["denominator"], ratio["numerator"])


def test_every_leg_is_its_rows(admin, figures):
    for leg in figures["turnaround"]:
        rows = all_rows(admin, "turnaround_" + leg["leg"])
        assert len(rows) == leg["count"] > 0
        seconds = sorted(row["seconds"] for row in rows)
        middle = (seconds[(len(seconds) - 1) // 2] + seconds[len(seconds) // 2]) / 2
        assert leg["median_s"] == middle


def test_volume_is_its_rows(admin, figures):
    assert len(all_rows(admin, "volume")) == figures["studies"]
    assert len(all_rows(admin, "reports")) == len(all_rows(admin, "workload")) == figures["reports"]


def test_rows_of_a_site_and_a_mode(admin, scene, figures):
    of_site = all_rows(admin, "volume", f"&site={scene.scopes['E2']}")
    assert len(of_site) == 10 and {row["site"] for row in of_site} == {"E2"}
    for mode in ("central", "local_draft", "local"):
        page = admin.get(f"/api/v1/figures?{PERIOD}&mode={mode}").body
        rows = all_rows(admin, "volume", f"&mode={mode}")
        assert page["modes"] == [mode] and page["studies"] == len(rows) and {row["reading_mode"] for row in rows} == {mode}


def test_rows_name_no_patient(admin):
    for figure in ("volume", "critical_in_time", "coverage_rate", "turnaround_site"):
        assert "张" not in str(all_rows(admin, figure)) and "ZHANG" not in str(all_rows(admin, figure))


def test_a_page_too_many_is_refused(admin):
    for query in ("limit=0", "limit=1001", "limit=x", "after=x", "site=x", "from=2026-13-01", "from=2026-03-02&to=2026-03-01",
                  "from=1999-01-01&to=2026-01-01", "mode=", "mode=central,", "mode=all", "community=x"):
        assert (query, admin.get(f"/api/v1/figures/volume/rows?{query}").status) == (query, 400)


# --- whose eyes ---------------------------------------------------------------------------------------------------------


def test_another_community_is_not_there(home, scene, admin):
    west = scene.scopes["west"]
    for path in (f"/api/v1/figures?community={west}", f"/api/v1/figures/volume/rows?community={west}",
                 f"/api/v1/figures/export?table=sites&community={west}", f"/api/v1/figures?community={uuid.uuid4()}"):
        got = admin.get(path)
        assert (path, got.status, got.body["detail"]) == (path, 404, "there is no such community")
    assert [c["name"] for c in admin.get("/api/v1/figures").body["communities"]] == ["east"]


def test_a_right_over_patients_shows_no_figures(home, scene):
    """Who administers the west and reads in the east sees the figures of the west alone; who leads one site sees that site's."""
    scene.person("administrator8", "W0", [("administrator", "west"), ("reporter", "east"), ("radiographer", "E1")])
    scene.person("leader8", "E1", [("duty_leader", "E1")])
    scene.flush()
    west = scene.login("administrator8").get(f"/api/v1/figures?{PERIOD}").body
    assert [c["name"] for c in west["communities"]] == ["west"] and west["studies"] == 0
    api = scene.login("leader8")
    one = api.get(f"/api/v1/figures?{PERIOD}").body
    assert [s["site"]["code"] for s in one["sites"]] == ["E1"] and one["studies"] == 20 == len(all_rows(api, "volume"))


def test_looking_at_rows_is_audited(home, admin):
    count = "SELECT count(*) FROM audit WHERE action = '{}' AND subject = '{}'"
    before = int(home.sql(count.format("figure.rows", "retake_rate"))[0][0])
    assert admin.get("/api/v1/figures/retake_rate/rows").status == 200
    assert int(home.sql(count.format("figure.rows", "retake_rate"))[0][0]) == before + 1


# --- export -------------------------------------------------------------------------------------------------------------


def export(api, table, more="", language="zh-CN"):
    got = api.get(f"/api/v1/figures/export?table={table}&{PERIOD}&language={language}{more}")
    assert got.status == 200
    assert got.headers["Content-Type"] == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    assert re.fullmatch(r"attachment; filename=\"figures.xlsx\"; filename\*=UTF-8''[A-Za-z0-9%._~-]+\.xlsx",
                        got.headers["Content-Disposition"])
    sheet = openpyxl.load_workbook(io.BytesIO(got.body)).active
    assert all(cell.data_type != "f" and cell.hyperlink is None for row in sheet for cell in row), "nothing is a formula or a link"
    header = int(re.fullmatch(r"A(\d+)", sheet.freeze_panes).group(1)) - 1
    names = [cell.value for cell in sheet[header]]
    rows = [[cell.value for cell in row][:len(names)] for row in sheet.iter_rows(min_row=header + 1)]
    head = [sheet.cell(row=n, column=1).value for n in range(1, header)]
    return sheet, head, names, rows


def seconds(value):
    if value is None or isinstance(value, (int, float)):
        return None if value is None else round(value * 86400)
    if hasattr(value, "total_seconds"):
        return round(value.total_seconds())
    return value.hour * 3600 + value.minute * 60 + value.second


def whole(value):
    return None if value is None else round(value)


def parts(ratio):
    return [ratio["numerator"], ratio["denominator"], ratio["value"]]


def test_the_sites_as_shown(admin, figures):
    _, head, names, rows = export(admin, "sites")
    assert head[0] == "影桥 驾驶舱 机构明细" and head[1] == "医共体：east" and "2026-03-01" in head[2] and "2026-03-31" in head[2]
    assert any("阳性率 (v1)" in line and "分母 = 统计期内发布、标明阳性或阴性的报告，体检除外" in line for line in head if line)
    want = [[s["site"]["code"], s["studies"], s["reports"], *parts(s["in_time"]), *parts(s["positive"]), *parts(s["grade_a"])]
            for s in figures["sites"]]
    assert [[row[0], *row[5:16]] for row in rows] == want
    assert names[0] == "机构编码" and len(rows) == 3


def test_the_workload_as_shown(admin, figures):
    _, _, _, rows = export(admin, "workload")
    want = [[w["person"]["name"], w["site"]["name"], w["written"], w["reviewed"], whole(w["median_writing_s"])] for w in figures["workload"]]
    assert [[*row[:4], seconds(row[4])] for row in rows] == want
    assert HOSTILE in [row[0] for row in rows], "what looks like a formula is the text that it is"


def test_the_turnaround_as_shown(admin, figures):
    _, _, _, rows = export(admin, "turnaround")
    legs, classes = rows[:7], rows[7:]
    assert [[row[5], seconds(row[9]), seconds(row[10])] for row in legs] == [
        [leg["count"], whole(leg["median_s"]), whole(leg["p90_s"])] for leg in figures["turnaround"]]
    assert [[row[2], row[3], *row[5:9], seconds(row[9]), seconds(row[10])] for row in classes] == [
        [c["modality"], c["limit_minutes"], c["count"], *parts(c["in_time"]), whole(c["median_s"]), whole(c["p90_s"])]
        for c in figures["turnaround_by_class"]]


def test_the_coverage_as_shown(admin):
    _, _, _, rows = export(admin, "coverage")
    page = admin.get(f"/api/v1/coverage?{PERIOD}").body["communities"][0]
    want = [[s["code"], s["echoes"], s["images"], s["reports"], "是" if s["is_served"] else "否"] for s in page["site_list"]]
    assert [[row[0], *row[5:8], row[9]] for row in rows] == want
    assert sum(row[7] for row in rows) > 0


def test_the_rows_as_shown(admin):
    for figure in ("positive_rate", "turnaround_centre", "critical_closed", "coverage_rate"):
        _, _, names, rows = export(admin, "rows", f"&figure={figure}")
        page = all_rows(admin, figure)
        assert len(rows) == len(page) and len(names) == len(page[0])
        for name in ("首幅图像", "发布"):
            if name in names:
                shown = [row[names.index(name)].strftime("%Y-%m-%dT%H:%M:%S") for row in rows]
                assert shown == [row["first_image_at" if name == "首幅图像" else "issued_at"][:19] for row in page]
        if "counted" in page[0]:
            assert [row[-1] for row in rows] == ["是" if row["counted"] else "否" for row in page]


def test_an_empty_period_is_an_empty_table(admin):
    got = admin.get("/api/v1/figures/export?table=rows&figure=positive_rate&from=2020-01-01&to=2020-01-31")
    assert got.status == 200 and openpyxl.load_workbook(io.BytesIO(got.body)).active.max_row > 4


def test_in_english_no_chinese_but_data(admin):
    for table in ("sites", "turnaround", "coverage", "rows&figure=critical_in_time"):
        _, head, names, rows = export(admin, table, language="en")
        text = str(head).replace("提交诊断", "").replace("甲, 优 or 良", "") + str(names) + str(rows)
        assert not re.search(r"[\u4e00-\u9fff]", text), re.search(r".{20}[\u4e00-\u9fff]+", text)


def test_bad_exports_are_refused(admin):
    for query in ("", "table=x", "table=rows", "table=sites&language=fr", "table=sites&from=x"):
        assert (query, admin.get(f"/api/v1/figures/export?{query}").status) == (query, 400)
    assert admin.get("/api/v1/figures/export?table=rows&figure=nonsense").status == 404


# --- definitions --------------------------------------------------------------------------------------------------------


def test_the_book_says_what_the_ledger_says(admin):
    """docs/figures.md holds the definitions in force, word by word."""
    book = (TREE / "docs" / "figures.md").read_text()
    definitions = admin.get("/api/v1/figure-definitions").body["definitions"]
    assert len(definitions) > 15
    for one in definitions:
        for line in (f"### `{one['figure']}` {one['name_zh']} – {one['name_en']} (v{one['version']})",
                     f"- 分子：{one['numerator']}", f"- 分母：{one['denominator']}",
                     f"- numerator: {one['numerator_en']}", f"- denominator: {one['denominator_en']}"):
            assert line in book.splitlines()
    assert book.count("\n### ") == len(definitions)


def test_every_figure_served_is_defined(admin, figures):
    known = {one["figure"] for one in admin.get("/api/v1/figure-definitions").body["definitions"]}
    served = set(ratios(figures)) | {"turnaround_" + leg["leg"] for leg in figures["turnaround"]} | {"volume", "reports", "workload", "coverage_rate"}
    assert served == known
