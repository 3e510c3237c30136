#!/usr/bin/python3
"""Makes small DICOM part 10 files and whole sample studies; Python standard library only.

As a program:

    dicomgen.py study --kind ct-chest --out DIR [--name 张^三] [--id 20260001] [--charset utf8] [--images 8]
    dicomgen.py object --kind us --out FILE

prints what it made as JSON, one object with the UIDs and the list of files.

As a module: make_study() writes a study, ct() dr() us() ecg() wsi() video() sr() sc() colour() hanging_protocol() color_palette() give datasets,
Dataset.encode() gives the bytes of a dataset in a transfer syntax and part10() those of a whole file.  Every name, number and
institution here is invented.  The same seed gives the same UIDs and pixels.
"""
import argparse
import datetime
import hashlib
import json
import os
import random
import struct
import sys
import uuid
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

IMPLICIT = '1.2.840.10008.1.2'
EXPLICIT = '1.2.840.10008.1.2.1'
DEFLATED = '1.2.840.10008.1.2.1.99'
MPEG_2 = '1.2.840.10008.1.2.4.100'
MPEG_4 = '1.2.840.10008.1.2.4.102'
JPEG_2000, HTJ2K = '1.2.840.10008.1.2.4.90', '1.2.840.10008.1.2.4.201'

SOP = {
    'cr': '1.2.840.10008.5.1.4.1.1.1',
    'dr': '1.2.840.10008.5.1.4.1.1.1.1',
    'ct': '1.2.840.10008.5.1.4.1.1.2',
    'us': '1.2.840.10008.5.1.4.1.1.3.1',
    'sc': '1.2.840.10008.5.1.4.1.1.7',
    'ecg': '1.2.840.10008.5.1.4.1.1.9.1.1',
    'video': '1.2.840.10008.5.1.4.1.1.77.1.1.1',
    'wsi': '1.2.840.10008.5.1.4.1.1.77.1.6',
    'sr': '1.2.840.10008.5.1.4.1.1.88.11',
    'pdf': '1.2.840.10008.5.1.4.1.1.104.1',
    'hanging_protocol': '1.2.840.10008.5.1.4.38.1',
    'color_palette': '1.2.840.10008.5.1.4.39.1',
}
IMPLEMENTATION_UID = '2.25.302846274310931120446180349462816223021'

# What the header declares, and the codec of the bytes: most of the trouble with Chinese names is a pair that does not agree.
CHARSETS = {
    'utf8': ('ISO_IR 192', 'utf-8'),
    'gb18030': ('GB18030', 'gb18030'),
    'gb18030-undeclared': (None, 'gb18030'),
    'gb18030-as-latin1': ('ISO_IR 100', 'gb18030'),
    'utf8-undeclared': (None, 'utf-8'),
    'ascii': (None, 'ascii'),
}

