"""A series that was opened once opens without its files, corrections and all; what is kept of it may be damaged, removed, or have no room."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import dicomgen  # noqa: E402
import receiving  # noqa: E402
from installation import Installation  # noqa: E402
from messaging import await_true  # noqa: E402

JSON = "application/dicom+json"
SLICES = 12


class Centre:
    def __init__(self, **settings):
        self.home = Installation({"YQ_POLL_INTERVAL": "200 ms", **settings})

    def __enter__(self):
        home = self.home.__enter__()
        receiving.prepare(home)
        home.start("yq-storescp", "yq-gateway")
        done = home.yqctl("account", "add", "reader", "--name", "reader", "--site", "SAMPLE", "--role", "radiographer", json=True)
        self.api = home.api()
        self.api.login("reader", done["password"])
        return self

    def __exit__(self, *what):
        return self.home.__exit__(*what)

    def receive(self, count=SLICES):
        """Study Instance UID of a CT."""
        made, series = dicomgen.Study(), dicomgen.new_uid()
        sent = [receiving.Sent(dicomgen.ct(made, series_uid=series, size=16, number=n + 1, slices=count)) for n in range(count)]
        assert receiving.send(self.home, sent) and all(one.status == 0 for one in sent)
        receiving.await_indexed(self.home)
        return made.study_uid

    def metadata(self, study):
        answer = self.api.get(f"/dicom-web/studies/{study}/metadata", Accept=JSON)
        assert answer.status == 200
        return answer.body

    def kept(self):
        folder = self.home.home / "cache" / "metadata"
        return sorted(folder.iterdir()) if folder.is_dir() else []

    def without_files(self):
        """The store is away while the block runs."""
        return _Away(self.home.home / "store")


class _Away:
    def __init__(self, folder):
        self.folder, self.elsewhere = folder, folder.with_name("store-away")

    def __enter__(self):
        self.folder.rename(self.elsewhere)

    def __exit__(self, *_):
        self.elsewhere.rename(self.folder)


@pytest.fixture(scope="module")
def centre():
    with Centre() as one:
        yield one


def number_of(instance):
    return instance["00200013"]["Value"][0]


def test_what_was_opened_once_opens_without_its_files(centre):
    study = centre.receive()
    first = centre.metadata(study)
    assert [number_of(one) for one in first] == list(range(1, SLICES + 1)) and all("00280010" in one for one in first)
    assert len(centre.kept()) == 1
    with centre.without_files():
        assert centre.metadata(study) == first


def test_a_correction_shows_in_what_is_kept(centre):
    study = centre.receive()
    before = centre.metadata(study)
    centre.home.sql(f"UPDATE identity_claim SET name = 'OTHER^NAME' WHERE claim_id = (SELECT claim_id FROM study WHERE study_instance_uid = '{study}')")
    with centre.without_files():
        after = centre.metadata(study)
    assert {one["00100010"]["Value"][0]["Alphabetic"] for one in after} == {"OTHER^NAME"}
    assert [{tag: value for tag, value in one.items() if tag != "00100010"} for one in after] == \
        [{tag: value for tag, value in one.items() if tag != "00100010"} for one in before]


def test_another_image_makes_another_file(centre):
    made, series = dicomgen.Study(), dicomgen.new_uid()

    def send(first, last):
        sent = [receiving.Sent(dicomgen.ct(made, series_uid=series, size=16, number=n, slices=SLICES)) for n in range(first, last + 1)]
        assert receiving.send(centre.home, sent)
        receiving.await_indexed(centre.home)
    send(1, 9)
    assert len(centre.metadata(made.study_uid)) == 9
    send(10, SLICES)
    assert [number_of(one) for one in centre.metadata(made.study_uid)] == list(range(1, SLICES + 1))


@pytest.mark.parametrize("damage", [lambda text: text[:len(text) // 2], lambda text: b"", lambda text: text.replace(b"\n", b" ", 1),
                                    lambda text: b"9" * 15 + text[15:], lambda text: text[:40] + b"\0" + text[41:], lambda text: b"x" * len(text)],
                         ids=["half", "empty", "no end of a length", "a length beyond all", "a zero byte", "nonsense"])
def test_a_damaged_file_is_made_again(centre, damage):
    study = centre.receive()
    before = set(centre.kept())
    good = centre.metadata(study)
    path, = set(centre.kept()) - before
    text = path.read_bytes()
    path.write_bytes(damage(text))
    assert centre.metadata(study) == good, "read from the objects"
    assert centre.metadata(study) == good and path.read_bytes() == text


def test_who_has_it_already_is_told_so_without_reading_it(centre):
    study = centre.receive()
    target = f"/dicom-web/studies/{study}/metadata"

    def ask(condition=None, header="If-None-Match", **headers):
        return centre.api.get(target, **{"Accept": JSON, **({header: condition} if condition else {}), **headers})
    first = ask()
    tag = first.headers["ETag"]
    assert tag.startswith('"') and first.headers["Cache-Control"] == "private, no-cache", "asked every time"
    with centre.without_files():
        for condition in (tag, "*", f'"x", W/{tag}'):
            got = ask(condition)
            assert (got.status, got.body, got.headers["ETag"]) == (304, b"", tag)
    assert (ask('"x"').status, ask('"x"', "If-Match").status, ask(tag, "If-Match").status) == (200, 412, 200)
    assert ask(**{"Accept-Encoding": "gzip"}).headers["ETag"] != tag, "a strong tag is for the bytes"
    centre.home.sql(f"UPDATE identity_claim SET name = 'THIRD^NAME' WHERE claim_id = (SELECT claim_id FROM study WHERE study_instance_uid = '{study}')")
    after = ask(tag)
    assert (after.status, after.body[0]["00100010"]["Value"][0]["Alphabetic"]) == (200, "THIRD^NAME")
    assert after.headers["ETag"] != tag and ask(after.headers["ETag"]).status == 304


def test_a_late_image_shows_to_who_had_the_others(centre):
    made, series = dicomgen.Study(), dicomgen.new_uid()
    tags = []
    for n in (1, 2):
        assert receiving.send(centre.home, [receiving.Sent(dicomgen.ct(made, series_uid=series, size=16, number=n, slices=2))])
        receiving.await_indexed(centre.home)
        for target, accept in ((f"/studies/{made.study_uid}/metadata", JSON), (f"/studies/{made.study_uid}/series/{series}", "*/*")):
            got = centre.api.get("/dicom-web" + target, **{"Accept": accept, "If-None-Match": ", ".join(tags) or '"x"'})
            assert got.status == 200
            tags.append(got.headers["ETag"])
    assert len(set(tags)) == 4


def test_what_lacked_an_object_does_not_pass_for_the_whole(centre):
    study = centre.receive(3)
    target = f"/dicom-web/studies/{study}/metadata"
    with centre.without_files():
        poor = centre.api.get(target, Accept=JSON)
    assert poor.status == 200 and "00280010" not in poor.body[0]
    whole = centre.api.get(target, **{"Accept": JSON, "If-None-Match": poor.headers["ETag"]})
    assert whole.status == 200 and "00280010" in whole.body[0]


def test_few_images_and_one_instance_are_read_as_they_are(centre):
    before = centre.kept()
    study = centre.receive(3)
    assert len(centre.metadata(study)) == 3
    many = centre.receive()
    series, instance = centre.home.sql(f"""SELECT e.series_instance_uid, i.sop_instance_uid FROM instance i JOIN series e USING (series_id)
        JOIN study s USING (study_id) WHERE s.study_instance_uid = '{many}' LIMIT 1""")[0]
    one = centre.api.get(f"/dicom-web/studies/{many}/series/{series}/instances/{instance}/metadata", Accept=JSON)
    assert one.status == 200 and len(one.body) == 1
    assert centre.kept() == before


def test_an_object_that_is_gone_keeps_nothing(centre):
    before = centre.kept()
    study = centre.receive()
    with centre.without_files():
        assert {tuple(sorted(one))[:2] for one in centre.metadata(study)} == {("00080005", "00080016")}, "what the ledger knows"
    assert centre.kept() == before
    assert all("00280010" in one for one in centre.metadata(study))


def test_it_is_made_when_the_images_are_complete_and_nobody_has_asked():
    with Centre(YQ_QUIET_DEFAULT="300 ms") as one:
        one.home.start("yq-router")
        study = one.receive()
        await_true("it is made", lambda: [path for path in one.kept() if path.suffix != ".new"])
        with one.without_files():
            assert all("00280010" in instance for instance in one.metadata(study))


def test_what_is_kept_has_its_room(tmp_path):
    with Centre(YQ_METADATA_CACHE="60 KiB") as one:
        studies = [one.receive() for _ in range(4)]
        for study in studies:
            one.metadata(study)
            assert sum(path.stat().st_size for path in one.kept()) <= 60 * 1024
        assert 1 <= len(one.kept()) < 4
        with one.without_files():
            assert all("00280010" in instance for instance in one.metadata(studies[-1])), "the last one used is there"
    with Centre(YQ_METADATA_CACHE="0 B") as one:
        assert len(one.metadata(one.receive())) == SLICES and one.kept() == []
