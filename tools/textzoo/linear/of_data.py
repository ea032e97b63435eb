"""The linear part of a run's training rows, fitted once and kept in the cache."""

import hashlib
import json
import logging
import time
from pathlib import Path
from typing import Optional

import numpy as np

import textzoo
from textzoo.config.checking import Config
from textzoo.data.cache import Cache
from textzoo.data.dataset import TrainingData
from textzoo.data.text_vectors import EmbeddingModel, text_vectors
from textzoo.devices import n_threads
from textzoo.errors import UserError
from textzoo.linear.fitting import Encoder, LeftOut, fit_linear, is_cheap
from textzoo.linear.part import LinearPart
from textzoo.metrics.names import family
from textzoo.text.reader import CHARACTERS

log = logging.getLogger("textzoo")

_FORM = "deflated"  # of what is kept; the files before were not
_ROWS, _SCORES = "left_out_rows.npy", "left_out_scores.npy"


def linear_of(
    data: TrainingData,
    config: Config,
    label_column: str,
    best_metric: str,
    model: Optional[EmbeddingModel] = None,
) -> tuple[LinearPart, LeftOut]:
    """The linear part fitted to all training rows, those that are held out for validation too.

    Those of a fold that is left out are none.

    Args:
        data: the rows.
        config: with the settings.
        label_column: of the labels' ids.
        best_metric: what is to be good.
        model: the encoder whose embeddings count beside the n-grams.

    Returns:
        The linear part, and what a fit without them gives for the rows that are held out; for all
        where thresholds are to be chosen and that costs little, or none are held out and nothing
        else is trained.

    Raises:
        UserError: the settings do not suit the data, or the cache cannot be written.
    """
    runner, names = config.runner, data.reader.label_names
    by_sets = family(best_metric) == "label sets"
    every = np.setdiff1d(np.arange(len(data.train_rows)), data.left_out)
    asked = np.zeros(0, np.int64)
    if not (len(data.valid) or runner.epochs):
        asked = every
    elif data.valid_rows is data.train_rows and len(data.valid):
        asked = every if by_sets and is_cheap(len(every), len(names)) else data.valid
    settings = config.linear.model_dump(mode="json", exclude={"weight", "embeddings"})
    cache = Cache(runner.cache_dir, runner.bad_lines)
    encoder = None
    if model:
        encoder = Encoder(lambda texts: text_vectors(texts, cache, model, "linear"), model.sha256)
    facts = [textzoo.__version__, _FORM, settings, by_sets, names, data.train_rows.contents]
    facts += [runner.bad_lines, config.reader, asked.tolist()]
    if len(data.left_out):
        facts.append(data.left_out.tolist())
    facts += [model.digest] if model else []
    key = hashlib.sha256(json.dumps(facts, default=str).encode()).hexdigest()[:32]
    folder = runner.cache_dir / f"linear-{key}"

    def fill(place: Path) -> None:
        started = time.perf_counter()
        columns, places = data.train_rows.columns, np.searchsorted(every, asked)
        characters, labels = columns[CHARACTERS], columns[label_column]
        if len(data.left_out):
            characters, labels = characters.chosen(every), labels.chosen(every)
        how = config.linear, by_sets, places, n_threads(), encoder
        try:
            part, left_out = fit_linear(characters, labels, names, *how)
        except np.linalg.LinAlgError as problem:
            raise UserError(f"hyper_parameters.linear.{problem}") from None
        except OverflowError as problem:
            raise UserError(
                "hyper_parameters.linear.regularisation: received "
                f"{config.linear.regularisation}, expected more for these rows: {problem}"
            ) from None
        part.save(place)
        np.save(place / _ROWS, every[left_out.rows])
        np.save(place / _SCORES, left_out.scores)
        seconds = time.perf_counter() - started
        log.info("linear: %d n-grams, %.1f s", len(part.features), seconds)

    cache.fill(folder, fill)
    arrays = (np.load(folder / name, allow_pickle=False) for name in (_ROWS, _SCORES))
    part = LinearPart.load(folder, len(names))
    if part.embeddings and encoder:
        part.embeddings.embed = encoder.embed
    return part, LeftOut(*arrays)
