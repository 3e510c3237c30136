"""WADO-RS in every transfer syntax that DCMTK's tools make, against what DCMTK's own decoders (and OpenJPEG's) make of the same files; pictures, ranges,
conditions, and requests that lie."""

import http.client
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import zlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import dicomgen  # noqa: E402
import moving  # noqa: E402
from tests.support.dicomraw import Association  # noqa: E402
from tests.support.dicomweb import JSON, ROOT, Centre, parts  # noqa: E402
from tests.support.receiving import await_indexed  # noqa: E402

SHARED = pathlib.Path(os.environ.get("YQ_SAMPLES") or pathlib.Path(__file__).resolve().parents[3] / "shared" / "data")
BIG_ENDIAN = "1.2.840.10008.1.2.2"
JPEG_BASELINE, JPEG_EXTENDED, JPEG_PROCESS14, JPEG_LOSSLESS = (f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70))
JPEG_LS, JPEG_LS_LOSSY, JPEG_2000, HTJ2K = (f"1.2.840.10008.1.2.4.{n}" for n in (80, 81, 90, 201))
RLE = "1.2.840.10008.1.2.5"
STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'
OCTETS = 'multipart/related; type="application/octet-stream"'

# transfer syntax: program that makes it, program that undoes it, media type of its frames
CODERS = {
    dicomgen.EXPLICIT: (["cp"], ["cp"], None),
    dicomgen.IMPLICIT: (["dcmconv", "+ti"], ["dcmconv", "+te"], None),
    BIG_ENDIAN: (["dcmconv", "+tb"], ["dcmconv", "+te"], None),
    dicomgen.DEFLATED: (["dcmconv", "+td"], ["dcmconv", "+te"], None),
    JPEG_BASELINE: (["dcmcjpeg", "+eb", "+un"], ["dcmdjpeg"], "image/jpeg"),
    JPEG_EXTENDED: (["dcmcjpeg", "+ee", "+un"], ["dcmdjpeg"], "image/jpeg"),
    JPEG_PROCESS14: (["dcmcjpeg", "+el"], ["dcmdjpeg"], "image/jpeg"),
    JPEG_LOSSLESS: (["dcmcjpeg", "+e1"], ["dcmdjpeg"], "image/jpeg"),
    JPEG_LS: (["dcmcjpls"], ["dcmdjpls"], "image/jls"),
    JPEG_LS_LOSSY: (["dcmcjpls", "+en", "+un"], ["dcmdjpls"], "image/jls"),
    RLE: (["dcmcrle"], ["dcmdrle"], "image/dicom-rle"),
}


def run(*command):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True).stdout


def elements(dataset):
    """tag -> (VR, bytes) of the top level of a dataset in explicit VR little endian, without sequences; fragments joined."""
    found, at = {}, 0
    while at + 8 <= len(dataset):
        group, element = struct.unpack_from("<HH", dataset, at)
        vr = dataset[at + 4:at + 6].decode()
        long_one = vr in dicomgen.LONG_VRS
        length, = struct.unpack_from("<I", dataset, at + 8) if long_one else struct.unpack_from("<H", dataset, at + 6)
        at += 12 if long_one else 8
        if length == 0xFFFFFFFF and vr != "SQ":
            fragments, at = items(dataset, at)
            found[group << 16 | element] = (vr, fragments)
            continue
        if length == 0xFFFFFFFF:
            at = dataset.index(b"\xfe\xff\xdd\xe0\0\0\0\0", at) + 8  # of one level, as these objects have
            continue
        found[group << 16 | element] = (vr, dataset[at:at + length])
        at += length
    return found


def items(dataset, at):
    fragments = []
    while True:
        tag, length = struct.unpack_from("<II", dataset, at)
        at += 8
        if tag == 0xE0DDFFFE:
            return fragments, at
        fragments.append(dataset[at:at + length])
        at += length


def pixels_of(content):
    """(transfer syntax, pixels) of a part 10 file."""
    meta, dataset = dicomgen.split_part10(content)
    return meta[0x00020010].rstrip(b"\0").decode(), elements(dataset)[0x7FE00010][1]


def colours(folder, **about):
    """A loop in red, green and blue, as make_study() has it in grey."""
    study = dicomgen.Study(**about)
    dataset = dicomgen.us(study)
    grey = dataset[0x7FE00010][1]
    dataset.put(0x00280002, "US", 3).put(0x00280004, "CS", "RGB").put(0x00280006, "US", 0)
    dataset.put(0x7FE00010, "OB", bytes(value for at, one in enumerate(grey) for value in (one, 255 - one, at % 48 * 5)))
    return {"study_instance_uid": study.study_uid, "files": [dicomgen.write_part10(str(folder / "colours.dcm"), dataset)]}


class Image:
    def __init__(self, folder, kind, syntax, options=(), **about):
        self.syntax, (self.coder, self.decoder, self.media) = syntax, CODERS[syntax]
        made = colours(folder, **about) if kind == "colours" else dicomgen.make_study(str(folder), kind, size=64, images=1, **about)
        self.study, one = made["study_instance_uid"], made["files"][0]
        self.sop_class, self.uid, self.series = one["sop_class_uid"], one["sop_instance_uid"], one["series_instance_uid"]
        path, self.plain = folder / "coded.dcm", folder / "decoded.dcm"
        run(*self.coder, *options, one["path"], path)
        run(*self.decoder, path, self.plain)
        self.pixels = pixels_of(self.plain.read_bytes())[1]
        self.frames, self.is_grey = 1 if kind == "ct-chest" else 4, kind != "colours"
        self.size = len(self.pixels) // self.frames
        self.dataset = dicomgen.split_part10(path.read_bytes())[1]

    @property
    def address(self):
        return f"{ROOT}/studies/{self.study}/series/{self.series}/instances/{self.uid}"

    def frame(self, number):
        return self.pixels[(number - 1) * self.size:number * self.size]


