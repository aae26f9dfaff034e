"""The handwritten digits that come with scikit-learn (Alpaydin & Kaynak, UCI, 1998)."""

import numpy as np

from kerascnn.data.dataset import Source, Split
from kerascnn.data.splitting import ALL, Opening
from kerascnn.errors import need


def digits(opening: Opening) -> Source:
    """1,797 images of 8 x 8 pixels, ten classes."""
    bunch = need("sklearn.datasets", "data", 'The data set "digits"').load_digits()
    images = np.round(bunch.images * (255 / 16)).astype(np.uint8)[..., None]
    split = Split(images, {"label": bunch.target.astype(np.int32)})
    return Source(parts={ALL: split}, labels=tuple("0123456789"), channels=1)
