"""The fit: what is left out really is, limits, and what is chosen."""

from zlib import crc32

import numpy as np
import pytest

from textzoo.config.schema import Linear
from textzoo.errors import UserError
from textzoo.linear import fitting, solving
from textzoo.linear.fitting import Encoder, fit_linear, views_of
from textzoo.text.characters import characters_of
from textzoo.text.ragged import Ragged

NAMES = ["red_things", "blue-things", "停车", "rare"]
WORDS = [["red", "ruby", "rose"], ["blue", "sky", "sea"], ["停车", "车位", "车"]]
RANDOM = np.random.default_rng(4)


def made_up(n):
    texts, labels = [], []
    for row in range(n):
        own = sorted({row % 3, int(RANDOM.integers(3))})
        words = [RANDOM.choice(WORDS[label]) for label in own] + ["and", "the"]
        texts.append(" ".join(words))
        labels.append(own)
    labels[7] = [3]  # of no other row
    return texts, labels


TEXTS, LABELS = made_up(60)
GIVEN = Linear(features="words", regularisation=0.5, label_names=0.0, label_means=0.0)


def embed(texts):
    """Made up of a text: it tells the words of the first label, and much that is noise."""
    random = [np.random.default_rng(crc32(text.encode())) for text in texts]
    vectors = [
        own.normal(2, 1, 5) + 3 * any(w in text for w in WORDS[0])
        for own, text in zip(random, texts)
    ]
    return np.array(vectors) / np.linalg.norm(vectors, axis=1, keepdims=True)


ENCODER = Encoder(embed, "of its files")


def fit(settings=GIVEN, asked=(), texts=TEXTS, labels=LABELS, by_sets=False, encoder=None):
    return fit_linear(
        *(characters_of(list(texts), lower_case=encoder is None), Ragged.of(list(labels)), NAMES),
        *(settings, by_sets, np.array(asked, np.int64), 2, encoder),
    )


def targets(labels=LABELS):
    found = np.zeros((len(labels), len(NAMES)))
    for row, own in enumerate(labels):
        found[row, own] = 1
    return found


def features_of(part, texts, weight):
    """N-grams, and beside them the embeddings less their mean over all rows, times a weight."""
    ngrams = part.features(characters_of(texts)).toarray()
    if not part.embeddings:
        return ngrams
    vectors = embed(texts) - embed(TEXTS).mean(axis=0)
    return np.hstack([ngrams, weight * vectors / np.linalg.norm(vectors, axis=1, keepdims=True)])


def solved(part, counts, strength=0.5, names=0.0, weight=0.0):
    """The weights of a ridge on the same features, in its primal form."""
    x, y = features_of(part, TEXTS, weight), targets()
    if names:
        own = [name.replace("_", " ").replace("-", " ") for name in NAMES]
        x = np.vstack([x, features_of(part, own, weight)])
        y = np.vstack([y, np.eye(len(NAMES))])
        counts = np.append(counts, np.full(len(NAMES), names))
    weighted = x * counts[:, None]
    return np.linalg.solve(x.T @ weighted + strength * np.eye(x.shape[1]), weighted.T @ y)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("names", [0.0, 0.5])
@pytest.mark.parametrize("weight", [0.0, 0.7])
def test_scores_are_those_of_the_ridge_and_of_fits_without_the_row(
    monkeypatch, exact, names, weight
):
    """Where embeddings have a weight, they are further columns of one dense matrix."""
    if not exact:
        monkeypatch.setattr(solving, "EXACT_ROWS", 10)
    asked = [0, 7, 30, 59]
    settings = GIVEN.model_copy(update={"label_names": names, "embeddings_weight": weight})
    part, left_out = fit(settings, asked, encoder=ENCODER if weight else None)
    rows = features_of(part, TEXTS, weight)
    tolerance = 3e-3 if exact else 2e-2
    expected = rows @ solved(part, np.ones(60), names=names, weight=weight)
    np.testing.assert_allclose(part.scores(characters_of(TEXTS)), expected, atol=tolerance)
    assert left_out.rows.tolist() == asked
    folds = [[row] for row in asked] if exact else [asked]  # less than a fifth: left out together
    for fold in folds:
        counts = np.ones(60)
        counts[fold] = 0
        weights = solved(part, counts, names=names, weight=weight)
        for row in fold:
            own = rows[row] @ weights
            own[LABELS[row]] = np.where(np.array(LABELS[row]) == 3, -1, own[LABELS[row]])
            found = left_out.scores[left_out.rows.tolist().index(row)]
            np.testing.assert_allclose(found, own, atol=tolerance)