def put(centre, sop_class, uid, dataset, syntax):
    with Association("127.0.0.1", centre.dicom_port, "DEMO_DR", "YINGQIAO", [(sop_class, [syntax])]) as peer:
        return peer.store(sop_class, uid, dataset, syntax)


# Of 16 bits no baseline, of 8 bits no extended one.
KINDS = [(kind, syntax) for kind in ("ct-chest", "us", "colours") for syntax in CODERS
         if syntax != (JPEG_BASELINE if kind == "ct-chest" else JPEG_EXTENDED)]


@pytest.fixture(scope="module")
def centre(tmp_path_factory):
    with Centre() as installation:
        installation.images = {}
        for number, (kind, syntax) in enumerate(KINDS):
            image = Image(tmp_path_factory.mktemp("image"), kind, syntax, name="WANG^WU=王^五", patient_id=f"S{number:03d}", seed=number)
            assert put(installation, image.sop_class, image.uid, image.dataset, syntax) == 0
            installation.images[kind, syntax] = image
        await_indexed(installation)
        yield installation


@pytest.fixture(scope="module")
def api(centre):
    return centre.person("reporter")


@pytest.fixture(params=KINDS, ids=lambda kind: " ".join(kind))
def image(centre, request):
    return centre.images[request.param]


@pytest.fixture(scope="module")
def ct(centre):
    return centre.images["ct-chest", dicomgen.EXPLICIT]


@pytest.fixture(scope="module")
def loop(centre):
    """Frames, compressed."""
    return centre.images["us", JPEG_LS]


# ---- objects ---------------------------------------------------------------------------------------------------------------


def test_who_names_no_syntax_gets_pixels(api, image):
    for accept in ("application/dicom", f"application/dicom; transfer-syntax={dicomgen.EXPLICIT}"):
        got = api.get(image.address, Accept=accept)
        assert (got.status, got.headers["Content-Type"]) == (200, f"application/dicom; transfer-syntax={dicomgen.EXPLICIT}")
        assert pixels_of(got.body) == (dicomgen.EXPLICIT, image.pixels)
    (headers, body), = parts(api.get(image.address, Accept="*/*"))
    assert headers["Content-Type"].endswith("=" + dicomgen.EXPLICIT) and pixels_of(body)[1] == image.pixels
    assert f"/instances/{image.uid}" in headers["Content-Location"]


def test_bytes_as_stored(api, image):
    for syntax in {"*", image.syntax}:
        got = api.get(image.address, Accept=f"application/dicom; transfer-syntax={syntax}")
        assert got.headers["Content-Type"] == f"application/dicom; transfer-syntax={image.syntax}"
        assert dicomgen.split_part10(got.body)[1] == image.dataset
    (_, body), = parts(api.get(f"{ROOT}/studies/{image.study}", Accept=STORED))
    assert dicomgen.split_part10(body)[1] == image.dataset


@pytest.mark.parametrize("syntax, undo", [(JPEG_LOSSLESS, "dcmdjpeg"), (JPEG_LS, "dcmdjpls"), (dicomgen.IMPLICIT, "dcmconv")])
def test_objects_are_compressed_for_who_asks(api, ct, tmp_path, syntax, undo):
    got = api.get(ct.address, Accept=f"application/dicom; transfer-syntax={syntax}")
    assert got.headers["Content-Type"].endswith("=" + syntax)
    (tmp_path / "got.dcm").write_bytes(got.body)
    run(undo, *(["+te"] if undo == "dcmconv" else []), tmp_path / "got.dcm", tmp_path / "plain.dcm")
    assert pixels_of((tmp_path / "plain.dcm").read_bytes())[1] == ct.pixels


@pytest.mark.parametrize("accept, content_type", [
    (f"application/dicom; transfer-syntax={HTJ2K}, application/dicom; transfer-syntax={JPEG_LS}", JPEG_LS),
    (f"application/dicom; transfer-syntax={JPEG_LS}; q=0.2, application/dicom; transfer-syntax={JPEG_LOSSLESS}; q=0.3", JPEG_LOSSLESS),
    (f"application/dicom; transfer-syntax={JPEG_LS}; q=0, application/dicom; q=0.001", dicomgen.EXPLICIT),
    (f"text/html, application/dicom;transfer-syntax=\"{JPEG_LS}\"", JPEG_LS),
])
def test_the_best_of_what_is_taken(api, ct, accept, content_type):
    assert api.get(ct.address, Accept=accept).headers["Content-Type"] == f"application/dicom; transfer-syntax={content_type}"


def test_the_query_says_what_is_taken_too(api, ct):
    got = api.get(ct.address + "?accept=application/dicom%3Btransfer-syntax%3D" + JPEG_LS, Accept="text/html")
    assert got.headers["Content-Type"].endswith("=" + JPEG_LS)


def test_what_cannot_be_made_is_406_with_what_can(api, image):
    got = api.get(image.address, Accept=f"application/dicom; transfer-syntax={HTJ2K}")
    assert got.status == 406 and "transfer-syntax=*" in got.body["detail"] and dicomgen.EXPLICIT in got.body["detail"]


def signed(folder):
    """A compressed object with a sequence of signatures; whether they hold is nobody's matter here."""
    made = dicomgen.make_study(str(folder), "ct-chest", size=64, images=1, name="QIAN^ER=钱^二", patient_id="S900")
    one = made["files"][0]
    run("dcmcjpls", one["path"], folder / "packed.dcm")
    dataset = dicomgen.split_part10((folder / "packed.dcm").read_bytes())[1]
    dataset += struct.pack("<HH2sHI", 0xFFFA, 0xFFFA, b"SQ", 0, 0)
    return made, one, dataset


def test_signed_objects_are_given_as_they_are_or_not_at_all(centre, api, tmp_path):
    made, one, dataset = signed(tmp_path)
    assert put(centre, one["sop_class_uid"], one["sop_instance_uid"], dataset, JPEG_LS) == 0
    await_indexed(centre)
    target = f"{ROOT}/studies/{made['study_instance_uid']}/series/{one['series_instance_uid']}/instances/{one['sop_instance_uid']}"
    for accept in ("application/dicom", "application/dicom; transfer-syntax=*"):
        got = api.get(target, Accept=accept)
        assert got.headers["Content-Type"].endswith("=" + JPEG_LS) and dicomgen.split_part10(got.body)[1] == dataset
    got = api.get(target, Accept=f"application/dicom; transfer-syntax={dicomgen.EXPLICIT}")
    assert got.status == 406 and "signed" in got.body["detail"]


