"""A config's model, its linear part alone and scikit-learn's linear models on its files."""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple, Optional

import numpy as np
from scipy import sparse

from benchmarks.arguments import add_config
from benchmarks.printing import print_table
from textzoo.errors import UserError

_REPEATS = 3  # of what is timed; of large data one
_FIXED = [f"hyper_parameters.linear.{key}" for key in ("label_names=0", "label_means=0")]
_SOLVERS = ("auto", "lsqr")  # of RidgeClassifier; auto is sparse_cg for sparse features


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for a config."""
    add_config(parser)


def table(model: Path, override: list[str]) -> dict[str, Any]:
    """Print and return the metrics on test rows and the seconds of each, and the speed of fits."""
    figures = against_scikit_learn(model, override)
    ways, speed = figures["test"], figures["speed"]
    print(
        f"{model} {' '.join(override)}: {figures['rows']:,} training rows, "
        f"{figures['labels']:,} labels, {figures['ngrams']:,} n-grams"
    )
    names = dict.fromkeys(name for way in ways.values() for name in way)
    print_table(
        ["", *ways],
        [[name, *(_shown(name, way.get(name)) for way in ways.values())] for name in names],
    )
    print(
        f"speed: from texts to weights, regularisation 1, medians of {figures['repeats']}, in turn"
    )
    ours = speed["TextZoo"]
    print_table(
        ["", "seconds", "ratio"],
        [[name, f"{seconds:.2f}", f"{seconds / ours:.1f}"] for name, seconds in speed.items()],
    )
    return figures


def _shown(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return "per label"
    if name.endswith("seconds"):
        return f"{value:.1f}"
    return f"{value:.4f}" if isinstance(value, float) and name != "setting" else f"{value:g}"


class _Problem(NamedTuple):
    """The rows of a config, read once.

    Attributes:
        path: of the config.
        overrides: of its keys, with a cache of this command's own.
        config: without a net, and without rows held out of the training files.
        model: without a net.
        data: training and validation rows.
        test: the test rows.
    """

    path: Path
    overrides: list[str]
    config: Any
    model: Any
    data: Any
    test: Any

    @property
    def targets(self) -> sparse.csr_matrix:
        """1 where a training row has a label, `[rows, labels]`."""
        labels = self.data.train_rows.columns[self.model.label_column]
        shape = len(labels), len(self.data.reader.label_names)
        ones = np.ones(len(labels.values), np.int8)
        return sparse.csr_matrix((ones, np.array(labels.values), labels.offsets), shape)

    def measured(
        self, rows: Any, chosen: Optional[np.ndarray], scores: np.ndarray, threshold: Any
    ) -> dict[str, Any]:
        """The metrics of scores, `[chosen, labels]`, of some rows, or of all of them.

        Args:
            rows: with their labels.
            chosen: the numbers of those that are measured, which grow; None: all.
            scores: theirs.
            threshold: above which a label is predicted; None: it is chosen.
        """
        from textzoo.evaluation.evaluator import evaluator_of
        from textzoo.linear.fitting import LeftOut
        from textzoo.linear.fusion import ALONE
        from textzoo.running.fused import FusedModel, FusedRun

        chosen = np.arange(len(rows)) if chosen is None else chosen
        evaluator = evaluator_of("tags", self.config.runner, self.data.reader, rows, chosen)
        given: Any = None  # neither a linear part nor a net is asked for scores that are known
        run = FusedRun(given, FusedModel(self.model, given, LeftOut(chosen, scores)), ALONE)
        return evaluator(run, self.names, threshold).result()

    @property
    def names(self) -> list[str]:
        """Of the metrics, first the one that chooses."""
        from textzoo.running.building import chosen_metrics

        names = chosen_metrics(self.config.runner, self.model)
        return list(dict.fromkeys([self.config.runner.best_metric or names[0], *names]))

    def quality(self, chosen: Optional[np.ndarray], scores: np.ndarray) -> tuple[float, Any]:
        """How good the scores of rows that did not see themselves are, and their threshold.

        Args:
            chosen: the numbers of the training rows that they are of; None: all validation rows.
            scores: `[rows, labels]`.
        """
        from textzoo.metrics.names import lower_is_better

        rows = self.data.valid_rows if chosen is None else self.data.train_rows
        found = self.measured(rows, chosen, scores, None)
        value, threshold = found[self.names[0]], found.get("threshold")
        return -value if lower_is_better(self.names[0]) else value, threshold

    @property
    def has_valid(self) -> bool:
        """Whether validation rows have files of their own."""
        return self.data.valid_rows is not self.data.train_rows


def against_scikit_learn(path: Path, overrides: list[str]) -> dict[str, Any]:
    """The figures of the table.

    Raises:
        UserError: the config has no linear part, or scikit-learn is not installed.
    """
    from textzoo.config.loading import load_config

    config, folder = load_config(path, overrides)
    if config.linear.features == "none":
        raise UserError(
            f"{path}: hyper_parameters.linear.features: received none, expected words, characters "
            "or both, such as -o hyper_parameters.linear.features=both"
        )
    with tempfile.TemporaryDirectory() as place:
        own = [*overrides, f"runner.cache_dir={place}"]
        problem = _problem(path, own)
        n_ngrams, linear = _linear_alone(problem)
        ways = {"linear part": linear}
        fused = _with_net(config, folder, linear["seconds"])
        if fused:
            ways = {"with the net": fused, **ways}
        else:
            print(
                f"no checkpoint in {config.runner.load_path}: the linear part alone; train the "
                f"net with python tools/trainer.py -m {path}"
            )
        return {
            "rows": len(problem.data.train_rows),
            "labels": len(problem.data.reader.label_names),
            "ngrams": n_ngrams,
            "test": {**ways, **_scikit_learn(problem)},
            "repeats": _repeats(problem),
            "speed": _speed(problem),
        }


def _problem(path: Path, overrides: list[str]) -> _Problem:
    from textzoo.config.loading import load_config, net_arguments
    from textzoo.data.dataset import Dataset
    from textzoo.metrics.names import labels_needed
    from textzoo.running.building import chosen_metrics, model_class

    alone = [*overrides, "runner.epochs=0", "runner.valid_fraction=0"]
    config, folder = load_config(path, alone)
    dataset = Dataset(config, folder)
    vocabulary = dataset.vocabulary()
    data = dataset.for_training(vocabulary)
    arguments, of_folder = net_arguments(config, data.reader), model_class(folder)
    names = chosen_metrics(config.runner, of_folder(arguments))
    model = of_folder(arguments, labels_needed(names, config.runner))
    test = dataset.rows("test", data.reader, vocabulary)
    return _Problem(path, overrides, config, model, data, test)


def _linear_alone(problem: _Problem) -> tuple[int, dict[str, Any]]:
    """How many n-grams there are, and the figures of the linear part."""
    from textzoo.linear.of_data import linear_of
    from textzoo.serving.embedding_model import linear_encoder
    from textzoo.text.characters import characters_of
    from textzoo.text.reader import CHARACTERS

    texts, data, model = _texts(problem.data.train_rows), problem.data, problem.model
    started = time.perf_counter()
    characters_of(texts)  # which the rows in the cache have already
    names = model.label_column, problem.names[0]
    part, left_out = linear_of(data, problem.config, *names, linear_encoder(problem.config))
    seconds = time.perf_counter() - started
    if problem.has_valid:
        chosen, scores = None, part.scores(data.valid_rows.columns[CHARACTERS])
    else:
        chosen, scores = left_out
    _, threshold = problem.quality(chosen, scores)
    scores = part.scores(problem.test.columns[CHARACTERS])
    figures = problem.measured(problem.test, None, scores, threshold)
    return len(part.features), {**figures, "seconds": seconds}


def _with_net(config: Any, folder: Any, linear_seconds: float) -> Optional[dict[str, Any]]:
    """The figures of the config's checkpoint; None if there is none."""
    from textzoo.data.dataset import Dataset
    from textzoo.evaluation.evaluator import evaluator_of
    from textzoo.inference.choosing import (
        chosen_checkpoints,
        chosen_computation,
        chosen_threshold,
        load_checkpoints,
    )
    from textzoo.inference.restoring import restore
    from textzoo.running.building import chosen_metrics
    from textzoo.serving.embedding_model import linear_encoder
    from textzoo.training.checkpoint import has_best, newest_checkpoint

    runner = config.runner
    is_named = runner.infer_checkpoint not in (None, "best", "last")
    if not (is_named or has_best(runner.load_path) or newest_checkpoint(runner.load_path)):
        return None
    [checkpoint] = load_checkpoints(chosen_checkpoints(runner)[-1:])
    computation = chosen_computation(runner)
    run, reader = restore(config, folder, checkpoint, computation, linear_encoder(config))
    rows = Dataset(config, folder).rows("test", reader, checkpoint.vocabulary)
    names = chosen_metrics(runner, run.model)
    threshold = chosen_threshold(runner, [checkpoint], names)
    evaluator = evaluator_of("tags", runner, reader, rows, np.arange(len(rows)))
    figures = evaluator(run, names, threshold).result()
    epochs = _seconds_of_epochs(checkpoint.path.parent / "metrics.jsonl")
    return {**figures, "seconds": None if epochs is None else epochs + linear_seconds}


