import numpy as np
import scipy.sparse

from textzoo.evaluation.score_matrix import ScoreMatrix


def test_scipy_reads_the_best_labels_of_every_row(tmp_path):
    """Rows come in any order and with more labels than are kept."""
    scores = np.random.default_rng(0).random((7, 9)).astype("float32")
    best = np.argsort(-scores, axis=1)
    matrix = ScoreMatrix(7, 9, 4)
    for numbers in (np.array([5, 0, 2]), np.array([6, 1]), np.array([3, 4])):
        top = best[numbers]
        matrix.add(numbers, top[:, :6], np.take_along_axis(scores[numbers], top, axis=1)[:, :6])
    matrix.save(tmp_path / "scores.npz")
    read = scipy.sparse.load_npz(tmp_path / "scores.npz")
    kept = np.argsort(best, axis=1) < 4
    assert read.shape == (7, 9)
    assert read.has_canonical_format
    np.testing.assert_array_equal(read.toarray(), np.where(kept, scores, 0))
    assert [path.name for path in tmp_path.iterdir()] == ["scores.npz"]


def test_more_labels_than_there_are(tmp_path):
    matrix = ScoreMatrix(1, 2, 100)
    matrix.add(np.array([0]), np.array([[1, 0]]), np.array([[0.9, 0.1]]))
    matrix.save(tmp_path / "scores.npz")
    read = scipy.sparse.load_npz(tmp_path / "scores.npz")
    np.testing.assert_array_equal(read.toarray(), np.float32([[0.1, 0.9]]))
