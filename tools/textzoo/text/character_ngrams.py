"""Text to ids of hashed character n-grams: no vocabulary, no training, any language."""

import json
from pathlib import Path
from zlib import crc32

import numpy as np

from textzoo.text.coverage import Coverage
from textzoo.text.hashing import joined_crc32
from textzoo.text.ragged import Ragged

_FILE = "ngrams.json"


def _character_hashes(points: np.ndarray) -> np.ndarray:
    """The CRC-32 of the UTF-8 of each code point."""
    different = np.flatnonzero(np.bincount(points))
    table = np.zeros(different[-1] + 1 if len(different) else 0, np.uint32)
    table[different] = [crc32(chr(point).encode()) for point in different]
    return table[points]


class CharacterNgrams:
    """The different runs of one to `longest` characters of a text, hashed into buckets.

    As in fastText (Bojanowski et al. 2017), but over the whole text with its two ends marked.

    Args:
        buckets: how many ids there are.
        longest: the most characters of an n-gram.
        max_len: characters after so many are left out.
    """

    def __init__(self, buckets: int, longest: int, max_len: int):
        self.vocab_size = buckets
        self._longest = longest
        self._max_len = max_len

    def encode(self, text: str) -> list[int]:
        """The ids of a text's n-grams, each once, sorted; at least one."""
        marked = f"\x02{' '.join(text.lower().split())[: self._max_len]}\x03"
        grams = {
            marked[start : start + n]
            for n in range(1, self._longest + 1)
            for start in range(len(marked) - n + 1)
        }
        return sorted({crc32(gram.encode()) % self.vocab_size for gram in grams})

    def coverage(self, text: str, prefix: str = "") -> Coverage:
        """How much of a text behind a prefix is read, all of it known: n-grams have buckets."""
        length = len(" ".join(f"{prefix}.".split())) - 1
        characters = " ".join(text.lower().split())
        return Coverage.of(
            "characters", characters, self._max_len - length, [True] * len(characters)
        )

    def encode_many(self, texts: list[str]) -> Ragged:
        """What `encode` gives for each text, several times as fast."""
        cut = (" ".join(text.lower().split())[: self._max_len] for text in texts)
        joined = "".join(f"\x02{text}\x03\n" for text in cut)
        points = np.frombuffer(joined.encode("utf-32-le"), "<u4")
        hashes = _character_hashes(points)
        sizes = 1 + (points[:, None] >= [0x80, 0x800, 0x10000]).sum(axis=1)  # in UTF-8
        line = np.cumsum(points == ord("\n"))
        keys = []
        grams, inside = hashes, points != ord("\n")
        for n in range(1, self._longest + 1):
            if n > 1:
                inside = inside[:-1] & (points[n - 1 :] != ord("\n"))
                grams = joined_crc32(grams[:-1], hashes[n - 1 :], sizes[n - 1 :])
            buckets = grams[inside].astype(np.int64) % self.vocab_size
            keys.append(line[: len(inside)][inside] * self.vocab_size + buckets)
        keys = np.sort(np.concatenate(keys))
        keys = keys[np.diff(keys, prepend=-1) > 0]
        rows, buckets = np.divmod(keys, self.vocab_size)
        return Ragged.with_counts(buckets.astype(np.int32), np.bincount(rows, minlength=len(texts)))

    def save(self, folder: Path) -> None:
        """Write what decides the ids."""
        facts = {"buckets": self.vocab_size, "longest": self._longest}
        (folder / _FILE).write_text(json.dumps(facts), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, max_len: int) -> "CharacterNgrams":
        """Read what `save` wrote."""
        return cls(**json.loads((folder / _FILE).read_text(encoding="utf-8")), max_len=max_len)
