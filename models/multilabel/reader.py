"""A line of text with labels, or with a level for each label, to ids."""

from textzoo.readers.multilabel import Reader

__all__ = ["Reader"]
