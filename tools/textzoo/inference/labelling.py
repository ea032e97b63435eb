"""Labels of plain texts, one JSON object a line."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Optional

from textzoo.config.schema import Runner
from textzoo.data.batching import in_order, text_batches
from textzoo.data.unknown_pieces import UnknownPieces
from textzoo.errors import BadLine, UserError
from textzoo.evaluation.predictions import Predictions, predictions_of
from textzoo.inference.explaining import Explainer
from textzoo.linear.fusion import NetAlone
from textzoo.metrics.calibration import Calibration
from textzoo.metrics.thresholds import Threshold
from textzoo.progress import Work
from textzoo.running.combined import AveragedRun
from textzoo.running.fused import FusedRun
from textzoo.running.run import InferenceRun
from textzoo.text.lines import Line
from textzoo.text.ragged import columns_of
from textzoo.text.reader import Feeds, Ids, Reader, encoded_text

NO_TEXT = "--texts: received no text, expected one a line"
_CHUNK = 20_000  # texts that are in memory together
_BATCH = 64  # texts of an explanation that are computed together


def labelled_lines(
    run: InferenceRun,
    reader: Reader,
    runner: Runner,
    threshold: Optional[Threshold],
    lines: Iterable[Line],
    calibration: Optional[Calibration] = None,
    explainer: Optional[Explainer] = None,
    n_reasons: int = 0,
) -> Iterator[str]:
    """A JSON object for each line, in their order: its text, and what is predicted for it.

    Args:
        run: of the model.
        reader: with its vocabulary.
        runner: how many tags are listed, and how many texts make a batch.
        threshold: above which a label is predicted; None: there is none.
        lines: the texts.
        calibration: of scores to probabilities, if known.
        explainer: tells why, if given.
        n_reasons: how many words and n-grams it tells for each tag.

    Raises:
        UserError: there is no line, or the model cannot read one.
    """
    named = predictions_of(run.model.kind, reader.label_names, runner.top_k, threshold, calibration)
    is_empty = True
    for chunk, found in predicted_rows(run, reader, runner.infer_batch_size, named, lines):
        if explainer:
            explainer.explain([line.text.strip() for line in chunk], found, n_reasons)
        for line, row in zip(chunk, found):
            yield json.dumps({"text": line.text.strip(), **row}, ensure_ascii=False)
        is_empty = False
    if is_empty:
        raise UserError(NO_TEXT)


def predicted_rows(
    run: InferenceRun, reader: Reader, batch_size: int, named: Predictions, lines: Iterable[Line]
) -> Iterator[tuple[list[Line], list[dict[str, Any]]]]:
    """Some lines after others, and what is predicted for each.

    Args:
        run: of the model.
        reader: with its vocabulary.
        batch_size: how many texts are computed together.
        named: names what is predicted.
        lines: the texts.

    Raises:
        UserError: the model cannot read one.
    """
    lines, unknown = iter(lines), UnknownPieces()
    while chunk := list(islice(lines, _CHUNK)):
        found: list[dict[str, Any]] = [{}] * len(chunk)
        rows = [_encoded(reader, line) for line in chunk]
        unknown.add(columns_of(rows), reader)
        unknown.warn_once(chunk[0].path)
        with Work("prediction", len(chunk), "texts") as work:  # not of waiting for texts
            for columns, places in text_batches(rows, batch_size):
                outputs = run.infer_step(run.model.infer_feeds(columns, places))
                for place, row in zip(places, named.of_batch(outputs)):
                    found[place] = row
                work.update(len(places))
        yield chunk, found


def explainer_of(run: InferenceRun, reader: Reader) -> Explainer:
    """What tells why a label scores as it does.

    Of several checkpoints it is what their mean score loses without a word.
    """
    names, net = reader.label_names, run
    fusion, part = NetAlone(run.model.score_scale), None
    if isinstance(run, FusedRun):
        net, fusion, part = run.net, run.fusion, run.linear
    elif isinstance(run, AveragedRun):
        fusion = NetAlone("any")

    def outputs(texts: list[str]) -> Feeds:
        rows = [encoded_text(reader, text) for text in texts]
        batches = (
            (places, net.infer_step(net.model.infer_feeds(columns, places)))
            for columns, places in text_batches(rows, _BATCH)
        )
        return in_order(batches, len(rows))

    return Explainer(names, outputs, fusion, part)


def _encoded(reader: Reader, line: Line) -> Ids:
    try:
        return encoded_text(reader, line.text.strip())
    except BadLine as problem:
        raise UserError(f"{line.place}: {problem}") from None
