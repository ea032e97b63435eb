import numpy as np
import pytest
from harness.evaluated import Embeds, FakeRows, FakeRun

from textzoo.evaluation.row_outputs import embed, pools_of_outputs
from textzoo.text.ragged import Ragged


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_each_chosen_row_has_its_own_outputs_once(batch_size):
    random = np.random.default_rng(0)
    rows = FakeRows([""] * 30, words=[[1] * random.integers(1, 9) for _ in range(30)])
    run = FakeRun(scores=np.arange(30) * 10)
    chosen = np.arange(1, 30, 2)
    seen = []
    for pool in pools_of_outputs(run, rows, chosen, batch_size):
        for numbers, outputs in pool:
            np.testing.assert_array_equal(outputs["scores"], numbers * 10)
            seen += numbers.tolist()
    assert sorted(seen) == chosen.tolist()
    assert max(map(len, run.batches)) <= batch_size


def test_rows_of_similar_length_are_computed_together_and_each_pool_is_released():
    lengths = [5, 1, 5, 1]
    rows = FakeRows([""] * 4, words=[[1] * n for n in lengths])
    run = FakeRun(scores=np.zeros(4))
    pools = [list(pool) for pool in pools_of_outputs(run, rows, np.arange(4), 2)]
    assert [sorted(batch) for batch in run.batches] == [[1, 3], [0, 2]]
    assert rows.released == len(pools) == 1


def test_embeddings_are_in_the_order_of_the_texts_whatever_their_lengths():
    random = np.random.default_rng(1)
    texts = [random.integers(1, 9, random.integers(1, 7)).tolist() for _ in range(150)]
    run = Embeds()
    found = embed(run, Ragged.of(texts))
    vectors = np.array([[*text, 0, 0][:3] for text in texts], float)
    expected = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert len(run.batches) > 1


def test_no_texts_have_no_embeddings():
    assert len(embed(Embeds(), Ragged.of([]))) == 0
