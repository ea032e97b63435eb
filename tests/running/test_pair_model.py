import functools
import tracemalloc

import numpy as np
import paddle
import pytest
from conftest import ROOT
from harness.pair_nets import loss_of, make_net, vectors

from textzoo.config.model_folder import load_model_folder
from textzoo.config.schema import Runner, Teacher
from textzoo.data.batching import training_batches
from textzoo.data.cache import Cache, encoded_rows
from textzoo.errors import BadLine
from textzoo.evaluation.embeddings import EmbeddingEvaluator
from textzoo.readers.pairs import Reader
from textzoo.running.pair_model import KnownPairs, PairModel, _keys
from textzoo.text.ragged import Ragged

ROWS = [
    ("a", "b"),
    ("c", "d"),
    ("a", "e"),
    ("f", "a"),
    ("g", "b"),
    ("h", "i"),
]


@pytest.fixture(scope="module", params=["batchneg", "hardestneg"])
def folder(request):
    return load_model_folder(ROOT / "models" / request.param)


def make_rows(folder, lines):
    """Encode lines with n-grams of one character."""
    file = folder / "pairs.tsv"
    file.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")
    reader = Reader(tokenizer="ngram", ngram_buckets=64, ngram_max=1, max_negatives=3)
    reader.fit((reader.parse("\t".join(line)) for line in lines), {})
    cache = Cache(folder / "cache", "error")
    return encoded_rows([file], reader, True, "", cache), reader


def make_model(model_class, **chosen):
    sizes = {"negatives": "batch"}
    return model_class({**sizes, **chosen})


def feeds_of(tmp_path, lines, chosen=None, **settings):
    rows, _ = make_rows(tmp_path, lines)
    model = make_model(PairModel, **settings)
    chosen = np.arange(len(lines)) if chosen is None else np.array(chosen)
    return model.train_feeds(rows.columns, chosen, np.random.default_rng(0))


# ------------------------------------------------------------------ reading and masks


@pytest.mark.parametrize(
    ("line", "complaint"),
    [("one", "received 1 column"), ("a\tb\tc\td", "received 4"), ("a\t ", "an empty text")],
)
def test_a_line_that_is_no_pair_is_refused(line, complaint):
    with pytest.raises(BadLine, match=complaint):
        Reader().parse(line)


def test_candidates_that_are_the_query_or_known_to_mean_the_same_are_excluded(tmp_path):
    excluded = feeds_of(tmp_path, ROWS)["excluded"]
    known = {frozenset(pair) for pair in ROWS}
    for i, (query, _) in enumerate(ROWS):
        for j, (_, title) in enumerate(ROWS):
            means_the_same = query == title or frozenset((query, title)) in known
            assert excluded[i, j] == (means_the_same and i != j), (query, title)


def test_a_known_pair_is_excluded_even_if_its_row_is_not_in_the_batch(tmp_path):
    excluded = feeds_of(tmp_path, ROWS, chosen=[2, 4])["excluded"]  # (a, e), (g, b); a-b is known
    assert excluded.tolist() == [[0, 1], [0, 0]]


def test_explicit_negatives_follow_the_titles_and_rows_without_one_add_none(tmp_path):
    lines = [("a", "b", "n"), ("c", "d"), ("e", "f", "b")]
    feeds = feeds_of(tmp_path, lines, negatives="given")
    assert feeds["excluded"].tolist() == [
        [0, 0, 0, 0, 1],  # the negative of the last row is the title of the first
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
    ]
    assert feeds["negative_lengths"].tolist() == [3, 3]  # a character and the two ends


def test_every_negative_of_a_row_is_a_candidate_unless_it_is_known_to_mean_the_same(tmp_path):
    lines = [*ROWS[:2], ("g", "b", "nnn", "a", "mm"), ("f", "a", "e"), ("h", "i", "i", "kkkk")]
    others = [("mm", "c")]  # not in the batch
    rows, reader = make_rows(tmp_path, [*lines, *others])
    chosen = np.array([4, 2, 0, 3])
    model = make_model(PairModel, negatives="given")
    feeds = model.train_feeds(rows.columns, chosen, np.random.default_rng(0))

    batch = [lines[row] for row in chosen]
    negatives = [text for row in batch for text in row[2:]]
    assert negatives == ["i", "kkkk", "nnn", "a", "mm", "e"]
    for tokens, n, text in zip(feeds["negative_tokens"], feeds["negative_lengths"], negatives):
        assert tokens[:n].tolist() == reader.tokenize(text, "title")
    known = {frozenset(row[:2]) for row in [*lines, *others]}
    for i, (query, *_) in enumerate(batch):
        for j, candidate in enumerate([row[1] for row in batch] + negatives):
            means_the_same = query == candidate or frozenset((query, candidate)) in known
            assert feeds["excluded"][i, j] == (means_the_same and i != j), (query, candidate)