def test_corrections_are_in_the_object(centre, api, tmp_path):
    image = Image(tmp_path, "us", JPEG_LS, name="WU^MING=吴^明", patient_id="S901", charset="gb18030-as-latin1")
    assert put(centre, image.sop_class, image.uid, image.dataset, JPEG_LS) == 0
    await_indexed(centre)
    radiographer = centre.person("radiographer")
    study, = [one for one in radiographer.get("/api/v1/studies?limit=200").body["studies"] if one["study_instance_uid"] == image.study]
    what = {"kind": "edit_patient", "patient": {"name": "吴敏", "sex": "F"}}
    preview = radiographer.post(f"/api/v1/studies/{study['id']}/corrections/preview", what)
    done = radiographer.post(f"/api/v1/studies/{study['id']}/corrections", {**what, "reason": "登记时弄错了", "revision": preview.body["revision"]})
    assert done.status == 201, done
    before = api.get(image.address, Accept="application/dicom; transfer-syntax=*")
    assert dicomgen.split_part10(before.body)[1] == image.dataset
    got = api.get(image.address, Accept="application/dicom")
    assert pixels_of(got.body) == (dicomgen.EXPLICIT, image.pixels)
    shown, was = elements(dicomgen.split_part10(got.body)[1]), elements(image.dataset)
    assert shown[0x00100010][1].decode().strip() == "=吴敏" and shown[0x00100040][1].strip() == b"F"
    assert shown[0x00080005][1].strip() == b"ISO_IR 192"
    assert shown[0x00080080][1].decode().strip() == was[0x00080080][1].decode("gb18030").strip() == "台山市示例镇卫生院"
    assert got.headers["ETag"] != before.headers["ETag"]
    (_, body), = parts(api.get(f"{ROOT}/studies/{image.study}", Accept="*/*"))
    assert body == got.body
    (tmp_path / "got.dcm").write_bytes(got.body)
    assert b"ISO_IR 192" in run("dcmdump", tmp_path / "got.dcm")


# ---- frames ----------------------------------------------------------------------------------------------------------------


def test_frames_are_decoded(api, image):
    for accept in (OCTETS, OCTETS + f"; transfer-syntax={dicomgen.EXPLICIT}"):
        got = parts(api.get(f"{image.address}/frames/{','.join(str(n + 1) for n in range(image.frames))}", Accept=accept))
        assert [body for _, body in got] == [image.frame(n + 1) for n in range(image.frames)]
        assert got[0][0]["Content-Type"] == f"application/octet-stream; transfer-syntax={dicomgen.EXPLICIT}"
    alone = api.get(f"{image.address}/frames/{image.frames}", Accept="application/octet-stream")
    assert alone.body == image.frame(image.frames)


@pytest.mark.parametrize("has_table", [True, False])
def test_frames_in_many_fragments(centre, api, tmp_path, has_table):
    # Whether a frame takes two fragments is a matter of its noise.
    image = Image(tmp_path, "colours", JPEG_LS, ("+fs", "1"), name="LI^BA=李^八", patient_id="S904", seed=904)
    fragments = elements(image.dataset)[0x7FE00010][1]
    assert len(fragments) > 1 + 2 * image.frames and len(fragments[0]) == 4 * image.frames
    if not has_table:  # DCMTK's own tool does not always read what it wrote without one
        table = struct.pack("<HHI", 0xFFFE, 0xE000, len(fragments[0])) + fragments[0]
        image.dataset = image.dataset.replace(table, struct.pack("<HHI", 0xFFFE, 0xE000, 0))
    assert put(centre, image.sop_class, image.uid, image.dataset, JPEG_LS) == 0
    await_indexed(centre)
    assert pixels_of(api.get(image.address, Accept="application/dicom").body) == (dicomgen.EXPLICIT, image.pixels)
    got = parts(api.get(image.address + "/frames/1,4", Accept=OCTETS))
    assert [body for _, body in got] == [image.frame(1), image.frame(4)]
    coded, = parts(api.get(image.address + "/frames/4", Accept=OCTETS + "; transfer-syntax=*"))
    assert b"".join(fragments).endswith(coded[1])
    assert samples_of(api.get(image.address + "/frames/4/rendered", Accept="image/png").body) == image.frame(4)


def test_frames_as_stored(api, image):
    if image.media is None:
        (headers, body), = parts(api.get(image.address + "/frames/1", Accept=OCTETS + "; transfer-syntax=*"))
        assert headers["Content-Type"] == f"application/octet-stream; transfer-syntax={dicomgen.EXPLICIT}" and body == image.frame(1)
        return
    stored = elements(image.dataset)[0x7FE00010][1][1:]
    for accept in (OCTETS + "; transfer-syntax=*", f'multipart/related; type="{image.media}"',
                   f'multipart/related; type="{image.media}"; transfer-syntax={image.syntax}', "*/*"):
        got = parts(api.get(image.address + "/frames/1", Accept=accept))
        assert [(headers["Content-Type"], body) for headers, body in got] == [(f"{image.media}; transfer-syntax={image.syntax}", stored[0])]
    alone = api.get(image.address + "/frames/1", Accept=image.media)
    assert (alone.headers["Content-Type"], alone.body) == (f"{image.media}; transfer-syntax={image.syntax}", stored[0])


@pytest.mark.parametrize("media, syntax", [("image/jpeg", JPEG_LOSSLESS), ("image/jls", JPEG_LS)])
def test_frames_are_compressed_for_who_asks(api, ct, tmp_path, media, syntax):
    (headers, body), = parts(api.get(ct.address + "/frames/1", Accept=f'multipart/related; type="{media}"'))
    assert headers["Content-Type"] == f"{media}; transfer-syntax={syntax}"
    whole = api.get(ct.address, Accept=f"application/dicom; transfer-syntax={syntax}").body
    assert pixels_of(whole)[1][1:] == [body]