def _seconds_of_epochs(log: Path) -> Optional[float]:
    """How long a run trained its net, as it has logged; None if it did not end."""
    if not log.is_file():
        return None
    lines = map(json.loads, log.read_text(encoding="utf-8").splitlines())
    ends = [line["seconds"] for line in lines if line["kind"] == "end"]
    return ends[-1] if ends else None


def _texts(rows: Any) -> list[str]:
    from textzoo.text.characters import texts_of
    from textzoo.text.reader import CHARACTERS

    return texts_of(rows.columns[CHARACTERS])


def _peers() -> Any:
    try:
        from benchmarks.peers import baselines
    except ImportError as failure:
        raise UserError(f"baselines: {failure}; pip install scikit-learn") from None
    return baselines


def _scikit_learn(problem: _Problem) -> dict[str, dict[str, Any]]:
    """The figures of each of its models; the vectoriser's seconds count for each."""
    from textzoo.linear.fitting import views_of
    from textzoo.text.reader import CHARACTERS

    peers, data, linear = _peers(), problem.data, problem.config.linear
    views = views_of(linear, data.train_rows.columns[CHARACTERS])
    vectorizer = peers.vectorizer(views, linear.min_count)
    train, test = _texts(data.train_rows), _texts(problem.test)
    valid = _texts(data.valid_rows) if problem.has_valid else None
    targets = problem.targets
    started = time.perf_counter()
    features = vectorizer.fit_transform(train)
    vectorizing = time.perf_counter() - started
    valid_features = vectorizer.transform(valid) if valid else None
    test_features = vectorizer.transform(test)
    figures = {}
    for name, family in peers.families(targets).items():
        found = peers.tuned(
            family, features, targets, valid_features, test_features, problem.quality
        )
        figures[name] = {
            **problem.measured(problem.test, None, found.scores, found.threshold),
            "seconds": vectorizing + found.seconds,
            "last fit, seconds": vectorizing + found.fit_seconds,
            "setting": found.value,
        }
    return figures