def test_a_batch_without_any_negative_is_that_of_its_titles_alone(tmp_path, folder):
    lines = [("a", "b", "n"), ("c", "d"), ("e", "f")]
    with_one, without = (
        feeds_of(tmp_path, lines, chosen=[1, 2], negatives=which) for which in ("given", "batch")
    )
    assert (with_one["excluded"][:, :2] == without["excluded"]).all()
    assert with_one["excluded"][:, 2:].tolist() == [[1], [1]]
    queries, candidates = vectors(2, 1), vectors(3, 2)
    losses = [
        loss_of(make_net(folder), queries, candidates[: excluded.shape[1]], excluded)
        for excluded in (with_one["excluded"], without["excluded"])
    ]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


@pytest.mark.parametrize(
    ("negatives", "row", "warns"),
    [
        ("batch", ("a", "b", "n"), True),
        ("random", ("a", "b", "n"), True),
        ("given", ("a", "b"), True),
        ("given", ("a", "b", "n"), False),
        ("batch", ("a", "b"), False),
    ],
)
def test_negatives_that_no_loss_sees_are_told(tmp_path, caplog, negatives, row, warns):
    feeds_of(tmp_path, [row, ("c", "d")], negatives=negatives)
    said = f"{len(row) - 2} of 2 rows have negatives in further columns"
    assert (said in caplog.text) == warns
    assert (f"hyper_parameters.negatives is {negatives}" in caplog.text) == warns
    # Who has set `given` already is told where negatives come from.
    lacks = negatives == "given" and warns
    assert ("textzoo mine-negatives finds some" in caplog.text) == lacks
    assert ("`given` takes them" in caplog.text) == (warns and not lacks)


def test_a_row_with_many_negatives_does_not_make_the_keys_of_all_rows_wide():
    counts = np.full(2000, 4)
    counts[7] += 2 * 500
    columns = {"keys": Ragged.with_counts(np.arange(counts.sum(), dtype=np.int32), counts)}
    rows = np.array([*range(2000), 8])
    tracemalloc.start()
    found = _keys(columns, rows)
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    halves = [columns["keys"].chosen(np.array([row])).values[:4] for row in rows]
    np.testing.assert_array_equal(found, np.array(halves).view(np.uint64))
    assert memory < 20 * found.nbytes  # of each row 1 KB and more, where all are as the longest


def test_random_negatives_are_one_other_title_for_each_query(tmp_path):
    lines = [(f"query {i}", f"title {i}") for i in range(50)]
    feeds = feeds_of(tmp_path, lines, chosen=range(30), negatives="random")
    own = np.eye(30)
    np.testing.assert_array_equal(feeds["excluded"], 1 - np.concatenate([own, own], axis=1))


def test_a_random_negative_is_never_known_to_mean_the_same(tmp_path):
    keys = np.array([[1, 2], [1, 3], [4, 1], [5, 6]], np.uint64)
    known = KnownPairs(keys)
    random = np.random.default_rng(0)
    drawn = [known.draw_others(keys[:, 0], random) for _ in range(50)]
    titles = keys[:, 1][np.array(drawn)]
    assert set(titles[:, 0].tolist()) == {6}  # 2, 3, 4 mean the same as 1; 1 is itself
    assert set(titles[:, 3].tolist()) == {1, 2, 3}


def test_batches_hold_no_text_twice_while_there_is_a_choice():
    random = np.random.default_rng(0)
    lengths = random.integers(1, 20, 1000)
    keys = random.integers(0, 600, (1000, 2))
    batches = training_batches(lengths, 16, seed=1, epoch=0, distinct_keys=keys)
    assert sorted(np.concatenate(batches)) == list(range(1000))
    assert len(batches) == len(training_batches(lengths, 16, seed=1, epoch=0))
    clashing = 0
    for batch in batches:
        texts = [key for row in batch for key in set(keys[row].tolist())]
        clashing += len(texts) - len(set(texts))
    plain = training_batches(lengths, 16, seed=1, epoch=0)
    without = sum(16 * 2 - len(set(keys[batch].ravel().tolist())) for batch in plain)
    assert clashing <= 5 < without


