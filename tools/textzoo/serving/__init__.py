"""Exported models, in one's own Python and behind HTTP."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textzoo.serving.in_process import Encoder, SemanticIndex, Tagger

__all__ = ["Encoder", "SemanticIndex", "Tagger"]


def __getattr__(name: str) -> Any:
    if name in __all__:  # the place where they were first to be had
        import textzoo

        return getattr(textzoo, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