def test_a_label_that_no_other_row_has_is_unknown_without_the_row():
    _, left_out = fit(asked=range(60))
    assert left_out.scores[7, 3] == -1
    assert (left_out.scores == -1).sum() == 1


def test_no_row_is_left_out_that_is_not_asked_for():
    _, left_out = fit()
    assert left_out.scores.shape == (0, 4)


def test_of_too_many_rows_an_even_part_is_fitted_to_and_the_others_are_scored(monkeypatch, caplog):
    monkeypatch.setattr(fitting, "_MOST_ROWS", 31)
    caplog.set_level("INFO", logger="textzoo")
    part, left_out = fit(asked=range(60))
    assert "linear: fitted to 31 of 60 rows, evenly" in caplog.text
    chosen = np.linspace(0, 59, 31).astype(int)
    others = np.setdiff1d(np.arange(60), chosen)
    np.testing.assert_allclose(
        left_out.scores[others],
        part.scores(characters_of([TEXTS[row] for row in others])),
        atol=1e-6,
    )
    _, alone = fit(
        asked=range(31), texts=[TEXTS[i] for i in chosen], labels=[LABELS[i] for i in chosen]
    )
    np.testing.assert_allclose(left_out.scores[chosen], alone.scores, atol=1e-6)


def test_of_very_many_scores_an_even_part_is_left_out(monkeypatch):
    monkeypatch.setattr(fitting, "_MOST_SCORES", 5 * len(NAMES))
    _, left_out = fit(asked=range(60))
    assert left_out.rows.tolist() == [0, 14, 29, 44, 59]


def test_where_the_ridge_is_too_dear_labels_have_their_means_alone(monkeypatch, caplog):
    monkeypatch.setattr(solving, "_MOST_PRODUCTS", 10)
    caplog.set_level("INFO", logger="textzoo")
    part, _ = fit(Linear(features="words", label_names=0))
    assert "4 labels of 60 rows take too long to solve for" in caplog.text
    assert "regularisation" not in caplog.text  # which nothing needs is not chosen
    rows = part.features(characters_of(TEXTS)).toarray()
    sums = targets().T @ rows
    expected = rows @ (sums / np.linalg.norm(sums, axis=1, keepdims=True)).T
    np.testing.assert_allclose(part.scores(characters_of(TEXTS)), expected, atol=3e-3)


@pytest.mark.parametrize("asked", [[], [3]])
@pytest.mark.parametrize("dense_is_fast", [False, True])
def test_the_cheaper_way_is_gone_and_rows_are_left_out_exactly(monkeypatch, asked, dense_is_fast):
    monkeypatch.setattr(solving, "_DENSE_SPEED", 1e3 if dense_is_fast else 1e-3)
    used = []
    for name in ("kernel", "conjugate_gradients"):
        own = getattr(solving, name)
        monkeypatch.setattr(solving, name, lambda *a, n=name, f=own: used.append(n) or f(*a))
    fit(asked=asked)
    assert set(used) == {"kernel" if asked or dense_is_fast else "conjugate_gradients"}


@pytest.mark.parametrize("by_sets", [False, True])
def test_what_is_not_given_is_chosen_and_said(caplog, by_sets):
    caplog.set_level("INFO", logger="textzoo")
    part, _ = fit(Linear(features="both"), by_sets=by_sets)
    assert caplog.messages[0] == "linear: features both of 60 rows"  # before what takes long
    assert ("micro F1" if by_sets else "ndcg@5") in caplog.text
    assert "of 60 rows that were left out" in caplog.text
    assert (part.scores(characters_of(TEXTS)).argmax(axis=1) == [own[0] for own in LABELS]).any()


def test_rows_without_labels_and_a_single_label_are_fitted_to():
    part, _ = fit(Linear(features="words"), labels=[[], *LABELS[1:]], asked=range(60))
    assert np.isfinite(part.scores(characters_of(TEXTS))).all()
    one = [[0] if row % 2 else [] for row in range(60)]
    part, left_out = fit(Linear(features="words"), labels=one, asked=range(60))
    assert np.isfinite(left_out.scores).all()


