"""What stands in an image file before its pixels: how many, which way up, and the first picture of a WebP film.

EXIF is a TIFF header and a table of entries, https://www.cipa.jp/std/documents/download_e.html?DC-008-Translation-2023-E,
sections 4.5 and 4.6.4; where it lies in a file say JPEG, https://www.w3.org/Graphics/JPEG/itu-t81.pdf, annex B, PNG,
https://www.w3.org/TR/png-3/#eXIf, and WebP, https://developers.google.com/speed/webp/docs/riff_container.
"""

import struct
from collections.abc import Iterator

JPEG, PNG, GIF, BMP = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM"
EXIF = b"Exif\0\0"  # what EXIF begins with in a JPEG, and by mistake in some WebP files
APP1, SCAN, END = 0xE1, 0xDA, 0xD9  # markers of a JPEG: metadata, pixels, the end
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # markers of a JPEG before its height and width
PICTURE, EXTENSION = 0x2C, 0x21  # what parts of a GIF begin with
ORIENTATION = 0x0112  # a tag of EXIF
ANIMATED, ALPHA = 2, 16  # flags of a WebP file


def is_webp(file: bytes) -> bool:
    return file[:4] == b"RIFF" and file[8:12] == b"WEBP"


def is_readable(file: bytes) -> bool:
    """Whether a file begins as one that is read here; 12 bytes tell."""
    bitmap = file.startswith(BMP) and file[6:10] == bytes(4)
    return file.startswith((JPEG, PNG, GIF)) or bitmap or is_webp(file)


def pixels(file: bytes) -> tuple[int, int]:
    """Width and height that a file claims; of a GIF film, those of a strip of all its pictures. (0, 0): it says none.

    Where they stand: JPEG, annex B.2.2; PNG, section 11.2.1; WebP, as above;
    https://www.w3.org/Graphics/GIF/spec-gif89a.txt, sections 18 to 20; and
    https://learn.microsoft.com/windows/win32/api/wingdi/ns-wingdi-bitmapinfoheader.
    """
    try:
        if file.startswith(JPEG):
            frames = (start for marker, start, _ in segments(file) if marker in FRAMES)
            height, width = next((struct.unpack_from(">HH", file, start + 1) for start in frames), (0, 0))
            return width, height
        if file.startswith(PNG):
            return struct.unpack_from(">II", file, 16)
        if file.startswith(GIF):
            sizes = [struct.unpack_from("<HH", file, 6), *gif_pictures(file)]
            return max(width for width, _ in sizes), sum(height for _, height in sizes[1:]) or sizes[0][1]
        if file.startswith(BMP):
            width, height = struct.unpack_from("<ii", file, 18)
            return abs(width), abs(height)
        if is_webp(file):
            return webp_pixels(file)
    except struct.error:
        pass
    return 0, 0


def gif_pictures(gif: bytes) -> Iterator[tuple[int, int]]:
    """Width and height of each picture of a GIF file."""
    place = 13 + colours(gif[10])
    while place < len(gif) and gif[place] in (PICTURE, EXTENSION):
        if gif[place] == PICTURE:
            yield struct.unpack_from("<HH", gif, place + 5)
            place += 11 + colours(gif[place + 9])
        else:
            place += 2
        while place < len(gif) and gif[place]:  # blocks, each after its length
            place += 1 + gif[place]
        place += 1


def colours(flags: int) -> int:
    """Bytes of the table of colours that flags of a GIF file announce."""
    return 3 << (flags & 7) + 1 if flags & 128 else 0


def webp_pixels(webp: bytes) -> tuple[int, int]:
    """Width and height of a WebP file: of its canvas, or of its one picture."""
    for kind, start, _ in riff_chunks(webp, 12):
        if kind == b"VP8X":
            size = webp[start + 4 : start + 10]
            return 1 + int.from_bytes(size[:3], "little"), 1 + int.from_bytes(size[3:], "little")
        if kind == b"VP8L":
            (bits,) = struct.unpack_from("<I", webp, start + 1)
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        if kind == b"VP8 ":
            width, height = struct.unpack_from("<HH", webp, start + 6)
            return width & 0x3FFF, height & 0x3FFF
    return 0, 0


