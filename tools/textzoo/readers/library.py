"""The readers of the zoo's models, by the names that exported folders call them."""

from typing import Optional

from textzoo.readers import multilabel, pairs, tagspace, xmlcnn
from textzoo.text.reader import Reader

READERS: dict[str, type[Reader]] = {
    "multilabel": multilabel.Reader,
    "pairs": pairs.Reader,
    "tagspace": tagspace.Reader,
    "xmlcnn": xmlcnn.Reader,
}


def library_name(reader_class: type[Reader]) -> Optional[str]:
    """The name of a reader; None where a model folder has a reader of its own."""
    return next((name for name, known in READERS.items() if known is reader_class), None)
