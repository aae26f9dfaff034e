"""Networks as cards store them."""

import json

import pytest

from kerascnn.applications import ResNet50
from kerascnn.catalogue import ROWS, find, scale
from kerascnn.networks.codec import decode_row, encode_row

STORED = [*{row.name: row for row in ROWS.values()}.values()]


@pytest.mark.parametrize("row", STORED, ids=lambda row: row.name)
def test_a_row_comes_back_from_json(row):
    assert decode_row(json.loads(json.dumps(encode_row(row)))) == row


@pytest.mark.parametrize("row", [scale("efficientnet_b0", 0.5), ResNet50.replace(depths=(1, 1, 1, 1), name="short")])
def test_so_does_one_that_is_in_no_table(row):
    back = decode_row(json.loads(json.dumps(encode_row(row))))
    assert back == row and type(back) is type(row) and back.__doc__ == row.__doc__


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"class": "os:system"}, "no network of this package"),
        ({"class": "kerascnn.applications.resent:ResNet"}, "no family"),
        ({"class": "kerascnn.applications.resnet:ResNett"}, "Did you mean 'ResNet"),
        ({"class": "kerascnn.spec:Style"}, "class and its fields|family and fields|no field"),
        ({"fields": {"name": "x", "depth": [1]}}, "no field 'depth'. Did you mean 'depths'"),
        ({"fields": {}}, "do not fit"),
        ({"fields": 3}, "class and its fields"),
    ],
    ids=str,
)
def test_what_is_no_network_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        decode_row(encode_row(find("resnet50")) | change)