def orientation(file: bytes) -> int:
    """How the stored pixels are shown, as EXIF numbers it: 1 to 8; 1, as they are, where the file does not say.

    5 to 8 exchange rows and columns first. Then 3, 4, 7 and 8 turn the order of the rows round, and 2, 3, 6 and 7 that
    of the columns.
    """
    noted = of_tiff(exif(file))
    return noted if 1 <= noted <= 8 else 1


def exif(file: bytes) -> bytes:
    """The EXIF data of a JPEG, PNG or WebP file, without the name before it; nothing where there is none."""
    if file.startswith(JPEG):
        found = (file[start:end] for marker, start, end in segments(file) if marker == APP1)
        return next((data for data in found if data.startswith(EXIF)), b"").removeprefix(EXIF)
    if file.startswith(PNG):
        return next((file[start:end] for kind, start, end in png_chunks(file) if kind == b"eXIf"), b"")
    if is_webp(file):
        found = (file[start:end] for kind, start, end in riff_chunks(file, 12) if kind == b"EXIF")
        return next(found, b"").removeprefix(EXIF)
    return b""


def of_tiff(data: bytes) -> int:
    """The orientation that the first table of EXIF data notes; 0 where it notes none, or is damaged."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    try:
        if order:
            (table,) = struct.unpack_from(f"{order}I", data, 4)
            (count,) = struct.unpack_from(f"{order}H", data, table)
            for entry in range(table + 2, table + 2 + 12 * count, 12):
                tag, _, _, value = struct.unpack_from(f"{order}HHIH", data, entry)
                if tag == ORIENTATION:
                    return value
    except struct.error:
        pass
    return 0


def segments(jpeg: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, beginning and end of what stands before the pixels of a JPEG."""
    place = 2
    while place + 4 <= len(jpeg) and jpeg[place] == 0xFF:
        marker = jpeg[place + 1]
        if marker in (SCAN, END):
            return
        if marker == 0xFF:  # a marker may be filled up to any place
            place += 1
            continue
        end = place + 2 + int.from_bytes(jpeg[place + 2 : place + 4])
        yield marker, place + 4, end
        place = end


def png_chunks(png: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, beginning and end of every chunk."""
    place = len(PNG)
    while place + 8 <= len(png):
        start, kind = place + 8, png[place + 4 : place + 8]
        end = start + int.from_bytes(png[place : place + 4])
        yield kind, start, end
        place = end + 4


def riff_chunks(webp: bytes, place: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, beginning and end of every chunk from ``place`` on."""
    while place + 8 <= len(webp):
        start, kind = place + 8, webp[place : place + 4]
        end = start + int.from_bytes(webp[place + 4 : place + 8], "little")
        yield kind, start, end
        place = end + end % 2


def still(webp: bytes) -> bytes:
    """A WebP file of one picture: the first, where the file is a film; TensorFlow's decoder ends the process at some.

    Raises ``ValueError`` when the first picture does not fill the film's frame.
    """
    chunks = {}
    for kind, start, end in riff_chunks(webp, 12):
        chunks.setdefault(kind, webp[start:end])
    extended, frame = chunks.get(b"VP8X", b""), chunks.get(b"ANMF", b"")
    if not extended or not extended[0] & ANIMATED:
        return webp
    if frame[:6] != bytes(6) or frame[6:12] != extended[4:10]:
        raise ValueError("the first picture of this WebP film is smaller than the film. Save that picture alone")
    parts = b"VP8X" + struct.pack("<I", 10) + bytes([extended[0] & ALPHA]) + extended[1:10] + frame[16:]
    return b"RIFF" + struct.pack("<I", len(parts) + 4) + b"WEBP" + parts
