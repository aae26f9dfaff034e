"""The command line. Each command imports what it needs when it runs, so that help and lists come at once.

A file for each group of commands, which adds them and runs them.
"""

import argparse
import os
import sys
from typing import Any

from kerascnn import __version__
from kerascnn.cli import catalogue, compression, shipping, training
from kerascnn.cli.common import say

__all__ = ["main", "parser"]

EPILOG = """examples:
  kerascnn list "eff*"                                    networks whose names match
  kerascnn weights resnet50                               its published weights, by tag
  kerascnn info efficientnet_v2_s                         its parameters, multiply-adds, memory, paper
  kerascnn info --ledger "resnet*"                        ours against every other implementation of it
  kerascnn train recipes/digits.py                        train, export, verify, report
  kerascnn train recipes/digits.py --set length.epochs=5  the same, changed
  kerascnn train recipes/photos.py --data my_photos       your own: one sub-folder per class
  kerascnn train recipes/photos.py --data tfds:cifar10    or TFRecord files, a .csv, an .npz
  kerascnn evaluate saved_models/photos/model.onnx --data my_photos --corruptions
  kerascnn compare-layers saved_models/photos/model.keras saved_models/photos/model.int8.tflite --data my_photos
  kerascnn predict saved_models/photos/model.tflite cat.jpg
  kerascnn compress saved_models/photos/model.keras --data my_photos --filters 0.3 --cluster 16
  kerascnn check saved_models/photos/model.int8.tflite    what an Edge TPU, a GPU and XNNPACK make of it
  kerascnn export photos.tflite --android photos_app      an Android app round it, with tests
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit status: 0 done, 2 something given was wrong."""
    options = parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # without AVX-512, TensorFlow leaves oneDNN off: 3.5 x slower
    try:
        options.run(options)
    except BrokenPipeError:  # the reader has seen enough: kerascnn weights | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ValueError, OSError, ImportError, RuntimeError, FloatingPointError) as error:
        if options.debug:
            raise
        say(f"kerascnn {options.command}: {error}", error=True)
        return 2
    except KeyboardInterrupt:
        way_on = "; the same command goes on where it stopped" if options.command == "train" else ""
        say(f"\ninterrupted{way_on}", error=True)
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="kerascnn",
        description="Build, train, shrink and ship convolutional networks.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"kerascnn {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")

    def command(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        added.add_argument("--debug", action="store_true", help="show where an error came from")
        added.set_defaults(run=run)
        return added

    for group in (catalogue, training, compression, shipping):
        group.add(command)
    return top
