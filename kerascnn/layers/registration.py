"""The layers of the package are known to Keras from the moment that both are imported, so that saved models load.

Keras finds the layer that a file names among those that were registered, and a class is registered when its module is
imported. These modules import Keras, which takes seconds; so whoever imports it first imports them as well.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from kerascnn.layers import MODULES


def register_with_keras() -> None:
    """Import the modules of all layers: now where Keras is imported already, else right after it."""
    if "keras" in sys.modules:
        import_layers()
    elif not any(isinstance(finder, FinderOfKeras) for finder in sys.meta_path):
        sys.meta_path.insert(0, FinderOfKeras())


def import_layers() -> None:
    for module in sorted(set(MODULES.values())):
        import_module(module)


class FinderOfKeras(MetaPathFinder):
    """Finds Keras as all others do, once, and has the layers imported behind it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "keras":
            return None
        sys.meta_path.remove(self)
        spec = find_spec(fullname)
        loader: Any = spec and spec.loader
        if loader:
            execute = loader.exec_module

            def execute_and_register(module: ModuleType) -> None:
                execute(module)
                import_layers()

            loader.exec_module = execute_and_register
        return spec
