"""A line `query<TAB>title`, or `query<TAB>title<TAB>negative`, to ids."""

from textzoo.pair_reader import Reader

__all__ = ["Reader"]
