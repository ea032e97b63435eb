"""TextZoo: text tagging and semantic retrieval on PaddlePaddle.

An exported model in three lines:

    from textzoo import Tagger

    tagger = Tagger.load("exported")
    tagger.predict(["a text", "another one"])

`Encoder` embeds texts, `SemanticIndex` searches them. They are imported when first asked for:
importing `textzoo` itself needs none of the packages behind them.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textzoo.serving.in_process import Encoder, SemanticIndex, Tagger

__version__ = "0.4.0"
__all__ = ["Encoder", "SemanticIndex", "Tagger"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("textzoo.serving.in_process"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
