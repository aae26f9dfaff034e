"""Damage: functions of the bytes of a file and a generator of random numbers, each to the damaged bytes."""

import io
import re
import zipfile
import zlib

from kerascnn.data.headers import PNG, png_chunks

EXTREMES = (0, 1, -1, 127, 128, 255, 2**15 - 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63)
TEXTS = (b"-1", b"0", b"2147483648", b"99999999999999999999", b"1e999", b"NaN", b"null", b"[]", b"\xff", b"")


def place(content, random, length=1):
    return int(random.integers(0, max(1, len(content) - length)))


def flipped(content, random):
    """Up to eight bits the other way round."""
    changed = bytearray(content)
    for _ in range(random.integers(1, 9)):
        changed[place(content, random)] ^= 1 << int(random.integers(8))
    return bytes(changed)


def cut(content, random):
    return content[: place(content, random)]


def block(content, random):
    start = place(content, random)
    return start, start + int(random.integers(1, 1 + max(1, len(content) // 4)))


def doubled(content, random):
    start, end = block(content, random)
    return content[:end] + content[start:end] + content[end:]


def left_out(content, random):
    start, end = block(content, random)
    return content[:start] + content[end:]


def exchanged(content, random):
    first, end = block(content, random)
    second = place(content, random)
    length = end - first
    changed = bytearray(content)
    changed[first:end], changed[second : second + length] = content[second : second + length], content[first:end]
    return bytes(changed)


def blank(content, random):
    start, end = block(content, random)
    return content[:start] + bytes([int(random.choice([0, 255]))]) * (end - start) + content[end:]


def extreme(content, random):
    """A number of one to eight bytes at the limits of its type: a length, a count, a place."""
    width = int(random.choice([1, 2, 4, 8]))
    start, value = place(content, random, width), EXTREMES[random.integers(len(EXTREMES))] % 256**width
    order = "little" if random.integers(2) else "big"
    return content[:start] + value.to_bytes(width, order) + content[start + width :]


def huge(content, random):
    """A number or a word in a text, as something else."""
    words = [match.span() for match in re.finditer(rb"-?[0-9.]+|[A-Za-z_]+", content)]
    if not words:
        return extreme(content, random)
    start, end = words[random.integers(len(words))]
    return content[:start] + TEXTS[random.integers(len(TEXTS))] + content[end:]


MUTATORS = (flipped, cut, doubled, left_out, exchanged, blank, extreme, huge)


def mutated(content, random):
    """The content damaged by one to three of the mutators."""
    for _ in range(random.integers(1, 4)):
        content = MUTATORS[random.integers(len(MUTATORS))](content or b"\0", random)
    return content


def within(content, random):
    """The content damaged below its checksums, which are computed again: of an archive's member, of a PNG's part."""
    if content.startswith(PNG):
        parts = [(kind, content[start:end]) for kind, start, end in png_chunks(content)]
        chosen = random.integers(len(parts))
        parts[chosen] = parts[chosen][0], mutated(parts[chosen][1], random)
        return PNG + b"".join(
            len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4) for kind, data in parts
        )
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w") as new:
        members = old.infolist()
        chosen = members[random.integers(len(members))]
        for member in members:
            data = old.read(member)
            new.writestr(member, mutated(data, random) if member is chosen else data)
    return file.getvalue()