def test_what_frames_cannot_be_is_406_with_what_they_can(api, image):
    got = api.get(image.address + "/frames/1", Accept='multipart/related; type="image/jphc"')
    assert got.status == 406 and "application/octet-stream" in got.body["detail"]
    assert api.get(image.address + "/frames/1", Accept='multipart/related; type="image/gif"').status == 406


def test_values_come_alone_or_in_parts(api, ct):
    alone = api.get(ct.address + "/bulkdata/7FE00010")
    (headers, body), = parts(api.get(ct.address + "/bulkdata/7FE00010", Accept=OCTETS))
    assert alone.body == body == ct.pixels and alone.headers["Content-Type"] == headers["Content-Type"] == "application/octet-stream"


def test_bulk_data_of_pixels_comes_frame_by_frame_where_it_is_coded(api, image):
    target, numbers = image.address + "/bulkdata/7FE00010", range(1, image.frames + 1)
    alone = api.get(target, Accept="application/octet-stream")
    assert (alone.status, alone.body) == (200, image.pixels), "decoded, all frames"
    if image.media is None:
        assert api.get(target).body == image.pixels and [body for _, body in parts(api.get(target, Accept=OCTETS))] == [image.pixels]
        return
    stored = elements(image.dataset)[0x7FE00010][1][1:]
    for accept in ("*/*", "multipart/*", f'multipart/related; type="{image.media}"', OCTETS + "; transfer-syntax=*"):
        got = parts(api.get(target, Accept=accept))
        assert len(got) == image.frames and all(headers["Content-Location"].endswith(f"/frames/{n}") for (headers, _), n in zip(got, numbers))
        if accept != "multipart/*":
            assert [(headers["Content-Type"], body) for headers, body in got] == [(f"{image.media}; transfer-syntax={image.syntax}", one) for one in stored]
    decoded = parts(api.get(target, Accept=OCTETS))
    assert [(headers["Content-Type"], body) for headers, body in decoded] == \
        [(f"application/octet-stream; transfer-syntax={dicomgen.EXPLICIT}", image.frame(n)) for n in numbers]


def test_bulk_data_is_refused_in_a_form_that_there_is_not(api, ct, image):
    target = image.address + "/bulkdata/7FE00010"
    for accept in ("text/html", "image/gif", 'multipart/related; type="image/jphc"', "application/dicom"):
        got = api.get(target, Accept=accept)
        assert got.status == 406 and "application/octet-stream" in got.body["detail"], accept
    assert api.get(ct.address + "/bulkdata/7FE00010", Accept="image/jpeg; transfer-syntax=" + JPEG_BASELINE).status == 406
    (headers, _), = parts(api.get(ct.address + "/bulkdata/7FE00010", Accept=f'{OCTETS};q=0.5, multipart/related; type="image/jls"'))
    assert headers["Content-Type"] == f"image/jls; transfer-syntax={JPEG_LS}", "made, as frames are"


# ---- what is taken -----------------------------------------------------------------------------------------------------------


def lines(centre, api, target, *headers):
    """(status, Content-Type) where a header may stand in several lines."""
    connection = http.client.HTTPConnection("127.0.0.1", centre.http_port, timeout=60)
    connection.putrequest("GET", target)
    for name, text in (("Cookie", api.cookie), *headers):
        connection.putheader(name, text)
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.getheader("Content-Type"), answer.getheader("ETag")


def test_several_lines_are_one_list(centre, api, ct):
    status, kind, tag = lines(centre, api, ct.address, ("Accept", "text/html"), ("Accept", "application/dicom; transfer-syntax=*"))
    assert (status, kind) == (200, f"application/dicom; transfer-syntax={ct.syntax}")
    accept = ("Accept", "application/dicom; transfer-syntax=*")
    assert lines(centre, api, ct.address, accept, ("If-None-Match", '"x"'), ("If-None-Match", tag))[0] == 304
    assert lines(centre, api, ct.address, accept, ("If-None-Match", '"x"'), ("If-None-Match", '"y"'))[0] == 200
    assert lines(centre, api, ct.address, accept, ("If-Match", '"x"'), ("If-Match", tag))[0] == 200
    assert lines(centre, api, ct.address, accept, ("If-Match", '"x"'), ("If-Match", '"y"'))[0] == 412
    assert lines(centre, api, ct.address + "/metadata", ("Accept", "text/html"), ("Accept", JSON))[0] == 200


@pytest.mark.parametrize("level", ["study", "series"])
@pytest.mark.parametrize("accept", ["multipart/*", "application/*", "text/html, multipart/*;q=0.1"])
def test_groups_of_types_are_types(api, loop, level, accept):
    target = f"{ROOT}/studies/{loop.study}" + (f"/series/{loop.series}" if level == "series" else "")
    got = api.get(target, Accept=accept)
    assert (got.status, got.headers["Content-Type"].split(";")[0]) == (200, "application/dicom" if accept == "application/*" else "multipart/related")
    frames = loop.address + "/frames/"
    assert api.get(frames + "1", Accept="image/*").headers["Content-Type"] == f"{loop.media}; transfer-syntax={loop.syntax}"
    assert {headers["Content-Type"] for headers, _ in parts(api.get(frames + "1,2", Accept="image/*"))} == {f"{loop.media}; transfer-syntax={loop.syntax}"}