@pytest.mark.parametrize("by_sets", [False, True])
def test_the_weight_of_embeddings_is_the_best_for_rows_left_out(caplog, by_sets):
    """What is logged of the chosen one is what a fit with any other does not reach."""
    caplog.set_level("INFO", logger="textzoo")
    quality = {}
    for weight in ("auto", *fitting._WEIGHTS):
        caplog.clear()
        own = Linear(features="words", label_names=0, embeddings_weight=weight)
        part, _ = fit(own, by_sets=by_sets, encoder=ENCODER)
        [told] = [message for message in caplog.messages if "embeddings_weight" in message]
        assert f"embeddings_weight {part.embeddings.weight:g}: " in told
        quality[weight] = float(told.split(" of 60 rows")[0].rpartition(" ")[2])
        if weight == "auto":
            best = part.embeddings.weight
    assert quality[best] == quality["auto"]
    place = fitting._WEIGHTS.index(best)
    neighbours = fitting._WEIGHTS[max(0, place - 1) : place + 2]
    assert quality["auto"] == max(quality[weight] for weight in neighbours)


def test_names_are_embedded_only_where_they_count():
    asked = []

    def remember(texts):
        asked.extend(texts)
        return embed(texts)

    for names, expected in ((0.0, False), (0.5, True)):
        asked.clear()
        settings = GIVEN.model_copy(update={"label_names": names})
        fit(settings, encoder=Encoder(remember, ""))
        assert ("red things" in asked) == expected


def test_where_the_ridge_is_too_dear_embeddings_have_their_means_too(monkeypatch):
    monkeypatch.setattr(solving, "_MOST_PRODUCTS", 10)
    part, _ = fit(Linear(features="words", label_names=0), encoder=ENCODER)
    rows = features_of(part, TEXTS, 1.0)
    sums = targets().T @ rows
    expected = rows @ (sums / np.linalg.norm(sums, axis=1, keepdims=True)).T
    np.testing.assert_allclose(part.scores(characters_of(TEXTS), embed(TEXTS)), expected, atol=1e-2)


def test_too_high_a_count_is_refused():
    with pytest.raises(UserError, match=r"linear\.min_count: received 61, but no n-gram"):
        fit(GIVEN.model_copy(update={"min_count": 61}))


def test_a_mark_that_no_text_has_words_before_is_refused():
    with pytest.raises(UserError, match=r"linear\.lead_words: received '<eos>', but no training"):
        fit(GIVEN.model_copy(update={"lead_words": "<eos>"}), texts=["<eos>" + t for t in TEXTS])
    fit(GIVEN.model_copy(update={"lead_words": "AND"}))


def test_the_n_grams_that_a_config_asks_for():
    def views(*texts, **keys):
        return [tuple(view[:4]) for view in views_of(Linear(**keys), characters_of([*texts]))]

    assert views(features="words") == [("words", 1, 2, 1.0)]
    assert views(features="characters", ngram_max=4) == [("characters", 1, 4, 1.0)]
    both = [("words", 1, 2, 1.0), ("within_words", 3, 5, 0.7)]
    assert views(features="both") == both
    assert views("the cat", "a dog of 王", features="auto") == both
    assert views("电梯坏了 app", features="auto") == [("characters", 1, 3, 1.0)]


def test_rows_of_rare_labels_may_count_more():
    balance, n = 0.5, targets().sum(axis=0)
    weights = np.array([np.mean([n[label] ** -balance for label in own]) for own in LABELS])
    weights /= weights.mean()
    part, left_out = fit(GIVEN.model_copy(update={"label_balance": balance}), asked=[4])
    x, y = part.features(characters_of(TEXTS)).toarray().astype(float), targets()
    rest = np.arange(len(x)) != 4
    xw = x[rest].T * weights[rest]
    without = np.linalg.solve(xw @ x[rest] + 0.5 * np.eye(x.shape[1]), xw @ y[rest])
    assert left_out.scores[0] == pytest.approx(x[4] @ without, abs=1e-3)


def test_the_best_of_a_row_of_values_is_climbed_to():
    asked = []

    def quality(value):
        asked.append(value)
        return -abs(value - 5)

    fitting.climb([1, 2, 3, 4, 5], quality)
    assert max(asked, key=lambda value: -abs(value - 5)) == 5
    assert len(asked) == len(set(asked)) == 4  # 1 is not worth a look
