"""A line of text with labels to ids."""

from textzoo.readers.xmlcnn import Reader

__all__ = ["Reader"]