def test_what_has_no_weight_is_excluded(centre, api, loop):
    study = f"{ROOT}/studies/{loop.study}"
    for accept in ("application/dicom+json;q=0, */*", "application/dicom+json;q=0, application/*"):
        assert api.get(study + "/metadata", Accept=accept).status == 406
        assert api.get(f"{ROOT}/studies", Accept=accept).status == 406
        assert centre.person("radiographer").request("POST", f"{ROOT}/studies", body=b"", headers={"Accept": accept}).status == 406
    assert api.get(study + "/metadata", Accept="*/*;q=0, application/dicom+json;q=0.1").status == 200
    assert api.get(study, Accept="application/dicom;q=0, */*").status == 406
    got, = parts(api.get(loop.address + "/frames/1", Accept=f"{loop.media};q=0, */*"))
    assert got[0]["Content-Type"].startswith("application/octet-stream"), "decoded for who does not take it coded"
    assert api.get(loop.address + "/rendered", Accept="image/jpeg;q=0, */*").headers["Content-Type"] == "image/png"


@pytest.mark.parametrize("accept", [";;;", "image/jpeg;q=nan", "image/jpeg;q=2", "image/jpeg;q=-1"])
def test_lies_in_accept_of_pictures(api, loop, accept):
    for tail in ("/rendered", "/thumbnail", "/frames/1", "/bulkdata/7FE00010", "/metadata"):
        assert api.get(loop.address + tail, Accept=accept).status == 400, tail


# ---- JPEG 2000 ---------------------------------------------------------------------------------------------------------------


def by_openjpeg(stream, folder):
    if shutil.which("opj_decompress") is None:
        pytest.skip("no opj_decompress here (libopenjp2-tools)")
    (folder / "frame.j2k").write_bytes(stream)
    run("opj_decompress", "-i", folder / "frame.j2k", "-o", folder / "frame.rawl")
    return (folder / "frame.rawl").read_bytes()


def store_under(centre, content, old, new, syntax, sop_class):
    """The object of a file under another UID of the same length."""
    dataset = dicomgen.split_part10(content)[1].replace(old.encode(), new.encode())
    assert put(centre, sop_class, new, dataset, syntax) == 0
    await_indexed(centre)


def test_jpeg_2000(centre, api, ct, tmp_path):
    (headers, body), = parts(api.get(ct.address + "/frames/1", Accept='multipart/related; type="image/jp2"'))
    assert headers["Content-Type"] == f"image/jp2; transfer-syntax={JPEG_2000}"
    whole = api.get(ct.address, Accept=f"application/dicom; transfer-syntax={JPEG_2000}").body
    assert pixels_of(whole) == (JPEG_2000, [b"", body])
    other = ct.uid[:-1] + ("1" if ct.uid[-1] != "1" else "2")
    store_under(centre, whole, ct.uid, other, JPEG_2000, ct.sop_class)
    target = ct.address.replace(ct.uid, other)
    assert pixels_of(api.get(target, Accept="application/dicom").body) == (dicomgen.EXPLICIT, ct.pixels)
    (_, pixels), = parts(api.get(target + "/frames/1", Accept=OCTETS))
    assert pixels == ct.pixels
    assert api.get(target + "/rendered", Accept="image/png").body == api.get(ct.address + "/rendered", Accept="image/png").body
    assert by_openjpeg(body, tmp_path) == ct.pixels


@pytest.mark.skipif(not SHARED.is_dir(), reason="no sample data beside the tree")
@pytest.mark.parametrize("name, syntax", [("htj2k-lossless", HTJ2K), ("htj2k-lossy", "1.2.840.10008.1.2.4.203")])
def test_htj2k(centre, api, tmp_path, name, syntax):
    """The sample has no patient and no study; it gets them."""
    bare = elements(dicomgen.split_part10((SHARED / "transfer-syntaxes" / f"{name}.dcm").read_bytes())[1])
    made = dicomgen.Study(name="HE^QI=何^七", patient_id="S902")
    dataset = made.base(dicomgen.SOP["sc"], "OT")
    head = dicomgen.Dataset(*[(tag, vr, value) for tag, (vr, value) in {**dataset, **{t: v for t, v in bare.items() if t >> 16 == 0x28}}.items()
                              if tag != 0x7FE00010]).encode()
    stream, = bare[0x7FE00010][1][1:]
    tail = struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    tail += struct.pack("<HHI", 0xFFFE, 0xE000, len(stream)) + stream + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    uid, series = dataset.text(0x00080018), dataset.text(0x0020000E)
    assert put(centre, dicomgen.SOP["sc"], uid, head + tail, syntax) == 0
    await_indexed(centre)
    target = f"{ROOT}/studies/{made.study_uid}/series/{series}/instances/{uid}"
    (headers, body), = parts(api.get(target + "/frames/1", Accept='multipart/related; type="image/jphc"'))
    assert (headers["Content-Type"], body) == (f"image/jphc; transfer-syntax={syntax}", stream)
    (_, pixels), = parts(api.get(target + "/frames/1", Accept=OCTETS))
    assert pixels_of(api.get(target, Accept="application/dicom").body)[1].rstrip(b"\0") == pixels.rstrip(b"\0")
    assert api.get(target + "/rendered").status == 200
    planes, samples = by_openjpeg(stream, tmp_path), struct.unpack("<H", bare[0x00280002][1])[0]
    size = len(planes) // samples
    width = struct.unpack("<H", bare[0x00280100][1])[0] // 8
    want = b"".join(planes[s * size + at:s * size + at + width] for at in range(0, size, width) for s in range(samples))
    assert pixels == want


# ---- ranges and conditions ---------------------------------------------------------------------------------------------------


def single_answers(image):
    return [(image.address, "application/dicom; transfer-syntax=*"), (image.address, "application/dicom"),
            (image.address + "/frames/1", "application/octet-stream"), (image.address + "/bulkdata/7FE00010", "application/octet-stream"),
            (image.address + "/rendered", "image/png")]


