"""A line of text with tags, or PaddleRec's line of ids, to ids."""

from textzoo.readers.tagspace import Reader

__all__ = ["Reader"]
