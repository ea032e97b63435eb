"""What frozen layers give for training texts: computed once, and kept in the cache.

They are a function of the text alone, so that each epoch computes no more than the layers above.
"""

import dataclasses
import hashlib
import logging
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Optional

import numpy as np
import paddle

from textzoo.data.cache import Cache, digest_of
from textzoo.errors import UserError
from textzoo.nets.encoder import Encoder
from textzoo.progress import Work
from textzoo.text.ragged import Ragged

log = logging.getLogger("textzoo")

_AT_ONCE = 32  # texts of like length
_BYTES = 2  # a number
_LARGEST = float(np.finfo(np.float16).max)
_FILE = "states.bin"


class FrozenStates:
    """The states of some texts above the frozen layers.

    Args:
        states: `[tokens, width]` of float16, those of one text behind those of another.
        offsets: `[texts + 1]`, where each begins.
        places: the number of a text, by its key.
    """

    def __init__(self, states: np.ndarray, offsets: np.ndarray, places: dict[bytes, int]):
        self._states, self._offsets, self._places = states, offsets, places

    def __call__(self, ids: np.ndarray, lengths: np.ndarray) -> Optional[np.ndarray]:
        """The states of a batch.

        Args:
            ids: `[batch, length]`; any id at padding.
            lengths: `[batch]`.

        Returns:
            `[batch, length, width]` of float32, 0 at padding; None if one of the texts is not kept.
        """
        keys = (_key(text[:length]) for text, length in zip(ids, lengths))
        try:
            numbers = [self._places[key] for key in keys]
        except KeyError:
            return None
        found: np.ndarray = np.zeros((*ids.shape, self._states.shape[1]), np.float32)
        for text, number in zip(found, numbers):
            first, last = self._offsets[number], self._offsets[number + 1]
            text[: last - first] = self._states[first:last]
        return found


def keep_states(encoder: Encoder, columns: Iterable[Ragged], cache: Cache, budget: int) -> None:
    """Let an encoder look up what its frozen layers give for some texts.

    They are computed in the same batches whichever run does it: what is kept does not depend on it.
    Numbers are rounded to 16 bits.

    Args:
        encoder: with its weights.
        columns: the ids of the texts; one that comes again is kept once.
        cache: where they are kept.
        budget: bytes that they may take; beyond, the layers go on to be computed at each step.

    Raises:
        UserError: the cache cannot be written, or a number is too large for it.
    """
    width = encoder.architecture.hidden_size
    texts: dict[bytes, np.ndarray] = {}
    n_tokens = 0
    for column in columns:
        for first, last in zip(column.offsets[:-1], column.offsets[1:]):
            ids = np.asarray(column.values[first:last])
            if (key := _key(ids)) in texts:
                continue
            texts[key] = ids
            n_tokens += len(ids)
            if n_tokens * width * _BYTES > budget:
                log.info(
                    "frozen layers: their output would take more than runner.frozen_cache_gb, "
                    "%.3g: they are computed at each step",
                    budget / 1e9,
                )
                return
    values = list(texts.values())
    offsets = np.cumsum([0, *map(len, values)])
    shape = n_tokens, width
    weights = {
        name: hashlib.sha256(parameter.numpy().tobytes()).hexdigest()
        for name, parameter in encoder.named_parameters()
        if not parameter.trainable
    }
    sizes = dataclasses.asdict(encoder.architecture), encoder.n_frozen
    folder = cache.folder / f"frozen-{digest_of(sizes, weights, offsets, np.concatenate(values))}"

    def fill(place: Path) -> None:
        size = n_tokens * width * _BYTES / 1e6
        log.info("frozen layers: %d texts, %.0f MB in the cache", len(texts), size)
        started = time.perf_counter()
        order = np.argsort(np.diff(offsets), kind="stable")
        work = Work("frozen layers", len(texts), "texts")
        with open(place / _FILE, "wb") as file:  # in a mapped file a full disk ends the process
            for batch in work.over(order, _AT_ONCE):
                for number, own in zip(batch, _computed(encoder, [values[n] for n in batch])):
                    if np.abs(own).max() > _LARGEST:
                        raise UserError(
                            "runner.frozen_cache_gb: what the frozen layers give is too large for "
                            "numbers of 16 bits, expected 0 with this encoder"
                        )
                    file.seek(int(offsets[number]) * width * _BYTES)
                    file.write(own.astype(np.float16).tobytes())
        log.info("frozen layers: %.0f s", time.perf_counter() - started)

    cache.fill(folder, fill)
    kept = np.memmap(folder / _FILE, np.float16, "r", shape=shape)
    encoder.kept = FrozenStates(kept, offsets, {key: n for n, key in enumerate(texts)})


@paddle.no_grad()
def _computed(encoder: Encoder, texts: list[np.ndarray]) -> list[np.ndarray]:
    ids, lengths = Ragged.of([text.tolist() for text in texts]).padded(np.arange(len(texts)))
    encoder.eval()
    states = encoder.frozen(paddle.to_tensor(ids), paddle.to_tensor(lengths)).numpy()
    return [own[:length] for own, length in zip(states, lengths)]


def _key(ids: np.ndarray) -> bytes:
    return hashlib.blake2b(np.asarray(ids, np.int64).tobytes(), digest_size=16).digest()