def test_ranges(api, loop):
    for target, accept in single_answers(loop):
        whole = api.get(target, Accept=accept)
        tag, size = whole.headers["ETag"], len(whole.body)
        assert whole.headers["Accept-Ranges"] == "bytes" and whole.headers["Cache-Control"].startswith("private")
        for asked, first, last in (("10-19", 10, 19), (f"{size - 5}-", size - 5, size - 1), ("-3", size - 3, size - 1), (f"5-{10 ** 15}", 5, size - 1)):
            got = api.get(target, Accept=accept, Range=f"bytes={asked}")
            assert (got.status, got.headers["Content-Range"], got.body) == (206, f"bytes {first}-{last}/{size}", whole.body[first:last + 1])
        lie = api.get(target, Accept=accept, Range=f"bytes={size}-")
        assert (lie.status, lie.headers["Content-Range"]) == (416, f"bytes */{size}")
        for nonsense in ("bytes=9-2", "bytes=a-b", "bytes=0-1,5-6", "bytes=" + "9" * 60 + "-", "bytes=--5", "frames=1-2"):
            assert api.get(target, Accept=accept, Range=nonsense).body == whole.body, nonsense
        for condition, status in ((tag, 206), ('"other"', 200), ("W/" + tag, 200), ("Sat, 28 Nov 2026 17:00:00 GMT", 200)):
            assert api.get(target, **{"Accept": accept, "Range": "bytes=0-1", "If-Range": condition}).status == status, condition


def test_conditions(api, loop):
    study = f"{ROOT}/studies/{loop.study}"
    series = f"{study}/series/{loop.series}"
    many = [(one + tail, accept) for one in (study, series) for tail, accept in
            (("/metadata", JSON), ("", STORED), ("", "*/*"), ("/rendered", 'multipart/related; type="image/png"'), ("/rendered", "image/png"))]
    for target, accept in [*single_answers(loop), (loop.address + "/frames/1,2", OCTETS), (loop.address + "/metadata", JSON), *many]:
        whole = api.get(target, Accept=accept)
        tag = whole.headers["ETag"]
        assert tag.startswith('"') and api.get(target, Accept=accept).headers["ETag"] == tag
        for header, value, status in (("If-None-Match", tag, 304), ("If-None-Match", f'"x", W/{tag}', 304), ("If-None-Match", "*", 304),
                                      ("If-None-Match", '"x"', 200), ("If-Match", tag, 200), ("If-Match", "*", 200), ("If-Match", '"x"', 412),
                                      ("If-Match", "W/" + tag, 412)):
            got = api.get(target, **{"Accept": accept, header: value})
            assert (got.status, got.headers["ETag"]) == (status, tag), (target, header, value)
            assert (got.body == b"") == (status == 304) and got.headers["Cache-Control"] in ("private, no-cache", "no-store" if status == 412 else None)
        if "multipart" in accept:
            assert api.get(target, Accept=accept).body == whole.body, "a strong tag is for the bytes"
    tags = {api.get(target, Accept=accept).headers["ETag"] for target, accept in single_answers(loop)}
    assert len(tags) == 5


def test_a_condition_holds_only_of_what_is_there(api, loop):
    for path in ("00104000", "00100010", "7FE00011"):
        for condition in ("*", '"x"'):
            assert api.get(f"{loop.address}/bulkdata/{path}", **{"If-None-Match": condition}).status == 404


def test_an_answer_without_its_body(api, loop):
    for target, accept in single_answers(loop):
        got, head = api.get(target, Accept=accept), api.request("HEAD", target, headers={"Accept": accept})
        assert (head.status, head.headers["Content-Length"], head.body) == (200, str(len(got.body)), b"")


# ---- requests that lie ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tail, statuses", [
    ("/frames/" + ",".join(["1"] * 10000), {400, 414, 431}), ("/frames/" + ",".join(str(n) for n in range(1, 10001)), {400, 404, 414, 431}),
    ("/frames/0", {404}), ("/frames/1,0", {404}), ("/frames/-1", {404}), ("/frames/1,,2", {404}), ("/frames/99999999999999999999", {404}),
    ("/frames/0/rendered", {404}), ("/frames/5/rendered", {404}), ("/frames/1e9/thumbnail", {404}),
    ("/rendered?viewport=1000000000,1000000000", {400}), ("/rendered?viewport=100,100,0,0,1000000000,1", {400}), ("/rendered?viewport=10,10,64,0,1,1", {400}),
    ("/rendered?viewport=10,10,0,0,49,1", {400}), ("/rendered?viewport=1,1,-1,0,1,1", {400}), ("/rendered?quality=0", {400}), ("/rendered?quality=101", {400}),
    ("/rendered?quality=9e1", {400}), ("/rendered?annotation=name", {400}), ("/rendered?window=1,2,cubic", {400}), ("/rendered?window=1,0,sigmoid", {400}),
    ("/rendered?window=0x10,0x10,linear", {400}), ("/rendered?window=%2010,10,linear", {400}), ("/rendered?window=inf,10,linear", {400}),
    ("/thumbnail?window=nonsense", {400}), ("/thumbnail?quality=0", {400}), ("/thumbnail?viewport=0,0", {400}), ("?accept=" + "x" * 65536, {400, 414, 431}),
])
def test_lies_in_the_address(api, loop, tail, statuses):
    assert api.get(loop.address + tail, Accept="*/*").status in statuses


@pytest.mark.parametrize("accept, statuses", [
    ("application/dicom;q=1e3", {400}), ("application/dicom;q=nan", {400}), ("application/dicom;q=-1", {400}), ("application/dicom;q=2", {400}),
    ("application/dicom;q=0x1", {400}), ("application/dicom;q=", {400}), ("application/dicom;q=0", {406}), ("a/b," * 100, {400}),
    ("application/dicom;transfer-syntax=" + "1" * 300, {406}), ('application/dicom;transfer-syntax="', {200, 400}), ("application/dicom;" * 30, {200, 400}),
    ("application/dicom, " + "x" * 65536, {400, 431}),
])
def test_lies_in_accept(api, loop, accept, statuses):
    try:
        got = api.get(loop.address, Accept=accept)
    except (BrokenPipeError, ConnectionResetError):
        assert len(accept) > 60000  # refused before all of it was heard
        return
    assert got.status in statuses


# ---- pictures --------------------------------------------------------------------------------------------------------------------