def _repeats(problem: _Problem) -> int:
    return _REPEATS if _peers().is_small(problem.targets) else 1


def _speed(problem: _Problem) -> dict[str, float]:
    """Seconds from texts to weights, nothing to choose, medians."""
    from textzoo.linear.fitting import views_of
    from textzoo.text.reader import CHARACTERS

    peers, targets, texts = _peers(), problem.targets, _texts(problem.data.train_rows)
    linear = problem.config.linear
    views = views_of(linear, problem.data.train_rows.columns[CHARACTERS])
    has_one = (targets.getnnz(axis=1) == 1).all()
    labels = targets.indices if has_one else targets.toarray()
    seconds: dict[str, list[float]] = {"TextZoo": []}
    for _ in range(_repeats(problem)):  # in turn, so that a slow minute of the machine is shared
        seconds["TextZoo"].append(_seconds_of_linear(problem, texts))
        started = time.perf_counter()
        vectorizer = peers.vectorizer(views, linear.min_count)
        features = vectorizer.fit_transform(texts)
        vectorizing = time.perf_counter() - started
        for solver in _SOLVERS:
            started = time.perf_counter()
            peers.ridge(1.0, solver).fit(features, labels)
            own = seconds.setdefault(f"TfidfVectorizer and RidgeClassifier, {solver}", [])
            own.append(vectorizing + time.perf_counter() - started)
    return {name: statistics.median(each) for name, each in seconds.items()}


def _seconds_of_linear(problem: _Problem, texts: list[str]) -> float:
    """Of the linear part with a given regularisation, with writing it and reading it."""
    from textzoo.config.loading import load_config
    from textzoo.linear.of_data import linear_of
    from textzoo.serving.embedding_model import linear_encoder
    from textzoo.text.characters import characters_of

    with tempfile.TemporaryDirectory() as place:
        fixed = [*_FIXED, "hyper_parameters.linear.regularisation=1", f"runner.cache_dir={place}"]
        held_out = ["runner.epochs=1", "runner.valid_fraction=0"]  # no rows
        config, _ = load_config(problem.path, [*problem.overrides, *fixed, *held_out])
        started = time.perf_counter()
        characters_of(texts)
        names = problem.model.label_column, problem.names[0]
        linear_of(problem.data, config, *names, linear_encoder(config))
        return time.perf_counter() - started
