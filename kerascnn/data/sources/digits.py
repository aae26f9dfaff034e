"""The handwritten digits that come with scikit-learn (Alpaydin & Kaynak, UCI, 1998)."""

import numpy as np

from kerascnn.data.dataset import Data, Split
from kerascnn.data.splitting import Opening, held_out
from kerascnn.errors import need


def digits(how: Opening) -> Data:
    """1,797 images of 8 x 8 pixels, ten classes."""
    bunch = need("sklearn.datasets", "data", 'The data set "digits"').load_digits()
    images = np.round(bunch.images * (255 / 16)).astype(np.uint8)[..., None]
    labels = tuple("0123456789")
    train, validation = held_out(
        Split(images, {"label": bunch.target.astype(np.int32)}), how.validation, how.seed, labels
    )
    return Data(train=train, validation=validation, labels=labels, channels=1)
