"""Text to token ids: the pieces of words of any tokenizer that the library `tokenizers` reads."""

import contextlib
import functools
import json
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Optional

import numpy as np
from tokenizers import Tokenizer, models

from textzoo.errors import BadLine, UserError
from textzoo.text.coverage import Coverage
from textzoo.text.ragged import Ragged
from textzoo.text.token_table import TokenTable
from textzoo.text.wordpiece import bert_kinds, build_wordpiece, is_bert, read_vocabulary

_FILE = "tokenizer.json"
_MOST_IDS = 2**31 - 1
_MOST_PARTS = 1_000_000  # different ones that are kept in memory between calls
# Vocabularies from which transformers makes a tokenizer.json.
_OF_OTHER_KINDS = ("vocab.json", "sentencepiece.bpe.model", "spiece.model", "tokenizer.model")
# Letters of few vocabularies, by which tokenizers are found out that have no piece for them.
_RARE = "a \U00012000 \ua500"


class SubwordTokenizer:
    """Splits texts into pieces of words and puts the special tokens around them.

    Of any kind: WordPiece (BERT), Unigram (SentencePiece: XLM-R, E5), byte-pair encoding, of
    characters or bytes (RoBERTa). Make one with `read`, `build` or `load`.

    Attributes:
        vocab_size: one more than the highest id.

    Raises:
        ValueError: the longest text has no place for a piece between the special tokens, or the
            tokenizer puts none around a text, so that one without pieces would have no ids; or it
            leaves texts out, repeats them, or has ids that are too high or that no token has.
    """

    def __init__(self, tokenizer: Tokenizer, max_len: int):
        # What a file may say of padding and truncation is for other programs.
        tokenizer.no_padding()
        tokenizer.no_truncation()
        special = tokenizer.encode("").ids
        n_special = len(special)
        if not n_special:
            raise ValueError(
                "puts no special token around a text, expected some, such as [CLS] and [SEP]: "
                "give it a post-processor (tokenizers.processors.TemplateProcessing)"
            )
        if max_len <= n_special:
            raise ValueError(
                f"puts {n_special} special tokens around a text: reader.max_len: received "
                f"{max_len}, expected more"
            )
        self.vocab_size = max(tokenizer.get_vocab().values()) + 1
        if self.vocab_size > _MOST_IDS:
            raise ValueError(f"has the id {self.vocab_size - 1}, expected ids below {_MOST_IDS}")
        if max(special) >= self.vocab_size:
            raise ValueError(
                f"puts the id {max(special)} around a text, expected ids below {self.vocab_size}, "
                "those of its tokens: correct its post-processor"
            )
        tokenizer.enable_truncation(n_special + 1)
        if len(tokenizer.encode(_RARE).ids) != n_special + 1:
            raise ValueError(
                "leaves a text out or repeats it, expected it once between special tokens: "
                "correct its post-processor"
            )
        tokenizer.enable_truncation(max_len)
        self._tokenizer = tokenizer
        self._max_len = max_len
        self._pieces: Optional[_Pieces] = None

    @functools.cached_property
    def unknown_id(self) -> Optional[int]:
        """The id of what it has no piece for; None: it has pieces for everything."""
        facts = json.loads(self._tokenizer.to_str())["model"]
        if facts["type"] == "Unigram":
            return facts["unk_id"]
        token = facts.get("unk_token")
        return None if token is None else self._tokenizer.token_to_id(token)

    def encode(self, text: str) -> list[int]:
        """The ids of a text with its special tokens, cut to `max_len` in all.

        Raises:
            BadLine: the tokenizer gives the text up.
        """
        with given_up():
            return self._tokenizer.encode(text).ids

    def coverage(self, text: str, prefix: str = "") -> Coverage:
        """How much of a text behind a prefix is read; special tokens and the prefix do not count.

        Raises:
            BadLine: the tokenizer gives the text up.
        """
        with given_up():
            cut = self._tokenizer.encode(prefix + text)
            n_around = len(self._tokenizer.encode(prefix).ids)
        tokens = [
            (text[max(0, start - len(prefix)) : end - len(prefix)], token != self.unknown_id)
            for found in (cut, *cut.overflowing)
            for token, is_special, (start, end) in zip(
                found.ids, found.special_tokens_mask, found.offsets
            )
            if not is_special and end > len(prefix)
        ]
        parts, is_known = zip(*tokens) if tokens else ((), ())
        return Coverage.of("tokens", parts, max(0, self._max_len - n_around), is_known)

    def encode_many(self, texts: list[str]) -> Ragged:
        """What `encode` gives for each text, several times as fast."""
        if self._pieces is None and is_bert(self._tokenizer):
            self._pieces = _Pieces(self._tokenizer)
        if self._pieces and not self._pieces.has_special(texts):
            return self._pieces(texts, self._max_len)
        with given_up():
            return Ragged.of([found.ids for found in self._tokenizer.encode_batch_fast(texts)])

    def save(self, folder: Path) -> None:
        """Write `tokenizer.json`; an `OSError` tells why it cannot be written."""
        (folder / _FILE).write_bytes(self._tokenizer.to_str(pretty=True).encode())

    @classmethod
    def load(cls, folder: Path, max_len: int) -> "SubwordTokenizer":
        """Read what `save` wrote."""
        return cls(_read_json(folder / _FILE), max_len)

    @classmethod
    def read(cls, path: Path, max_len: int, lower_case: bool = True) -> "SubwordTokenizer":
        """Read a `tokenizer.json`, a `vocab.txt`, or a folder that holds one of them.

        Args:
            path: the file or folder.
            max_len: the longest text in tokens, special ones included.
            lower_case: for a `vocab.txt`, unless a `tokenizer_config.json` beside it says other.

        Raises:
            UserError: there is no such file, or it is not a tokenizer.
        """
        path = tokenizer_file(path)
        try:
            return cls(read_tokenizer(path, lower_case), max_len)
        except ValueError as problem:
            raise UserError(f"{path}: {problem}") from None

    @classmethod
    def build(
        cls, texts: Iterable[str], max_len: int, vocab_size: int, lower_case: bool = True
    ) -> "SubwordTokenizer":
        """Build a vocabulary of WordPiece from texts, see `build_wordpiece`."""
        return cls(build_wordpiece(texts, vocab_size, lower_case), max_len)


