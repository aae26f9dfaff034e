"""Settings for every test: quiet, on the CPU, nothing from one test in the next."""

import gc
import json
import os
import sys
from datetime import date
from functools import cache
from pathlib import Path
from statistics import median

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as the commands do

import pytest

KEPT = {"modules": 0}  # how many had been imported when last they were kept


@pytest.fixture(scope="session", autouse=True)
def cache_of_its_own(tmp_path_factory):
    """What is kept from one run to the next is kept from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASCNN_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(autouse=True)
def fresh_keras():
    """Free the last test's networks, and start from one seed."""
    import keras

    keras.backend.clear_session()
    keep_imports()
    keras.utils.set_random_seed(0)


def keep_imports():
    """What was imported stays, so that freeing a test's networks need not look through it: 0.5 seconds each time."""
    if len(sys.modules) > KEPT["modules"]:
        KEPT["modules"] = len(sys.modules)
        gc.freeze()


# -- tests that come in hundreds, or take long, are dealt out to parts that take equally long --------------------------

DURATIONS = Path(__file__).with_name("durations.json")  # measured seconds, by test function and parameters
MEASURED: dict[str, float] = {}
LONG, DAYS = 2.0, 7  # a test that takes so many seconds, alone of its kind, comes in one of so many parts


def pytest_addoption(parser):
    parser.addoption(
        "--shard",
        default="all",
        help="of the tests marked sharded, run part k of n (k/n), today's part of n (today/n), or all of them; "
        f"with a part, also one of {DAYS} of those that take {LONG:g} seconds or more",
    )
    parser.addoption(
        "--write-durations",
        action="store_true",
        help=f"write how long tests that are dealt out took into {DURATIONS.name}, by which parts are evened out",
    )
    parser.addoption(
        "--mutations", type=int, default=20, help="how often tests/faults damages the sound file of each reader"
    )


def pytest_collection_modifyitems(config, items):
    part, _, parts = config.getoption("--shard").partition("/")
    if part == "all":
        return
    day = date.today().toordinal() if part == "today" else int(part)
    sharded = [item.nodeid for item in items if item.get_closest_marker("sharded")]
    long = [item.nodeid for item in items if measured(item.nodeid) >= LONG and item.nodeid not in {*sharded}]
    runs = {}
    for tests, count in ((sharded, int(parts)), (long, DAYS)):
        runs |= {test: number == day % count for test, number in dealt_out(tests, count).items()}
    others = [item for item in items if not runs.get(item.nodeid, True)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if runs.get(item.nodeid, True)]


def measured(test):
    """Seconds of a test; 0 where it was never measured."""
    function, _, parameters = test.partition("[")
    return read_durations().get(function, {}).get(parameters, 0.0)


def dealt_out(tests, parts):
    """The part of each test: the longest first, each goes to the part that has the least so far."""
    seconds = expected_seconds(tests)
    place, total = {}, [0.0] * parts
    for test in sorted(tests, key=lambda test: (-seconds[test], test)):
        place[test] = total.index(min(total))
        total[place[test]] += seconds[test]
    return place


def expected_seconds(tests):
    """Seconds of each test as measured; of an unknown one the median of its function, or of all that are known."""
    table = read_durations()
    of_all = median([s for times in table.values() for s in times.values()] or [1.0])
    usual = {function: median(times.values()) for function, times in table.items()}
    expected = {}
    for test in tests:
        function, _, parameters = test.partition("[")
        expected[test] = table.get(function, {}).get(parameters, usual.get(function, of_all))
    return expected


@cache
def read_durations():
    return json.loads(DURATIONS.read_text(encoding="utf-8")) if DURATIONS.is_file() else {}


def pytest_runtest_logreport(report):
    """With several processes, the one that gathers the reports of all is told too."""
    if "sharded" in report.keywords or report.duration >= LONG:
        MEASURED[report.nodeid] = MEASURED.get(report.nodeid, 0.0) + report.duration


def pytest_sessionfinish(session):
    if session.config.getoption("--write-durations") and not hasattr(session.config, "workerinput"):
        table = read_durations()
        for test, seconds in MEASURED.items():
            function, _, parameters = test.partition("[")
            table.setdefault(function, {})[parameters] = round(seconds, 1)
        DURATIONS.write_text(json.dumps(table, indent=0, sort_keys=True) + "\n", encoding="utf-8")
