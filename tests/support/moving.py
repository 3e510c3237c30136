"""A tiny film in MP4 (ISO 14496-12, -14, -15) of H.264 (ISO 14496-10) that needs no encoder: every picture is coded alone, its samples as they are (I_PCM)."""
import struct

TIMESCALE, PER_PICTURE = 25, 1
MATRIX = struct.pack('>9i', 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


class _Bits:
    def __init__(self):
        self.text = ''

    def u(self, count, value):
        self.text += format(value, f'0{count}b')
        return self

    def ue(self, value):
        """Exponential Golomb, section 9.1."""
        digits = format(value + 1, 'b')
        self.text += '0' * (len(digits) - 1) + digits
        return self

    def bytes(self):
        return int('1' + self.text, 2).to_bytes(len(self.text) // 8 + 1, 'big')[1:]


def _end(bits):
    bits.text += '1' + '0' * (-(len(bits.text) + 1) % 8)
    return bits.bytes()


def _sequence(blocks):
    """Baseline, level 1, no order of its own: section 7.3.2.1."""
    bits = _Bits().u(8, 66).u(8, 0xC0).u(8, 10).ue(0).ue(0).ue(2).ue(1).u(1, 0).ue(blocks - 1).ue(blocks - 1)
    return b'\x67' + _end(bits.u(1, 1).u(1, 1).u(1, 0).u(1, 0))


def _picture_set():
    bits = _Bits().ue(0).ue(0).u(1, 0).u(1, 0).ue(0).ue(0).ue(0).u(1, 0).u(2, 0).ue(0).ue(0).ue(0)
    return b'\x68' + _end(bits.u(1, 1).u(1, 0).u(1, 0))


def _picture(number, blocks, luma):
    """One slice of blocks of one grey: no byte is 0, so none looks like a start code."""
    bits = _Bits().ue(0).ue(7).ue(0).u(4, 0).ue(number % 2).u(1, 0).u(1, 0).ue(0).ue(1)
    out = b''
    for _ in range(blocks * blocks):
        bits.ue(25)
        bits.text += '0' * (-len(bits.text) % 8)
        out += bits.bytes() + bytes((luma,)) * 256 + b'\x80' * 128
        bits = _Bits()
    return b'\x65' + out + b'\x80'


def _box(kind, *parts):
    body = b''.join(parts)
    return struct.pack('>I4s', 8 + len(body), kind) + body


def _full(kind, flags, *parts):
    return _box(kind, struct.pack('>I', flags), *parts)


def _table(kind, *entries):
    return _full(kind, 0, struct.pack('>I', len(entries)), *entries)


def _movie(side, sizes, sequence, picture_set, offset):
    length = len(sizes) * PER_PICTURE
    config = (bytes((1,)) + sequence[1:4] + b'\xff\xe1' + struct.pack('>H', len(sequence)) + sequence + b'\1' + struct.pack('>H', len(picture_set)) + picture_set)
    entry = _box(b'avc1', bytes(6), struct.pack('>H', 1), bytes(16), struct.pack('>HHIIIH', side, side, 0x480000, 0x480000, 0, 1), bytes(32),
                 struct.pack('>Hh', 24, -1), _box(b'avcC', config))
    samples = _box(b'stbl', _table(b'stsd', entry), _table(b'stts', struct.pack('>II', len(sizes), PER_PICTURE)),
                   _table(b'stsc', struct.pack('>III', 1, len(sizes), 1)),
                   _full(b'stsz', 0, struct.pack('>II', 0, len(sizes)), struct.pack(f'>{len(sizes)}I', *sizes)), _table(b'stco', struct.pack('>I', offset)))
    media = _box(b'mdia', _full(b'mdhd', 0, struct.pack('>IIIIHH', 0, 0, TIMESCALE, length, 0x55C4, 0)),
                 _full(b'hdlr', 0, bytes(4), b'vide', bytes(12), b'\0'),
                 _box(b'minf', _full(b'vmhd', 1, bytes(8)), _box(b'dinf', _table(b'dref', _full(b'url ', 1))), samples))
    track = _box(b'trak', _full(b'tkhd', 3, struct.pack('>IIIII', 0, 0, 1, 0, length), bytes(16), MATRIX, struct.pack('>II', side << 16, side << 16)), media)
    head = _full(b'mvhd', 0, struct.pack('>IIIIIHH', 0, 0, TIMESCALE, length, 0x10000, 0x100, 0), bytes(8), MATRIX, bytes(24), struct.pack('>I', 2))
    return _box(b'moov', head, track)


def film(blocks=2, pictures=25):
    """Square, 16 pixels a block; from dark to light, 25 pictures a second. What tells of the pictures stands before them."""
    sequence, picture_set = _sequence(blocks), _picture_set()
    coded = [_picture(n, blocks, 40 + 180 * n // pictures) for n in range(pictures)]
    samples = [struct.pack('>I', len(one)) + one for one in coded]
    kind = _box(b'ftyp', b'isom', struct.pack('>I', 0x200), b'isomavc1mp41')
    sizes = [len(one) for one in samples]
    offset = len(kind) + len(_movie(16 * blocks, sizes, sequence, picture_set, 0)) + 8
    return kind + _movie(16 * blocks, sizes, sequence, picture_set, offset) + _box(b'mdat', *samples)