LONG_VRS = {'OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'UC', 'UN', 'UR', 'UT', 'SV', 'UV'}
NUMBER_FORMATS = {'US': 'H', 'SS': 'h', 'UL': 'I', 'SL': 'i', 'FL': 'f', 'FD': 'd'}


class Random(random.Random):
    """Random numbers, and UIDs made of them, so that a seed repeats a study."""

    def uid(self):
        return '2.25.%d' % uuid.UUID(int=self.getrandbits(128), version=4).int


def new_uid():
    return '2.25.%d' % uuid.uuid4().int


class Dataset(dict):
    """tag -> (VR, value).  A value is text, bytes as they are, a number or list of numbers, or a list of Datasets (SQ)."""

    def __init__(self, *rows, charset='utf8'):
        super().__init__()
        self.charset = charset
        for tag, vr, value in rows:
            self.put(tag, vr, value)

    def put(self, tag, vr, value):
        self[tag] = (vr, value)
        return self

    def text(self, tag):
        return self[tag][1] if tag in self else ''

    def encode(self, transfer_syntax=EXPLICIT, charset=None):
        """The bytes of the dataset, without meta header."""
        declared, codec = CHARSETS[charset or self.charset]
        rows = dict(self)
        if declared is not None and 0x00080005 not in rows and charset is None:
            rows[0x00080005] = ('CS', declared)
        body = b''.join(_element(tag, vr, value, transfer_syntax != IMPLICIT, codec, charset or self.charset)
                        for tag, (vr, value) in sorted(rows.items()))
        if transfer_syntax == DEFLATED:
            squeeze = zlib.compressobj(6, zlib.DEFLATED, -15)
            body = squeeze.compress(body) + squeeze.flush()
            body += b'\0' * (len(body) % 2)
        return body


def _value_bytes(vr, value, explicit, codec, charset):
    if vr == 'SQ':
        out = b''
        for item in value:
            body = item.encode(EXPLICIT if explicit else IMPLICIT, charset)
            out += struct.pack('<HHI', 0xFFFE, 0xE000, len(body)) + body
        return out
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if vr in NUMBER_FORMATS:
        numbers = value if isinstance(value, (list, tuple)) else [value]
        return struct.pack('<%d%s' % (len(numbers), NUMBER_FORMATS[vr]), *numbers)
    if vr == 'AT':
        return struct.pack('<HH', value >> 16, value & 0xFFFF)
    return str(value).encode(codec)


def _element(tag, vr, value, explicit, codec='utf-8', charset='utf8'):
    data = _value_bytes(vr, value, explicit, codec, charset)
    if len(data) % 2:
        data += b'\0' if vr in ('UI', 'OB', 'UN') else b' '
    head = struct.pack('<HH', tag >> 16, tag & 0xFFFF)
    if not explicit:
        return head + struct.pack('<I', len(data)) + data
    if vr in LONG_VRS:
        return head + vr.encode() + b'\0\0' + struct.pack('<I', len(data)) + data
    return head + vr.encode() + struct.pack('<H', len(data)) + data


def part10(dataset_bytes, sop_class, sop_instance, transfer_syntax=EXPLICIT):
    """Preamble, meta header (PS3.10 section 7.1) and the dataset."""
    rows = (_element(0x00020001, 'OB', b'\0\1', True) + _element(0x00020002, 'UI', sop_class, True)
            + _element(0x00020003, 'UI', sop_instance, True) + _element(0x00020010, 'UI', transfer_syntax, True)
            + _element(0x00020012, 'UI', IMPLEMENTATION_UID, True) + _element(0x00020013, 'SH', 'DICOMGEN', True))
    return b'\0' * 128 + b'DICM' + _element(0x00020000, 'UL', len(rows), True) + rows + dataset_bytes


def encapsulated(dataset, stream):
    """The bytes of a dataset whose only frame is this code stream (PS3.5 section A.4)."""
    head = Dataset(*[(tag, vr, value) for tag, (vr, value) in dataset.items() if tag != 0x7FE00010], charset=dataset.charset).encode()
    stream += b'\0' * (len(stream) % 2)
    return (head + struct.pack('<HH2sHI', 0x7FE0, 0x10, b'OB', 0, 0xFFFFFFFF) + struct.pack('<HHI', 0xFFFE, 0xE000, 0)
            + struct.pack('<HHI', 0xFFFE, 0xE000, len(stream)) + stream + struct.pack('<HHI', 0xFFFE, 0xE0DD, 0))


def split_part10(content):
    """(meta as dict of tag -> bytes, dataset bytes) of a part 10 file; ValueError when it is none."""
    if content[128:132] != b'DICM':
        raise ValueError('no DICM at 128')
    at, meta = 132, {}
    while at + 8 <= len(content):
        group, element = struct.unpack_from('<HH', content, at)
        if group != 2:
            break
        vr = content[at + 4:at + 6].decode('latin-1')
        if vr in LONG_VRS:
            length, = struct.unpack_from('<I', content, at + 8)
            start = at + 12
        else:
            length, = struct.unpack_from('<H', content, at + 6)
            start = at + 8
        meta[group << 16 | element] = content[start:start + length]
        at = start + length
    return meta, content[at:]


# ---- what the objects have in common ----------------------------------------------------------------------------------

class Study:
    """Patient and study of a set of objects; everything can be given, what is not is invented from the seed."""

    def __init__(self, name='ZHANG^SAN=张^三', patient_id='YQ20260001', sex='M', birth='19570312', charset='utf8', seed=None,
                 study_uid=None, accession='', when=None, description='', institution='台山市示例镇卫生院', age='',
                 station='DR01', more=()):
        self.random = Random(seed)
        self.name, self.patient_id, self.sex, self.birth, self.charset = name, patient_id, sex, birth, charset
        self.study_uid = study_uid or self.random.uid()
        self.accession, self.description, self.institution = accession, description, institution
        self.when = when or datetime.datetime.now()
        self.age, self.station = age, station
        self.more = more  # rows that every object has besides

    def base(self, sop_class, modality, series_uid=None, sop_uid=None, series_number=1, instance_number=1):
        day, time = self.when.strftime('%Y%m%d'), self.when.strftime('%H%M%S')
        out = Dataset(
            (0x00080016, 'UI', sop_class), (0x00080018, 'UI', sop_uid or self.random.uid()),
            (0x00080020, 'DA', day), (0x00080023, 'DA', day), (0x00080030, 'TM', time), (0x00080033, 'TM', time),
            (0x00080050, 'SH', self.accession), (0x00080060, 'CS', modality), (0x00080070, 'LO', 'Yingqiao sample'),
            (0x00080080, 'LO', self.institution), (0x00080090, 'PN', ''), (0x00081010, 'SH', self.station),
            (0x00081090, 'LO', 'Phantom 1'), (0x00081030, 'LO', self.description),
            (0x00100010, 'PN', self.name), (0x00100020, 'LO', self.patient_id), (0x00100030, 'DA', self.birth),
            (0x00100040, 'CS', self.sex), (0x00181000, 'LO', '0001'), (0x00181020, 'LO', '1.0'),
            (0x0020000D, 'UI', self.study_uid), (0x0020000E, 'UI', series_uid or self.random.uid()),
            (0x00200010, 'SH', '1'), (0x00200011, 'IS', series_number), (0x00200013, 'IS', instance_number),
            charset=self.charset)
        if self.age:
            out.put(0x00101010, 'AS', self.age)
        for tag, vr, value in self.more:
            out.put(tag, vr, value)
        return out


def _pixels(out, rows, columns, data, photometric='MONOCHROME2', bits=16, stored=12, samples=1, signed=0):
    for tag, vr, value in ((0x00280002, 'US', samples), (0x00280004, 'CS', photometric), (0x00280010, 'US', rows),
                           (0x00280011, 'US', columns), (0x00280100, 'US', bits), (0x00280101, 'US', stored),
                           (0x00280102, 'US', stored - 1), (0x00280103, 'US', signed)):
        out.put(tag, vr, value)
    if samples > 1:
        out.put(0x00280006, 'US', 0)
    return out.put(0x7FE00010, 'OW' if bits > 8 else 'OB', data)


def code(value, scheme, meaning):
    return Dataset((0x00080100, 'SH', value), (0x00080102, 'SH', scheme), (0x00080104, 'LO', meaning))


# ---- objects ---------------------------------------------------------------------------------------------------------

def ct(study, series_uid=None, sop_uid=None, number=1, size=64, slices=1, frame_uid=None, thickness=5.0):
    """CT Image: a chest phantom (body, lungs, heart, spine, ribs) with a nodule in the middle slices."""
    import phantom
    out = study.base(SOP['ct'], 'CT', series_uid, sop_uid, 1, number)
    day, time = study.when.strftime('%Y%m%d'), study.when.strftime('%H%M%S')
    z = (number - 1) * thickness
    for tag, vr, value in (
            (0x00080008, 'CS', 'ORIGINAL\\PRIMARY\\AXIAL'), (0x00080022, 'DA', day), (0x00080032, 'TM', time),
            (0x0008103E, 'LO', '胸部平扫 5mm' if study.charset != 'ascii' else 'CHEST 5mm'), (0x00180015, 'CS', 'CHEST'),
            (0x00180050, 'DS', '%g' % thickness), (0x00180060, 'DS', '120'), (0x00180090, 'DS', '350'),
            (0x00181030, 'LO', 'CHEST'), (0x00185100, 'CS', 'HFS'), (0x00200012, 'IS', 1),
            (0x00200032, 'DS', '-175\\-175\\%g' % z), (0x00200037, 'DS', '1\\0\\0\\0\\1\\0'),
            (0x00200052, 'UI', frame_uid or study.random.uid()), (0x00201040, 'LO', ''), (0x00201041, 'DS', '%g' % z),
            (0x00280030, 'DS', '%g\\%g' % (350 / size, 350 / size)), (0x00281050, 'DS', '-500'), (0x00281051, 'DS', '1500'),
            (0x00281052, 'DS', '-1024'), (0x00281053, 'DS', '1'), (0x00281054, 'LO', 'HU')):
        out.put(tag, vr, value)
    place = 0.5 if slices <= 1 else (number - 1) / (slices - 1)
    return _pixels(out, size, size, phantom.chest_slice(size, place, study.random))


def dr(study, series_uid=None, sop_uid=None, number=1, size=64, view='PA'):
    """Digital X-Ray Image, for presentation: the same phantom looked through."""
    import phantom
    out = study.base(SOP['dr'], 'DX', series_uid, sop_uid, 1, number)
    day, time = study.when.strftime('%Y%m%d'), study.when.strftime('%H%M%S')
    anatomy = code('43799004', 'SCT', 'Chest')
    for tag, vr, value in (
            (0x00080008, 'CS', 'ORIGINAL\\PRIMARY\\'), (0x00080022, 'DA', day), (0x00080032, 'TM', time),
            (0x00080068, 'CS', 'FOR PRESENTATION'), (0x0008103E, 'LO', 'CHEST ' + view), (0x00082218, 'SQ', [anatomy]),
            (0x00180015, 'CS', 'CHEST'), (0x00181164, 'DS', '%g\\%g' % (400 / size, 400 / size)),
            (0x00185101, 'CS', view), (0x00187004, 'CS', 'DIRECT'), (0x00200020, 'CS', 'L\\F'), (0x00200062, 'CS', 'U'),
            (0x00200052, 'UI', study.random.uid()), (0x00201040, 'LO', ''), (0x00280301, 'CS', 'NO'),
            (0x00281040, 'CS', 'LIN'), (0x00281041, 'SS', 1), (0x00281050, 'DS', '2048'), (0x00281051, 'DS', '4096'),
            (0x00281052, 'DS', '0'), (0x00281053, 'DS', '1'), (0x00281054, 'LO', 'US'), (0x00282110, 'CS', '00'),
            (0x00400555, 'SQ', []), (0x00181508, 'CS', ''), (0x20500020, 'CS', 'IDENTITY')):
        out.put(tag, vr, value)
    return _pixels(out, size, size, phantom.chest_projection(size, study.random))


def us(study, series_uid=None, sop_uid=None, number=1, size=48, frames=4):
    """Ultrasound Multi-frame Image, 8 bit, a fan that moves."""
    import phantom
    out = study.base(SOP['us'], 'US', series_uid, sop_uid, 1, number)
    for tag, vr, value in ((0x00080008, 'CS', 'ORIGINAL\\PRIMARY\\\\0001'), (0x00181063, 'DS', '40'), (0x00200020, 'CS', ''),
                           (0x00200060, 'CS', ''), (0x00280008, 'IS', frames), (0x00280009, 'AT', 0x00181063), (0x00282110, 'CS', '00')):
        out.put(tag, vr, value)
    return _pixels(out, size, size, phantom.fan(size, frames, study.random), bits=8, stored=8)


def sc(study, series_uid=None, sop_uid=None, number=1, size=32):
    """Secondary Capture, 8 bit, a slope."""
    out = study.base(SOP['sc'], 'OT', series_uid, sop_uid, 1, number)
    out.put(0x00080064, 'CS', 'WSD').put(0x00200020, 'CS', '').put(0x00200060, 'CS', '')
    row = bytes(x * 255 // max(size - 1, 1) for x in range(size))
    return _pixels(out, size, size, row * size, bits=8, stored=8)


# Of the two halves of colour(), as red, green and blue.
HALVES = ((200, 40, 30), (30, 90, 200))


def colour(study, series_uid=None, sop_uid=None, number=1, size=64):
    """Secondary Capture in colour, 8 bit, two halves of HALVES: image 1 as RGB, 2 as YBR_FULL (PS3.3 section C.7.6.3.1.2), 3 as PALETTE COLOR."""
    out = study.base(SOP['sc'], 'ES', series_uid, sop_uid, 1, number)
    out.put(0x00080064, 'CS', 'WSD').put(0x00200020, 'CS', '').put(0x00200060, 'CS', '')
    halves = lambda left, right: (left * (size // 2) + right * (size - size // 2)) * size  # noqa: E731
    if number == 3:
        for i in range(3):
            out.put(0x00281101 + i, 'US', [2, 0, 16])
            out.put(0x00281201 + i, 'OW', struct.pack('<2H', *(half[i] * 257 for half in HALVES)))
        return _pixels(out, size, size, halves(b'\0', b'\1'), 'PALETTE COLOR', 8, 8)
    values = [bytes(half if number == 1 else _ybr(*half)) for half in HALVES]
    return _pixels(out, size, size, halves(*values), 'RGB' if number == 1 else 'YBR_FULL', 8, 8, 3)


def _ybr(r, g, b):
    y = 0.299 * r + 0.587 * g + 0.114 * b
    return round(y), round(128 + (b - y) / 1.772), round(128 + (r - y) / 1.402)


def ecg(study, series_uid=None, sop_uid=None, number=1, samples=1000):
    """12-lead ECG Waveform, 500 Hz, one invented beat repeated."""
    import phantom
    out = study.base(SOP['ecg'], 'ECG', series_uid, sop_uid, 1, number)
    when = study.when.strftime('%Y%m%d%H%M%S')
    leads = ['I', 'II', 'III', 'aVR', 'aVL', 'aVF', 'V1', 'V2', 'V3', 'V4', 'V5', 'V6']
    channels = [Dataset((0x003A0208, 'SQ', [code('2:%d' % (n + 1), 'MDC', 'Lead ' + lead)]), (0x003A0210, 'DS', '1'),
                        (0x003A0211, 'SQ', [code('uV', 'UCUM', 'microvolt')]), (0x003A0212, 'DS', '1'),
                        (0x003A0213, 'DS', '0'), (0x003A0215, 'DS', '0'), (0x003A021A, 'US', 16))
                for n, lead in enumerate(leads)]
    group = Dataset((0x003A0004, 'CS', 'ORIGINAL'), (0x003A0005, 'US', 12), (0x003A0010, 'UL', samples),
                    (0x003A001A, 'DS', '500'), (0x003A0200, 'SQ', channels), (0x54001004, 'US', 16),
                    (0x54001006, 'CS', 'SS'), (0x54001010, 'OW', phantom.heart_beats(12, samples)))
    return (out.put(0x0008002A, 'DT', when).put(0x00400555, 'SQ', []).put(0x54000100, 'SQ', [group]))


def wsi(study, series_uid=None, sop_uid=None, number=1, tile=256):
    """VL Whole Slide Microscopy, level 1 (1024 x 768, TILED_FULL), 2 (a half, TILED_SPARSE, the last tile first and the second row's last one missing)
    or 3 (a quarter, one tile). Every tile has one colour: (40 + 50 column, 40 + 60 row, 200), (200, 60 + 80 column, 60 + 80 row), (90, 90, 30)."""
    out = study.base(SOP['wsi'], 'SM', series_uid, sop_uid, 1, number)
    by = 1 << (number - 1)
    columns, rows = 1024 // by, 768 // by
    places = [(column, row) for row in range(-(-rows // tile)) for column in range(-(-columns // tile))]
    colour = {1: lambda c, r: (40 + 50 * c, 40 + 60 * r, 200), 2: lambda c, r: (200, 60 + 80 * c, 60 + 80 * r)}.get(number, lambda c, r: (90, 90, 30))
    if number == 2:
        places = places[-2::-1]
        out.put(0x52009230, 'SQ', [Dataset((0x0048021A, 'SQ', [Dataset(
            (0x0048021E, 'SL', 1 + column * tile), (0x0048021F, 'SL', 1 + row * tile))])) for column, row in places])
    measures = Dataset((0x00180050, 'DS', '0.001'), (0x00280030, 'DS', '%g\\%g' % (0.0005 * by, 0.0005 * by)))
    for tag, vr, value in ((0x00080008, 'CS', 'ORIGINAL\\PRIMARY\\VOLUME\\NONE' if number == 1 else 'DERIVED\\PRIMARY\\VOLUME\\RESAMPLED'),
                           (0x00280008, 'IS', len(places)), (0x00480006, 'UL', columns), (0x00480007, 'UL', rows),
                           (0x00209311, 'CS', 'TILED_SPARSE' if number == 2 else 'TILED_FULL'), (0x00282110, 'CS', '00'),
                           (0x00480302, 'UL', 1), (0x52009229, 'SQ', [Dataset((0x00289110, 'SQ', [measures]))])):
        out.put(tag, vr, value)
    return _pixels(out, tile, tile, b''.join(bytes(colour(*place)) * tile * tile for place in places), 'RGB', 8, 8, 3)


def video(study, series_uid=None, sop_uid=None, number=1, width=32, height=32, frames=25):
    """Video Endoscopic Image without its stream, which goes around with encapsulated() and MPEG_4: one of all frames (PS3.5 section 8.2.7)."""
    out = study.base(SOP['video'], 'ES', series_uid, sop_uid, 1, number)
    for tag, vr, value in ((0x00080008, 'CS', 'ORIGINAL\\PRIMARY'), (0x0008103E, 'LO', 'VIDEO'), (0x00280008, 'IS', frames), (0x00280009, 'AT', 0x00181063),
                           (0x00180040, 'IS', 25), (0x00181063, 'DS', '40'), (0x00282110, 'CS', '01'), (0x00282112, 'DS', '50'), (0x00400555, 'SQ', [])):
        out.put(tag, vr, value)
    return _pixels(out, height, width, b'', 'YBR_PARTIAL_420', 8, 8, 3)


def sr(study, series_uid=None, sop_uid=None, number=1, body='两肺未见异常。'):
    """Basic Text SR with one paragraph."""
    out = study.base(SOP['sr'], 'SR', series_uid, sop_uid, 1, number)
    paragraph = Dataset((0x0040A010, 'CS', 'CONTAINS'), (0x0040A040, 'CS', 'TEXT'),
                        (0x0040A043, 'SQ', [code('121071', 'DCM', 'Finding')]), (0x0040A160, 'UT', body))
    for tag, vr, value in ((0x00081111, 'SQ', []), (0x0040A040, 'CS', 'CONTAINER'),
                           (0x0040A043, 'SQ', [code('18748-4', 'LN', 'Diagnostic imaging report')]),
                           (0x0040A050, 'CS', 'SEPARATE'), (0x0040A372, 'SQ', []), (0x0040A491, 'CS', 'COMPLETE'),
                           (0x0040A493, 'CS', 'UNVERIFIED'), (0x0040A730, 'SQ', [paragraph])):
        out.put(tag, vr, value)
    return out


def pdf_file(words):
    """One page, A5, with one line of ASCII."""
    stream = f'BT /F1 24 Tf 40 300 Td ({words}) Tj ET'
    parts = ['<< /Type /Catalog /Pages 2 0 R >>', '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
             '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 595] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
             f'<< /Length {len(stream)} >>\nstream\n{stream}\nendstream', '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>']
    text, places = '%PDF-1.4\n', []
    for number, part in enumerate(parts, 1):
        places.append(len(text))
        text += f'{number} 0 obj\n{part}\nendobj\n'
    table = f'xref\n0 {len(parts) + 1}\n0000000000 65535 f \n' + ''.join(f'{place:010d} 00000 n \n' for place in places)
    return (text + table + f'trailer\n<< /Size {len(parts) + 1} /Root 1 0 R >>\nstartxref\n{len(text)}\n%%EOF\n').encode('ascii')


def pdf(study, series_uid=None, sop_uid=None, number=1, words='OUTSIDE REPORT'):
    """Encapsulated PDF (PS3.3 section A.45.1), as a scanned paper comes."""
    out = study.base(SOP['pdf'], 'DOC', series_uid, sop_uid, 2, number)
    file = pdf_file(words)
    for tag, vr, value in ((0x00080064, 'CS', 'SD'), (0x0040A043, 'SQ', []), (0x00280301, 'CS', 'YES'), (0x00420010, 'ST', words),
                           (0x00420011, 'OB', file + bytes(len(file) % 2)), (0x00420012, 'LO', 'application/pdf'), (0x00420015, 'UL', len(file))):
        out.put(tag, vr, value)
    return out


def hanging_protocol(sop_uid=None):
    """Belongs to no patient and no study."""
    definition = Dataset((0x00081032, 'SQ', [code('168537006', 'SCT', 'Plain radiography')]), (0x0040100A, 'SQ', []))
    selector = Dataset((0x00720024, 'CS', 'MATCH'), (0x00720026, 'AT', 0x00080060),
                       (0x00720028, 'US', 1), (0x00720050, 'CS', 'CS'), (0x00720062, 'CS', 'DX'))
    images = Dataset((0x00720022, 'SQ', [selector]), (0x00720030, 'SQ', [Dataset(
        (0x00720032, 'US', 1), (0x00720034, 'CS', 'RELATIVE_TIME'), (0x00720038, 'US', [0, 0]), (0x0072003A, 'CS', 'DAYS'))]))
    box = Dataset((0x00720302, 'US', 1), (0x00720304, 'CS', 'STACK'), (0x00720108, 'FD', [0.0, 1.0, 1.0, 0.0]))
    display = Dataset((0x00720202, 'US', 1), (0x00720203, 'LO', 'first'), (0x00720204, 'US', 1), (0x00720032, 'US', 1),
                      (0x00720300, 'SQ', [box]), (0x00720400, 'SQ', []), (0x00720600, 'SQ', []))
    return Dataset((0x00080016, 'UI', SOP['hanging_protocol']), (0x00080018, 'UI', sop_uid or new_uid()),
                   (0x00720002, 'SH', 'CHEST'), (0x00720004, 'LO', 'one view'), (0x00720006, 'CS', 'SITE'),
                   (0x00720008, 'LO', 'sample'), (0x0072000A, 'DT', '20260101'), (0x0072000C, 'SQ', [definition]),
                   (0x0072000E, 'SQ', [code('121025', 'DCM', 'Patient')]), (0x00720014, 'US', 0), (0x00720020, 'SQ', [images]),
                   (0x00720100, 'US', 1), (0x00720102, 'SQ', []), (0x00720200, 'SQ', [display]))


def color_palette(sop_uid=None):
    """Belongs to no patient and no study."""
    ramp = bytes(range(256))
    return Dataset((0x00080016, 'UI', SOP['color_palette']), (0x00080018, 'UI', sop_uid or new_uid()),
                   (0x00281101, 'US', [256, 0, 8]), (0x00281102, 'US', [256, 0, 8]), (0x00281103, 'US', [256, 0, 8]),
                   (0x00281201, 'OW', ramp), (0x00281202, 'OW', ramp), (0x00281203, 'OW', ramp),
                   (0x00200013, 'IS', 1), (0x00282000, 'OB', b'\0' * 128), (0x00700080, 'CS', 'SAMPLE'), (0x00700081, 'LO', 'ramp'),
                   (0x00700084, 'PN', 'SAMPLE'))


MAKERS = {'ct': ct, 'dr': dr, 'us': us, 'sc': sc, 'colour': colour, 'ecg': ecg, 'wsi': wsi, 'sr': sr, 'pdf': pdf}


def describe(dataset, path, content, dataset_bytes, transfer_syntax):
    return {'path': path, 'sop_class_uid': dataset.text(0x00080016), 'sop_instance_uid': dataset.text(0x00080018),
            'series_instance_uid': dataset.text(0x0020000E), 'transfer_syntax_uid': transfer_syntax,
            'size_bytes': len(dataset_bytes), 'file_bytes': len(content),
            'sha256': hashlib.sha256(dataset_bytes).hexdigest()}


def write_part10(path, dataset, transfer_syntax=EXPLICIT):
    """Writes one file; returns its facts (UIDs, size and SHA-256 of the dataset)."""
    body = dataset.encode(transfer_syntax)
    content = part10(body, dataset.text(0x00080016), dataset.text(0x00080018), transfer_syntax)
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, 'wb') as out:
        out.write(content)
    return describe(dataset, path, content, body, transfer_syntax)


def make_study(out, kind='ct-chest', images=None, size=512, transfer_syntax=EXPLICIT, **about):
    """Writes a study of one kind into a folder: ct-chest, dr-chest, us, ecg, wsi, sr, pdf, sc, colour.  Returns its facts."""
    if not about.get('description'):
        about['description'] = {'ct-chest': 'CT胸部平扫', 'dr-chest': '胸部正位', 'us': '腹部彩超', 'ecg': '心电图', 'wsi': '胃窦活检'}.get(kind, '')
        if about.get('charset') == 'ascii':
            about['description'] = kind
    study = Study(**about)
    short = kind.split('-')[0]
    count = images or {'ct': 8, 'dr': 2, 'colour': 3, 'wsi': 3}.get(short, 1)
    series, frame, files = study.random.uid(), study.random.uid(), []
    for number in range(1, count + 1):
        options = {'series_uid': series, 'number': number}
        if short == 'ct':
            options.update(size=size, slices=count, frame_uid=frame)
        elif short == 'dr':
            options.update(size=size, view='PA' if number == 1 else 'LL')
        dataset = MAKERS[short](study, **options)
        files.append(write_part10(os.path.join(out, '%s-%03d.dcm' % (short, number)), dataset, transfer_syntax))
    return {'kind': kind, 'study_instance_uid': study.study_uid, 'series_instance_uid': series, 'patient_name': study.name,
            'patient_id': study.patient_id, 'accession_number': study.accession, 'charset': study.charset, 'files': files}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest='command', required=True)
    one = commands.add_parser('study', help='write a whole study into a folder')
    one.add_argument('--kind', default='ct-chest', choices=['ct-chest', 'dr-chest', 'us', 'ecg', 'wsi', 'sr', 'sc'])
    one.add_argument('--images', type=int)
    one.add_argument('--size', type=int, default=512)
    two = commands.add_parser('object', help='write one file')
    two.add_argument('--kind', default='sc', choices=sorted(MAKERS) + ['hanging_protocol', 'color_palette'])
    for part in (one, two):
        part.add_argument('--out', required=True)
        part.add_argument('--implicit', action='store_true')
        part.add_argument('--name', default='ZHANG^SAN=张^三')
        part.add_argument('--id', dest='patient_id', default='YQ20260001')
        part.add_argument('--sex', default='M')
        part.add_argument('--birth', default='19570312')
        part.add_argument('--accession', default='')
        part.add_argument('--charset', default='utf8', choices=sorted(CHARSETS))
        part.add_argument('--study-uid')
        part.add_argument('--seed', type=int)
    args = vars(parser.parse_args())
    command, kind, out = args.pop('command'), args.pop('kind'), args.pop('out')
    syntax = IMPLICIT if args.pop('implicit') else EXPLICIT
    if command == 'study':
        result = make_study(out, kind, args.pop('images'), args.pop('size'), syntax, **args)
    elif kind in ('hanging_protocol', 'color_palette'):
        result = write_part10(out, globals()[kind](), syntax)
    else:
        result = write_part10(out, MAKERS[kind](Study(**args)), syntax)
    json.dump(result, sys.stdout, ensure_ascii=False, indent=1)
    print()


if __name__ == '__main__':
    main()
