"""A line `query<TAB>title`, or `query<TAB>title<TAB>negative`, to ids."""

from textzoo.readers.pairs import Reader

__all__ = ["Reader"]