def png_size(body):
    assert body[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", body[16:24])


def test_every_syntax_is_drawn(api, image, tmp_path):
    """As DCMTK draws it."""
    got = api.get(image.address + "/rendered?window=1000,2000,linear", Accept="image/png")
    assert (got.status, png_size(got.body)) == (200, (64, 64) if image.frames == 1 else (48, 48))
    drawn = run("dcmj2pnm", "+op", *(["+Ww", "1000", "2000"] if image.is_grey else []), image.plain)
    assert samples_of(got.body) == drawn.split(b"255\n", 1)[1]


def samples_of(png):
    """The samples of a PNG of ours, grey or colours: one IDAT, no filter."""
    width, height = png_size(png)
    width *= 3 if png[25] == 2 else 1
    at = png.index(b"IDAT")
    length, = struct.unpack(">I", png[at - 4:at])
    raw = zlib.decompress(png[at + 4:at + 4 + length])
    return b"".join(raw[row * (width + 1) + 1:(row + 1) * (width + 1)] for row in range(height))


def test_regions_and_windows(api, ct):
    whole = samples_of(api.get(ct.address + "/rendered", Accept="image/png").body)
    rows = [whole[row * 64:row * 64 + 64] for row in range(64)]
    cut = api.get(ct.address + "/rendered?viewport=64,64,10,20,30,5", Accept="image/png").body
    assert png_size(cut) == (30, 5) and samples_of(cut) == b"".join(row[10:40] for row in rows[20:25])
    mirrored = api.get(ct.address + "/rendered?viewport=64,64,,,-64,-64", Accept="image/png").body
    assert samples_of(mirrored) == b"".join(row[::-1] for row in rows[::-1])
    assert png_size(api.get(ct.address + "/rendered?viewport=16,16,0,0,64,32", Accept="image/png").body) == (16, 8)
    pictures = {function: api.get(f"{ct.address}/rendered?window=0,500,{function}", Accept="image/png").body
                for function in ("linear", "linear-exact", "sigmoid")}
    assert len(set(pictures.values())) == 3
    small, large = (len(api.get(f"{ct.address}/rendered?quality={q}", Accept="image/jpeg").body) for q in (5, 100))
    assert small < large
    told = api.get(ct.address + "/rendered?annotation=patient,technique&iccprofile=no")
    assert told.status == 200 and "annotation, iccprofile" in told.headers["Warning"]
    assert samples_of(api.get(ct.address + "/rendered?annotation=patient", Accept="image/png").body) == whole


def test_pictures_of_many(centre, api, tmp_path):
    made = centre.examine("ct-chest", name="FENG^SHI=冯^十", patient_id="S903", images=3)
    await_indexed(centre)
    study = f"{ROOT}/studies/{made['study_instance_uid']}"
    series = f"{study}/series/{made['series_instance_uid']}"
    instances = [f"{series}/instances/{one['sop_instance_uid']}" for one in made["files"]]
    singles = [api.get(one + "/rendered").body for one in instances]
    for target in (study, series):
        got = parts(api.get(target + "/rendered", Accept='multipart/related; type="image/jpeg"'))
        assert [body for _, body in got] == singles and {headers["Content-Type"] for headers, _ in got} == {"image/jpeg"}
        assert [headers["Content-Location"].endswith(one + "/rendered") for (headers, _), one in zip(got, instances)] == [True] * 3
        alone = api.get(target + "/rendered", Accept="image/jpeg")
        assert (alone.headers["Content-Type"], alone.body) == ("image/jpeg", singles[1]), "the middle one stands for all"
        assert api.get(target + "/rendered", Accept="video/mp4").status == 406
    for target in (study, series, instances[0], instances[0] + "/frames/1"):
        got = api.get(target + "/thumbnail")
        assert (got.status, got.headers["Content-Type"]) == (200, "image/jpeg")
        assert png_size(api.get(target + "/thumbnail?viewport=20,10", Accept="image/png").body) == (10, 10)


def put_film(centre, pieces, syntax=dicomgen.MPEG_4, available=None):
    """The address of a film whose stream is in these pieces. available: an AvailableTransferSyntaxUID that stands in the object itself."""
    study = dicomgen.Study(name="MA^CHAO=马^超", patient_id="S950")
    made = dicomgen.video(study)
    if available:
        made.put(0x00083002, "UI", available)
    sop_class, uid, series = (made.text(tag) for tag in (0x00080016, 0x00080018, 0x0020000E))
    whole = dicomgen.encapsulated(made, pieces[0])
    for piece in pieces[1:]:
        whole = whole[:-8] + struct.pack("<HHI", 0xFFFE, 0xE000, len(piece)) + piece + whole[-8:]
    assert put(centre, sop_class, uid, whole, syntax) == 0
    return f"{ROOT}/studies/{study.study_uid}/series/{series}", f"/instances/{uid}"


def test_a_film_is_played_from_where_it_lies(centre, api):
    film = moving.film(pictures=5)
    film += b"\0" * (len(film) % 2)
    series, instance = put_film(centre, [film])
    broken = {"no MP4": put_film(centre, [b"\0\0\1\xb3" * 40]), "several pieces": put_film(centre, [film[:400], film[400:]]),
              "a table of a film": put_film(centre, [b"\0\0"]), "MPEG-2": put_film(centre, [b"\0\0\1\xb3" * 40], dicomgen.MPEG_2)}
    named, _ = put_film(centre, [film], available=dicomgen.IMPLICIT)
    await_indexed(centre)
    for accept in ("video/mp4", "*/*", "video/*, image/png;q=0.5"):
        whole = api.get(series + instance + "/rendered", Accept=accept)
        assert (whole.status, whole.headers["Content-Type"], whole.body) == (200, "video/mp4", film), accept
    part = api.get(series + instance + "/rendered", Range="bytes=4-11")
    assert (part.status, part.headers["Content-Range"], part.body) == (206, f"bytes 4-11/{len(film)}", b"ftypisom")
    assert api.get(series + instance + "/rendered", Range=f"bytes={len(film)}-").status == 416
    assert api.get(series + instance + "/rendered", **{"If-None-Match": whole.headers["ETag"]}).status == 304
    for target, accept, status in (("/rendered", "image/jpeg", 400), ("/rendered?viewport=64,64", "*/*", 400), ("/frames/1/rendered", "*/*", 400),
                                   ("/thumbnail", "image/jpeg", 200)):
        assert api.get(series + instance + target, Accept=accept).status == status, target
    for what, (other, one) in broken.items():
        refused = api.get(other + one + "/rendered", Accept="video/mp4")
        assert (refused.status, "cannot play the film" in refused.body["detail"]) == (400, True), (what, refused)
    # By this a viewer knows it for a film before it asks for frames.
    for one, syntax in ((series, dicomgen.MPEG_4), (broken["MPEG-2"][0], dicomgen.MPEG_2), (named, dicomgen.IMPLICIT)):
        metadata, = api.get(one + "/metadata", Accept=JSON).body
        assert metadata["00083002"]["Value"] == [syntax]
    ct = centre.images["ct-chest", dicomgen.EXPLICIT]
    assert api.get(ct.address + "/rendered", Accept="video/mp4").status == 406
    assert "00083002" not in api.get(ct.address + "/metadata", Accept=JSON).body[0]


@pytest.mark.parametrize("kind", ["sr", "ecg"])
def test_what_has_no_picture_says_what_it_is(centre, api, kind, tmp_path):
    made = centre.examine(kind, name="CHU^YI=褚^一", patient_id="S90" + kind)
    await_indexed(centre)
    one = made["files"][0]
    study = f"{ROOT}/studies/{made['study_instance_uid']}"
    target = f"{study}/series/{one['series_instance_uid']}/instances/{one['sop_instance_uid']}"
    picture = api.get(target + "/rendered?viewport=300,200", Accept="image/png")
    assert (picture.status, png_size(picture.body)) == (200, (300, 200)) and len(set(samples_of(picture.body))) > 2
    for tail in (study + "/thumbnail", target + "/thumbnail", study + "/rendered"):
        assert api.get(tail).status == 200
    assert png_size(api.get(target + "/thumbnail", Accept="image/png").body) == (160, 160)
    assert api.get(target + "/frames/1", Accept="*/*").status == 404
    assert api.get(target, Accept=f"application/dicom; transfer-syntax={JPEG_LS}").headers["Content-Type"].endswith(dicomgen.EXPLICIT), \
        "what has no pixels is not compressed"


# ---- everything that stations share ------------------------------------------------------------------------------------------------


def native_pixels(content):
    """(transfer syntax, pixels), whatever sequences stand before them; None: not native."""
    meta, dataset = dicomgen.split_part10(content)
    found = max(dataset.rfind(b"\xe0\x7f\x10\0OW\0\0"), dataset.rfind(b"\xe0\x7f\x10\0OB\0\0"))
    length, = struct.unpack_from("<I", dataset, found + 8) if found >= 0 else (0xFFFFFFFF,)
    return meta[0x00020010].rstrip(b"\0").decode(), None if length == 0xFFFFFFFF else dataset[found + 12:found + 12 + length]


def assert_decoded_as_by_dcmtk(api, target, path, syntax, folder):
    """False: DCMTK's own tool does not decode it."""
    tool = CODERS[syntax][1]
    done = subprocess.run([*tool, path, folder / "decoded.dcm"], capture_output=True)
    if done.returncode != 0:
        return False
    want = native_pixels((folder / "decoded.dcm").read_bytes())
    got = native_pixels(api.get(target, Accept="application/dicom").body)
    assert got == want, (path, syntax, got[0])
    return True


@pytest.mark.skipif(not SHARED.is_dir(), reason="no sample data beside the tree")
def test_every_sample_shows_or_says_why_not(centre, api, tmp_path):
    sent, compared = {}, 0
    for folder in ("studies", "objects", "transfer-syntaxes"):
        for path in sorted(one for one in (SHARED / folder).rglob("*") if one.is_file()):
            try:
                meta, dataset = dicomgen.split_part10(path.read_bytes())
                sop_class, uid, syntax = (meta.get(tag, b"").rstrip(b"\0 ").decode("latin-1") for tag in (0x00020002, 0x00020003, 0x00020010))
                if put(centre, sop_class, uid, dataset, syntax) == 0:
                    sent[uid] = path
            except ValueError:  # no DICOM file, or of a class that nobody stores
                continue
    await_indexed(centre)
    rows = centre.sql("""SELECT st.shown_uid, e.series_instance_uid, i.sop_instance_uid, i.has_pixels, i.transfer_syntax_uid
                         FROM instance i JOIN series e USING (series_id) JOIN study st USING (study_id)""")
    looked, untold = 0, {}
    for study, series, uid, has_pixels, syntax in rows:
        if uid not in sent:
            continue
        looked += 1
        target = f"{ROOT}/studies/{study}/series/{series}/instances/{uid}"
        assert api.get(target, Accept="application/dicom").status == 200, (uid, syntax)
        assert api.get(target + "/thumbnail").status == 200, (uid, syntax)
        assert api.get(target + "/metadata", Accept=JSON).status == 200, (uid, syntax)
        got = api.get(target + "/rendered")
        assert got.status == 200 or (got.status == 400 and got.body["detail"].startswith(("cannot render", "cannot play the film"))), (uid, syntax, got)
        frame = api.get(target + "/frames/1", Accept=OCTETS)
        assert frame.status in ((200, 400, 406) if has_pixels == "t" else (404,)), (uid, syntax, frame)
        if syntax in CODERS and CODERS[syntax][2]:
            compared += assert_decoded_as_by_dcmtk(api, target, sent[uid], syntax, tmp_path)
        if got.status != 200:
            untold.setdefault((syntax, got.body["detail"]), []).append(uid)
    assert looked > 100 and compared > 10
    print("\n".join(f"{len(uids)} x {syntax}: {why}" for (syntax, why), uids in untold.items()))
    assert sum(map(len, untold.values())) < looked / 10
