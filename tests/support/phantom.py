"""Pictures for the sample studies: a chest phantom in slices and in projection, a moving fan, heart beats.  Standard library only."""
import array
import functools
import math
import sys
from random import Random

# (centre x, centre y, half width, half height, value in HU), painted in order; positions in units of half the picture.
BODY = [(0, 0.05, 0.82, 0.60, 40), (0, 0.05, 0.76, 0.54, 55)]
LUNGS = [(-0.38, 0.0, 0.27, 0.42, -820), (0.40, 0.0, 0.26, 0.42, -820)]
INNER = [(0.10, -0.06, 0.22, 0.22, 45), (0, 0.42, 0.12, 0.11, 420), (0, 0.40, 0.05, 0.04, 20), (0, -0.49, 0.10, 0.03, 350),
         (-0.05, 0.26, 0.055, 0.055, 60), (0.06, 0.27, 0.06, 0.06, 130), (0, 0.02, 0.04, 0.05, -950)]
NODULE = (-0.42, 0.14, 0.06, 0.06, 35)


def _fill(rows, size, shape, grow=1.0):
    x, y, half_width, half_height, value = shape
    half_width, half_height = half_width * grow, half_height * grow
    half = size / 2
    for row in range(max(0, int((y - half_height + 1) * half)), min(size, int((y + half_height + 1) * half) + 1)):
        v = ((row + 0.5) / half - 1 - y) / half_height if half_height else 2
        if abs(v) >= 1:
            continue
        reach = half_width * math.sqrt(1 - v * v)
        left, right = int((x - reach + 1) * half + 0.5), int((x + reach + 1) * half + 0.5)
        left, right = max(left, 0), min(right, size)
        if right > left:
            rows[row][left:right] = array.array('i', [value]) * (right - left)


def _to_bytes(numbers):
    out = array.array('H', numbers)
    if sys.byteorder == 'big':
        out.byteswap()
    return out.tobytes()


@functools.cache
def _noise():
    """Drawn once: to draw it for each slice takes longer than all the rest of a small one."""
    chance = Random(1)
    return [int(chance.gauss(0, 12)) for _ in range(4096)]


def chest_slice(size, place, random):
    """One slice, 12 bits stored as HU + 1024; place 0 (top) .. 1 (base) changes the lungs, ribs and the nodule."""
    rows = [array.array('i', [-1000]) * size for _ in range(size)]
    for shape in BODY:
        _fill(rows, size, shape)
    lung = 0.55 + 0.45 * math.sin(math.pi * min(max(place, 0.05), 0.95))
    for shape in LUNGS:
        _fill(rows, size, shape, lung)
    for shape in INNER:
        _fill(rows, size, shape)
    for n in range(10):
        angle = (n + place * 3) * math.pi / 5
        _fill(rows, size, (0.74 * math.cos(angle), 0.05 + 0.53 * math.sin(angle), 0.045, 0.03, 380))
    if abs(place - 0.5) < 0.2:
        _fill(rows, size, NODULE, 1 - 3 * abs(place - 0.5))
    noise = _noise()
    out = []
    for row in rows:
        start = random.randrange(4096 - 1)
        out.extend(min(max(value + 1024 + noise[(start + at) & 4095], 0), 4095) for at, value in enumerate(row))
    return _to_bytes(out)


def _chord(shape, x, y):
    u, v = (x - shape[0]) / shape[2], (y - shape[1]) / shape[3]
    inside = 1 - u * u - v * v
    return math.sqrt(inside) if inside > 0 else 0.0


def chest_projection(size, random):
    """A film seen from the front: dark lungs, bright heart, spine and ribs; 12 bits."""
    torso, heart, spine = (0, 0.25, 0.85, 1.15), (0.16, 0.32, 0.30, 0.34), (0, 0.1, 0.07, 3.0)
    lungs = [(-0.40, -0.05, 0.30, 0.62), (0.42, -0.05, 0.29, 0.62)]
    out = []
    for row in range(size):
        y = 2 * (row + 0.5) / size - 1
        for column in range(size):
            x = 2 * (column + 0.5) / size - 1
            value = 2600 * _chord(torso, x, y) + 700 * _chord(heart, x, y) + 500 * _chord(spine, x, y)
            lung = _chord(lungs[0], x, y) + _chord(lungs[1], x, y)
            if lung:
                rib = math.sin((y * 1.0 - 0.35 * abs(x)) * 26)
                value += -1900 * lung + (260 if rib > 0.55 else 0)
            out.append(min(max(int(value) + 350 + (row * 31 + column * 17) % 23, 0), 4095))
    for row in range(size // 16, size // 16 + max(size // 20, 1)):  # the marker for the left side of the patient
        for column in range(size - size // 8, size - size // 8 + max(size // 60, 1)):
            out[row * size + column] = 4095
    base = size // 16 + max(size // 20, 1)
    for column in range(size - size // 8, size - size // 8 + max(size // 30, 1)):
        out[base * size + column] = 4095
    return _to_bytes(out)


def fan(size, frames, random):
    """8 bit frames of an ultrasound fan in which a dark spot moves."""
    out = bytearray()
    grain = bytes(random.randrange(40, 120) for _ in range(1024))
    for frame in range(frames):
        spot = 0.5 + 0.25 * math.sin(2 * math.pi * frame / max(frames, 1))
        for row in range(size):
            for column in range(size):
                x, y = 2 * column / size - 1, row / size
                depth = math.hypot(x, y)
                seen = y > abs(x) * 1.2 and depth < 0.98
                dark = math.hypot(x, y - spot) < 0.14
                out.append(grain[(row * 37 + column * 11 + frame) & 1023] if seen and not dark else (8 if seen else 0))
    if len(out) % 2:
        out.append(0)
    return bytes(out)


def heart_beats(leads, samples):
    """Interleaved 16 bit samples: a P wave, a QRS complex and a T wave each 400 samples."""
    waves = ((60, 15, 110), (118, 6, -120), (128, 7, 1000), (138, 6, -240), (230, 28, 260))
    beat = [int(sum(height * math.exp(-((at - middle) / width) ** 2) for middle, width, height in waves)) for at in range(400)]
    out = array.array('h', (beat[at % 400] * (lead + 4) // 12 * (-1 if lead == 3 else 1)
                            for at in range(samples) for lead in range(leads)))
    if sys.byteorder == 'big':
        out.byteswap()
    return out.tobytes()
