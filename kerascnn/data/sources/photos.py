"""107 photographs of fish, monuments, tools and windmills, CC0 or in the public domain.

They are a part of the image folders of GCompris 3.1, a suite of free education software, scaled down to a short side of
at most 160 pixels; ``SOURCES.csv`` beside them has the licence and the source of each.
"""

from pathlib import Path

from kerascnn.data.dataset import Source
from kerascnn.data.sources.folder import from_folder
from kerascnn.data.splitting import Opening

FOLDER = Path(__file__).parent.with_name("photos")


def photos(opening: Opening) -> Source:
    return from_folder(FOLDER, opening)
