"""An estimator for scikit-learn: texts to one label each, or to several.

    from textzoo.sklearn import TextTagger

    TextTagger().fit(["a text", "another one"], ["a label", "another"]).predict(["a third"])

It needs scikit-learn, the extra `sklearn`.
"""

import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np

from textzoo.text.lines import one_line

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets, type_of_target
    from sklearn.utils.validation import check_is_fitted
except ImportError as failure:  # which is what whoever imports this expects
    raise ImportError(
        "textzoo.sklearn needs scikit-learn 1.6 or later: pip install 'textzoo[sklearn]' "
        f"({failure})"
    ) from failure

__all__ = ["TextTagger"]

# A net that is not trained is as small as it may be.
_SMALL: dict[str, dict[str, Any]] = {
    "tagspace": {"hyper_parameters": {"emb_dim": 4, "hid_dim": 4, "tag_dim": 4}},
    "multilabel": {
        "hyper_parameters": {
            "encoder": {"hidden_size": 4, "num_attention_heads": 1, "embedding_size": 4},
            "head": "linear",
        },
    },
}
_LEFT = ("config.yaml", "checkpoints/best")  # what prediction needs of a run


class TextTagger(ClassifierMixin, BaseEstimator):
    """A classifier of texts: TextZoo's linear part, or a net beside it.

    It takes a list or an array of texts. Each has one label, any that NumPy can sort; or several:
    `y` is then a list of lists of labels, or a binary matrix `[texts, labels]`, and `predict` gives
    the same form. In cross-validation scikit-learn itself takes the matrix only.

    Args:
        config: a bundled model's name, the path of a YAML file, or its content as a dict, see
            `textzoo.train`. Default: `tagspace` for one label, `multilabel` for several.
        epochs: passes over the texts by the net. 0: the linear part alone, which takes seconds.
        features: n-grams of the linear part, `hyper_parameters.linear.features`; None: as the
            config has it.
        regularisation: of the linear part; None: as the config has it.
        overrides: more keys of the config, such as `{"runner": {"valid_fraction": 0.1}}`.
        random_state: seed of the net; None: that of the config.
        verbose: whether the log is shown.

    Attributes:
        classes_: `[labels]` the labels, sorted; of a binary matrix the numbers of its columns.
        tagger_: the `Tagger` behind it, which can explain; its labels are texts.
        metrics_: on validation rows; of the linear part alone on all texts, each left out in turn.
    """

    def __init__(
        self,
        config: Union[str, Mapping[str, Any], None] = None,
        *,
        epochs: int = 0,
        features: Optional[str] = "auto",
        regularisation: Optional[float] = None,
        overrides: Optional[Mapping[str, Any]] = None,
        random_state: Any = None,
        verbose: bool = False,
    ):
        self.config = config
        self.epochs = epochs
        self.features = features
        self.regularisation = regularisation
        self.overrides = overrides
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.classifier_tags.multi_label = True
        return tags

    def fit(self, X: Iterable[str], y: Any) -> "TextTagger":
        """Train on texts and their labels.

        Raises:
            ValueError: they are not of the form above, or there are not two classes.
            UserError: a parameter or a text is not as it should be.
        """
        from textzoo.api.training import train

        texts = _texts(X)
        labels = self._label_ids(y, len(texts))
        names = _names(self.classes_)
        several = self.labels_are_ != "one"
        config = self.config or ("multilabel" if several else "tagspace")
        settings: list[Mapping[str, Any]] = [{"runner.epochs": self.epochs}]
        if not self.epochs:
            small = _SMALL.get(config, {}) if isinstance(config, str) else {}
            settings += [{"runner.valid_fraction": 0.0}, small]
        if self.features is not None:
            settings.append({"hyper_parameters.linear.features": self.features})
        if self.regularisation is not None:
            settings.append({"hyper_parameters.linear.regularisation": self.regularisation})
        if self.random_state is not None:
            seed = self.random_state
            is_number = isinstance(seed, (int, np.integer))
            seed = int(seed if is_number else check_random_state(seed).randint(2**31 - 1))
            settings.append({"runner.seed": seed})
        folder = tempfile.TemporaryDirectory(prefix="textzoo-")
        rows = ((text, [names[i] for i in own]) for text, own in zip(texts, labels))
        run = train(
            config,
            rows,
            output=folder.name,
            verbose=self.verbose,
            **_merged([*settings, self.overrides or {}]),
        )
        self.metrics_ = run.metrics
        for left in (run.path / "data", run.path / ".textzoo_cache"):
            shutil.rmtree(left, ignore_errors=True)
        self._load(folder)
        return self

    def _load(self, folder: "tempfile.TemporaryDirectory[str]") -> None:
        from textzoo.serving.in_process import Tagger

        self._folder = folder  # it is removed with the estimator
        self.tagger_ = Tagger.load(folder.name)

    def _label_ids(self, y: Any, n_texts: int) -> list[list[int]]:
        """The numbers of each text's labels among `classes_`, which this sets."""
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        y = y.toarray() if hasattr(y, "toarray") else y
        if isinstance(y, (list, tuple)) and any(isinstance(own, (list, tuple, set)) for own in y):
            self.labels_are_ = "lists"
            self.classes_ = np.unique([label for own in y for label in own])
            places = {label: i for i, label in enumerate(self.classes_.tolist())}
            ids = [sorted({places[label] for label in own}) for own in _native(y)]
        else:
            y = np.asarray(y)
            y = y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y
            check_classification_targets(y)
            if type_of_target(y) == "multilabel-indicator":
                self.labels_are_ = "columns"
                self.classes_ = np.arange(y.shape[1])
                ids = [np.flatnonzero(own).tolist() for own in y]
            elif y.ndim == 1:
                self.labels_are_ = "one"
                self.classes_, places = np.unique(y, return_inverse=True)
                ids = [[i] for i in places.tolist()]
            else:
                raise ValueError(f"y: received shape {y.shape}, expected [texts], or 0 and 1")
        if len(ids) != n_texts:
            raise ValueError(
                f"X and y: found {n_texts} texts and {len(ids)} labels: inconsistent numbers of "
                "samples"
            )
        n_classes = len({i for own in ids for i in own})
        if n_classes < 2:
            raise ValueError(f"y: received {n_classes} class in the texts, expected at least 2")
        return ids

    def predict(self, X: Iterable[str]) -> Any:
        """The label of each text, `[texts]`; of several labels their lists, or a matrix, as given.

        Several labels are those above the threshold that was chosen in training.
        """
        check_is_fitted(self, "tagger_")
        found = self.tagger_.predict(_texts(X), top_k=1)
        places = {name: i for i, name in enumerate(_names(self.classes_))}
        if self.labels_are_ == "one":
            return self.classes_[[places[row["top"][0]["tag"]] for row in found]]
        ids = [sorted(places[name] for name in row["predicted"]) for row in found]
        if self.labels_are_ == "lists":
            return [self.classes_[own].tolist() for own in ids]
        matrix = np.zeros((len(ids), len(self.classes_)), np.int64)
        for row, own in zip(matrix, ids):
            row[own] = 1
        return matrix

    def predict_proba(self, X: Iterable[str]) -> np.ndarray:
        """The probability of each label, `[texts, labels]`, in the order of `classes_`.

        Of texts with one label they sum to 1; of several each is by itself. They are calibrated on
        rows that the model was not fitted to.
        """
        check_is_fitted(self, "tagger_")
        places = {name: i for i, name in enumerate(_names(self.classes_))}
        known = self.tagger_.predict_proba(_texts(X))
        found = np.zeros((len(known), len(self.classes_)))
        found[:, [places[name] for name in self.tagger_.label_names]] = known
        return found / found.sum(axis=1, keepdims=True) if self.labels_are_ == "one" else found

    def score(self, X: Iterable[str], y: Any, sample_weight: Any = None) -> float:
        """The share of texts whose labels are all right."""
        if getattr(self, "labels_are_", "") != "lists":
            return super().score(X, y, sample_weight)
        right = [set(ours) == set(theirs) for ours, theirs in zip(self.predict(X), _native(y))]
        return float(np.average(right, weights=sample_weight))

    def __getstate__(self) -> dict[str, Any]:
        """The state with the files of the model, so that it is whole wherever it is loaded."""
        state = dict(super().__getstate__())
        folder = state.pop("_folder", None)
        state.pop("tagger_", None)
        if folder:
            root = Path(folder.name)
            paths = [path for name in _LEFT for path in [root / name, *root.glob(f"{name}/**/*")]]
            state["_files"] = {
                path.relative_to(root).as_posix(): path.read_bytes()
                for path in paths
                if path.is_file()
            }
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a state of `__getstate__`."""
        files = state.pop("_files", None)
        super().__setstate__(state)
        if files is None:
            return
        folder = tempfile.TemporaryDirectory(prefix="textzoo-")
        for name, content in files.items():
            place = Path(folder.name, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        self._load(folder)


def _texts(X: Any) -> list[str]:
    """The texts of a list, an array or a column.

    Raises:
        ValueError: it is none of these, or there is no text in it.
    """
    if isinstance(X, (str, bytes)) or not isinstance(X, Iterable):
        raise ValueError("X: received one text or no list, expected a list or an array of texts")
    if (n_dimensions := getattr(X, "ndim", 1)) != 1:
        raise ValueError(
            f"X: received {n_dimensions} dimensions, expected a list or an array of texts"
        )
    texts = list(X)
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"X[{place}]: received {type(text).__name__}, expected a text")
    if not texts:
        raise ValueError("X: found 0 texts, while at least one is required")
    return [str(text) for text in texts]


def _native(y: Iterable[Any]) -> list[list[Any]]:
    """Lists of labels as Python's own values, as `classes_.tolist()` has them."""
    return [[getattr(label, "item", lambda label=label: label)() for label in own] for own in y]


def _names(classes: np.ndarray) -> list[str]:
    """What labels are called within the model: as they are written, if that tells them apart."""
    names = [str(label) for label in classes.tolist()]
    is_plain = all(name and name == one_line(name).strip() and "\x1f" not in name for name in names)
    return (
        names if is_plain and len(set(names)) == len(names) else list(map(str, range(len(names))))
    )


def _merged(settings: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Keys of a config by their dotted names; of those that come again the last."""
    from textzoo.config.dotted import flat

    return {key: value for one in settings for key, value in flat(one).items()}
