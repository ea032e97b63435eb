import numpy as np
import paddle
import pytest

from textzoo.losses.distillation import cosine_distance


def of_length_one(seed):
    vectors = np.random.default_rng(seed).normal(size=(5, 8))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_the_distance_is_half_the_mean_squared_one_of_reimers_and_gurevych():
    ours, theirs = of_length_one(1), of_length_one(2)
    tensors = (paddle.to_tensor(x.astype("float32")) for x in (ours, theirs))
    expected = ((ours - theirs) ** 2).sum(axis=1).mean() / 2
    assert float(cosine_distance(*tensors)) == pytest.approx(expected, rel=1e-5)


def test_it_is_0_only_where_both_agree():
    same = paddle.to_tensor(of_length_one(1).astype("float32"))
    assert float(cosine_distance(same, same)) == pytest.approx(0, abs=1e-6)
    assert float(cosine_distance(same, -same)) == pytest.approx(2, rel=1e-6)
