import paddle
import pytest

from textzoo.nets.feeds import needed


def test_what_the_settings_call_for_is_there_or_named():
    feed = paddle.ones([2])
    assert needed(feed, "ngrams") is feed
    with pytest.raises(ValueError, match="ngrams: missing from the batch"):
        needed(None, "ngrams")
