"""TextZoo: text tagging and semantic retrieval on PaddlePaddle.

A model of one's own, and an exported one, in three lines:

    import textzoo

    run = textzoo.train("tagspace", [("a text", ["a label"]), ...])
    run.tagger().predict(["another text"])

    tagger = textzoo.Tagger.load("exported")
    tagger.predict(["a text", "another one"])

`Encoder` embeds texts, `SemanticIndex` searches them, `SentenceEncoder` embeds them where another
library expects sentence-transformers; `textzoo.sklearn` has an estimator for scikit-learn. They are
imported when first asked for: importing `textzoo` itself needs none of the packages behind them.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textzoo.api.training import Trained, train
    from textzoo.serving.in_process import Encoder, SemanticIndex, Tagger
    from textzoo.serving.sentence_encoder import SentenceEncoder

__version__ = "0.4.0"
__all__ = ["Encoder", "SemanticIndex", "SentenceEncoder", "Tagger", "Trained", "train"]

_MODULES = {
    "Encoder": "textzoo.serving.in_process",
    "SemanticIndex": "textzoo.serving.in_process",
    "SentenceEncoder": "textzoo.serving.sentence_encoder",
    "Tagger": "textzoo.serving.in_process",
    "Trained": "textzoo.api.training",
    "train": "textzoo.api.training",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
