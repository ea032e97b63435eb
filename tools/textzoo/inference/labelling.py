"""Labels of plain texts, one JSON object a line."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Optional

from textzoo.config.schema import Runner
from textzoo.data.batching import text_batches
from textzoo.data.unknown_pieces import UnknownPieces
from textzoo.errors import BadLine, UserError
from textzoo.evaluation.predictions import predictions_of
from textzoo.linear.explaining import Explainer
from textzoo.metrics.calibration import Calibration
from textzoo.metrics.thresholds import Threshold
from textzoo.progress import Work
from textzoo.running.run import InferenceRun
from textzoo.text.lines import Line
from textzoo.text.ragged import columns_of
from textzoo.text.reader import Ids, Reader, encoded_text

NO_TEXT = "--texts: received no text, expected one a line"
_CHUNK = 20_000  # texts that are in memory together


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
        n_reasons: how many n-grams it tells for each tag.

    Raises:
        UserError: there is no line, or the model cannot read one.
    """
    named = predictions_of(run.model.kind, reader.label_names, runner.top_k, threshold, calibration)
    is_empty, lines, unknown = True, iter(lines), UnknownPieces()
    while chunk := list(islice(lines, _CHUNK)):
        found: list[dict[str, Any]] = [{}] * len(chunk)
        rows = [_encoded(reader, line) for line in chunk]
        unknown.add(columns_of(rows), reader)
        unknown.warn_once(chunk[0].path)
        with Work("prediction", len(chunk), "texts") as work:  # not of waiting for texts
            for columns, places in text_batches(rows, runner.infer_batch_size):
                outputs = run.infer_step(run.model.infer_feeds(columns, places))
                for place, row in zip(places, named.of_batch(outputs)):
                    found[place] = row
                work.update(len(places))
        if explainer:
            explainer.explain([line.text for line in chunk], found, n_reasons)
        for line, row in zip(chunk, found):
            yield json.dumps({"text": line.text.strip(), **row}, ensure_ascii=False)
        is_empty = False
    if is_empty:
        raise UserError(NO_TEXT)


def _encoded(reader: Reader, line: Line) -> Ids:
    try:
        return encoded_text(reader, line.text.strip())
    except BadLine as problem:
        raise UserError(f"{line.place}: {problem}") from None
