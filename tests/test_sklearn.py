"""The estimator of scikit-learn, by scikit-learn's own checks, and what they do not look at."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from textzoo.errors import UserError
from textzoo.sklearn import TextTagger

WORDS = {"sport": "ball goal team", "food": "bread soup rice", "tech": "code chip net"}
TEXTS = [
    f"the {word} and a {other} {n}"
    for n in range(4)
    for words in WORDS.values()
    for word, other in zip(words.split(), words.split()[::-1])
]
LABELS = [label for _ in range(4) for label in WORDS for _ in range(3)]
SEVERAL = [[own, "even"] if text[-1] in "02" else [own] for text, own in zip(TEXTS, LABELS)]


class OfNumbers(TextTagger):
    """Takes rows of numbers, as most checks give them, for texts: a number is a word."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = False
        tags.input_tags.two_d_array = True
        return tags

    def fit(self, X, y):
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        X, y = validate_data(self, X, y, multi_output=True)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return super().fit(words_of(X), y)

    def predict(self, X):
        check_is_fitted(self, "tagger_")
        return super().predict(words_of(validate_data(self, X, reset=False)))

    def predict_proba(self, X):
        check_is_fitted(self, "tagger_")
        return super().predict_proba(words_of(validate_data(self, X, reset=False)))


def words_of(X):
    rows = [[f"column{i}is{number:.0f}" for i, number in enumerate(row)] for row in X]
    return [" ".join(words).replace("-", "minus") for words in rows]


# Those of a `TextTagger` itself end where rows of numbers begin. None is expected to fail.
@parametrize_with_checks([TextTagger(), OfNumbers()])
def test_scikit_learn_s_own_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def fitted():
    return TextTagger().fit(TEXTS, LABELS)


def test_labels_come_back_as_they_were_given(fitted):
    assert fitted.classes_.tolist() == sorted(WORDS)
    assert fitted.predict(["a ball", "some soup"]).tolist() == ["sport", "food"]
    assert fitted.score(TEXTS, LABELS) == accuracy_score(LABELS, fitted.predict(TEXTS)) == 1
    found = TextTagger().fit(np.array(TEXTS), [len(label) for label in LABELS])
    assert found.predict(["bread"]).tolist() == [4] and found.classes_.dtype.kind == "i"
    # Labels that are no texts a file can hold.
    blank = TextTagger().fit(TEXTS, [f" {label}" for label in LABELS])
    assert blank.predict(["bread"]).tolist() == [" food"]


def test_probabilities_are_those_of_the_tagger_and_sum_to_1(fitted):
    found = fitted.predict_proba(TEXTS)
    by_label = dict(zip(fitted.tagger_.label_names, fitted.tagger_.predict_proba(TEXTS).T))
    expected = np.stack([by_label[label] for label in fitted.classes_], axis=1)
    np.testing.assert_allclose(found, expected / expected.sum(axis=1, keepdims=True))
    assert (fitted.classes_[found.argmax(axis=1)] == fitted.predict(TEXTS)).all()


def test_the_metrics_are_of_texts_that_are_left_out(fitted):
    assert fitted.metrics_["rows"] == len(TEXTS)


def test_several_labels_as_lists_and_as_a_matrix():
    names = sorted({label for own in SEVERAL for label in own})
    matrix = np.array([[name in own for name in names] for own in SEVERAL], int)
    lists, columns = TextTagger().fit(TEXTS, SEVERAL), TextTagger().fit(TEXTS, matrix)
    assert lists.classes_.tolist() == names and columns.classes_.tolist() == [0, 1, 2, 3]
    found = lists.predict(TEXTS)
    assert columns.predict(TEXTS).tolist() == [[n in own for n in names] for own in found]
    assert lists.score(TEXTS, SEVERAL) == columns.score(TEXTS, matrix)
    assert f1_score(matrix, columns.predict(TEXTS), average="micro") > 0.8


def test_texts_may_have_no_label_and_a_column_no_text():
    matrix = np.zeros((len(TEXTS), 4), int)
    for row, label in zip(matrix[3:], LABELS[3:]):
        row[list(WORDS).index(label)] = 1
    found = TextTagger().fit(TEXTS, matrix)
    assert found.predict_proba(TEXTS).shape == (len(TEXTS), 4)
    assert not found.predict_proba(TEXTS)[:, 3].any()


def test_in_a_pipeline_and_a_grid_of_parameters():
    upper = FunctionTransformer(lambda texts: [text.upper() for text in texts])
    pipeline = make_pipeline(upper, TextTagger())
    grid = {"texttagger__regularisation": [0.5, 2.0], "texttagger__features": ["words"]}
    search = GridSearchCV(pipeline, grid, cv=KFold(2, shuffle=True, random_state=0), n_jobs=1)
    search.fit(TEXTS, LABELS)
    assert search.best_score_ > 0.8
    assert search.best_estimator_[-1].get_params()["features"] == "words"


def test_a_pickle_holds_the_model(fitted, tmp_path):
    found = pickle.loads(pickle.dumps(fitted))
    assert found.predict(TEXTS).tolist() == fitted.predict(TEXTS).tolist()
    np.testing.assert_array_equal(found.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    with pytest.raises(NotFittedError):
        clone(found).predict(TEXTS)


def test_a_net_may_be_trained_beside_it():
    settings = {"runner": {"train_batch_size": 8}, "hyper_parameters": {"hid_dim": 8}}
    found = TextTagger("tagspace", epochs=2, overrides=settings, random_state=3)
    found.fit(TEXTS, LABELS)
    assert found.metrics_["rows"] == round(0.1 * len(TEXTS))  # held out
    assert found.predict(["bread"]).tolist() == ["food"]


@pytest.mark.parametrize(
    ("texts", "labels", "says"),
    [
        ("a text", LABELS, "received one text"),
        ([["a"], ["b"]], ["x", "y"], r"X\[0\]: received list, expected a text"),
        (np.array([["a"], ["b"]]), ["x", "y"], "received 2 dimensions"),
        ([], [], "found 0 texts"),
        (["a", None], ["x", "y"], r"X\[1\]: received NoneType"),
        (["a", "b"], ["x"], "found 2 texts and 1 labels"),
        (["a", "b"], ["x", "x"], "received 1 class"),
        (["a", "b"], None, "requires y to be passed"),
    ],
)
def test_what_is_no_text_or_label_is_a_value_error(texts, labels, says):
    with pytest.raises(ValueError, match=says):
        TextTagger().fit(texts, labels)


def test_a_parameter_that_the_config_refuses_is_named():
    with pytest.raises(UserError, match=r"hyper_parameters\.linear\.features: received 'wrods'"):
        TextTagger(features="wrods").fit(TEXTS, LABELS)


def test_without_scikit_learn_the_extra_is_named():
    code = "import sys; sys.modules['sklearn'] = None; import textzoo.sklearn"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "tools", capture_output=True, text=True
    )
    assert "pip install 'textzoo[sklearn]'" in found.stderr.splitlines()[-1]