def test_a_line_without_pairs_is_a_pair_of_itself():
    pair = Reader(unlabelled=True).parse("one\ttext ")
    assert pair == ("one\ttext", "one\ttext", ())


# ------------------------------------------------------------------ a teacher


TAUGHT = {"query": [[1, 0, 0, 0], [0, 1, 0, 0]], "title": [[0, 0, 1, 0], [0.6, 0, 0, 0.8]]}


def with_teacher(columns, sides=("query", "title")):
    offsets = np.arange(3) * 4
    lists = {side: np.array(TAUGHT[side], np.float16).ravel() for side in sides}
    return {**columns, **{f"{side}_teacher": Ragged(v, offsets) for side, v in lists.items()}}


@pytest.mark.parametrize("weight", [0.25, 1])
def test_the_teacher_has_its_share_of_the_loss(tmp_path, folder, weight):
    rows, _ = make_rows(tmp_path, [("a", "b"), ("c", "d")])
    columns, chosen = with_teacher(rows.columns), np.array([1, 0])
    model = make_model(PairModel, teacher=Teacher(weight=weight))
    feeds = model.train_feeds(columns, chosen, np.random.default_rng(0))
    assert feeds["title_teacher"].dtype == np.float32
    np.testing.assert_allclose(feeds["title_teacher"], np.array(TAUGHT["title"])[[1, 0]], atol=1e-3)

    net = make_net(folder)
    tensors = {name: paddle.to_tensor(array) for name, array in feeds.items()}
    embeddings = {
        side: net(*(paddle.to_tensor(x) for x in rows.columns[side].padded(chosen))).numpy()
        for side in ("query", "title")
    }
    cosines = [(embeddings[s] * feeds[f"{s}_teacher"]).sum(axis=1) for s in ("query", "title")]
    expected = weight * np.mean(1 - np.array(cosines))
    if weight < 1:
        expected += (1 - weight) * loss_of(net, *embeddings.values(), np.zeros((2, 2)))
    else:
        assert "excluded" not in feeds  # nothing of the pairs is computed
    assert float(model.train_forward(net, tensors)) == pytest.approx(expected, rel=1e-5)


def test_of_single_texts_each_is_embedded_once(tmp_path):
    rows, _ = make_rows(tmp_path, [("a", "a"), ("c", "c")])
    model = make_model(PairModel, teacher=Teacher(weight=1))
    columns = with_teacher(rows.columns, ["query"])
    feeds = model.train_feeds(columns, np.arange(2), np.random.default_rng(0))
    assert list(feeds) == ["query_tokens", "query_lengths", "query_teacher"]


# ------------------------------------------------------------------ losses


def test_a_row_without_any_negative_has_no_loss(folder):
    queries, titles = vectors(3, 1), vectors(3, 2)
    excluded = ~np.eye(3, dtype=bool)
    assert loss_of(make_net(folder, margin=0.1), queries, titles, excluded) == 0


# ------------------------------------------------------------------ evaluation


class OneHotRun:
    """Embeds a text by how often each of its n-grams occurs."""

    class model:
        infer_feeds = staticmethod(functools.partial(Reader.infer_feeds, hyper_parameters={}))

    def infer_step(self, feeds):
        counts = np.zeros((len(feeds["tokens"]), 64), np.float32)
        for row, text, n in zip(counts, feeds["tokens"], feeds["lengths"]):
            row[text[:n]] = 1
        return {"embeddings": counts / np.linalg.norm(counts, axis=1, keepdims=True)}


def test_recall_over_a_corpus_equals_a_calculation_by_hand(tmp_path):
    lines = [("ab", "abc"), ("xy", "abd"), ("ab", "lost"), ("ab", "ab")]
    rows, reader = make_rows(tmp_path, lines)
    run = OneHotRun()
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("ab\nabd\nabc\nxyz\nxy\nxyw\n", encoding="utf-8")
    evaluator = EmbeddingEvaluator(Runner(corpus_file=corpus), reader, rows, np.arange(4))
    found = evaluator(run, ["recall@1", "recall@2", "mrr"]).result()
    # "ab": abd and abc are equally near, abd comes first in the corpus. "xy": xyz, xyw, then the
    # others alike, of which "ab" is the shortest. A lost title and the query itself: never.
    assert found["rows"] == 4
    assert found["recall@1"] == 0
    assert found["recall@2"] == pytest.approx(1 / 4)
    assert found["mrr"] == pytest.approx((1 / 2 + 1 / 4) / 4)
