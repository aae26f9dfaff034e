"""Settings for every test: quiet, on the CPU, nothing from one test in the next."""

import gc
import os
from datetime import date
from zlib import crc32

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import pytest


@pytest.fixture(scope="session", autouse=True)
def cache_of_its_own(tmp_path_factory):
    """What is kept from one run to the next is kept from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASCNN_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session", autouse=True)
def imports_are_not_garbage():
    """What was imported stays, so that freeing a test's networks need not look through it: 0.3 seconds each time."""
    import keras  # noqa: F401

    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def fresh_keras():
    """Free the last test's networks, and start from one seed."""
    import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(0)


def pytest_addoption(parser):
    parser.addoption(
        "--shard",
        default="all",
        help="of the tests marked sharded, run part k of n (k/n), today's part of n (today/n), or all of them",
    )


def pytest_collection_modifyitems(config, items):
    part, _, parts = config.getoption("--shard").partition("/")
    if part == "all":
        return
    wanted = (date.today().toordinal() if part == "today" else int(part)) % int(parts)
    mine = [
        item
        for item in items
        if not item.get_closest_marker("sharded") or crc32(item.nodeid.encode()) % int(parts) == wanted
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in mine])
    items[:] = mine