class _Pieces:
    """Splits texts as a tokenizer of BERT's kind does, each different part of a text once.

    BERT's normalisation and its splitting go no further than the next space, punctuation of ASCII
    or Chinese character: what lies between has the same pieces in every text.
    """

    def __init__(self, tokenizer: Tokenizer):
        self._tokenizer = tokenizer
        self._special = [t.content for t in tokenizer.get_added_tokens_decoder().values()]
        example = tokenizer.encode("a")
        of_text = np.flatnonzero(np.array(example.special_tokens_mask) == 0)
        self._before, self._behind = example.ids[: of_text[0]], example.ids[of_text[-1] + 1 :]
        self._forget()

    def _forget(self) -> None:
        self._table = TokenTable(bert_kinds())
        self._counts, self._values = array("q"), array("i")

    def has_special(self, texts: list[str]) -> bool:
        """Whether a special token is written out in a text: it is not split."""
        joined = "\n".join(texts)
        return any(token in joined for token in self._special)

    def __call__(self, texts: list[str], max_len: int) -> Ragged:
        parts = self._table(texts)
        new = self._table.tokens[len(self._counts) :]
        for found in self._tokenizer.encode_batch_fast(new, add_special_tokens=False):
            self._counts.append(len(found.ids))
            self._values.extend(found.ids)
        counts = np.array(self._counts)
        firsts = (np.cumsum(counts) - counts)[parts.values]
        of_parts = counts[parts.values]
        pieces = Ragged.with_counts(np.repeat(firsts, of_parts), of_parts)
        n_pieces = np.bincount(parts.rows(), of_parts, len(texts)).astype(np.int64)
        ids = Ragged.with_counts(np.array(self._values)[pieces.values + pieces.places()], n_pieces)
        ids = ids.kept(ids.places() < max_len - len(self._before) - len(self._behind))
        if len(self._table.tokens) > _MOST_PARTS:
            self._forget()
        before, behind = (_repeated(ids, len(texts)) for ids in (self._before, self._behind))
        return before.followed_by(ids).followed_by(behind)


def _repeated(ids: list[int], n: int) -> Ragged:
    return Ragged.with_counts(np.tile(np.array(ids, np.int32), n), np.full(n, len(ids)))


def read_tokenizer(file: Path, lower_case: bool = True) -> Tokenizer:
    """What a `tokenizer.json` or a `vocab.txt` describes, see `SubwordTokenizer.read`."""
    return _read_json(file) if file.suffix == ".json" else read_vocabulary(file, lower_case)


def tokenizer_file(folder: Path) -> Path:
    """The file of a folder that holds its tokenizer; a file stands for itself.

    Raises:
        UserError: the folder has none.
    """
    if not folder.is_dir():
        return folder
    for name in (_FILE, "vocab.txt"):
        if (folder / name).is_file():
            return folder / name
    found = [name for name in _OF_OTHER_KINDS if (folder / name).is_file()]
    hint = ""
    if found:
        hint = (
            f"; transformers makes one of {found[0]}: "
            "AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)"
        )
    raise UserError(f"{folder}: holds no {_FILE} and no vocab.txt{hint}")


def _read_json(path: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(path))
        if isinstance(tokenizer.model, models.BPE):
            tokenizer.model.dropout = None  # which is for training it
        tokenizer.encode(_RARE)  # which some faults of a file are only seen by
        return tokenizer
    except BaseException as failure:
        if not _is_of_tokenizers(failure):
            raise
        raise UserError(f"{path}: cannot be read as a tokenizer: {failure}") from None


@contextlib.contextmanager
def given_up() -> Iterator[None]:
    """Refuse a text that makes a tokenizer fail: a regular expression of its file may.

    Raises:
        BadLine: it does.
    """
    try:
        yield
    except BaseException as failure:
        if not _is_of_tokenizers(failure):
            raise
        raise BadLine(f"the tokenizer cannot split the text: {failure}") from None


def _is_of_tokenizers(failure: BaseException) -> bool:
    """Whether the library failed: a panic of Rust is no Exception, others no narrower class."""
    is_panic = type(failure).__name__ == "PanicException"
    return is_panic or type(failure) is Exception or isinstance(failure, (OSError, ValueError))
