"""What a net takes under some of its settings only."""

from typing import Optional

import paddle


def needed(feed: Optional[paddle.Tensor], name: str) -> paddle.Tensor:
    """A feed that the net's settings call for.

    Raises:
        ValueError: the batch lacks it.
    """
    if feed is None:
        raise ValueError(f"{name}: missing from the batch, expected with these settings of the net")
    return feed
