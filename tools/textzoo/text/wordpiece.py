"""Text to token ids: WordPiece, from a vocabulary or built from the training texts."""

import functools
import json
import string
from array import array
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Optional

import numpy as np
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers.processors import TemplateProcessing

from textzoo.errors import UserError
from textzoo.files import how_to_fetch
from textzoo.text.ragged import Ragged
from textzoo.text.token_table import ALONE, BLANK, INSIDE, TokenTable

_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_FILE = "tokenizer.json"
_TEXTS_AT_ONCE = 5_000
_LONGEST_WORD = models.WordPiece().max_input_chars_per_word  # a longer one has no pieces
_MOST_PARTS = 1_000_000  # different ones that are kept in memory between calls


class WordPiece:
    """Splits texts into pieces and puts the special tokens around them.

    Make one with `read`, `build` or `load`.
    """

    def __init__(self, tokenizer: Tokenizer, max_len: int):
        # What a file may say of padding and truncation is for other programs.
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_len)
        self._tokenizer = tokenizer
        ids = tokenizer.get_vocab().values()
        self.vocab_size = max(ids) + 1
        self._max_len = max_len
        self._pieces: Optional[_Pieces] = None
        self.mask_id: Optional[int] = tokenizer.token_to_id("[MASK]")

    def encode(self, text: str) -> list[int]:
        """The ids of a text with `[CLS]` and `[SEP]`, cut to `max_len` in all."""
        return self._tokenizer.encode(text).ids

    def encode_many(self, texts: list[str]) -> Ragged:
        """What `encode` gives for each text, several times as fast."""
        if self._pieces is None and _is_bert(self._tokenizer):
            self._pieces = _Pieces(self._tokenizer)
        if self._pieces and not self._pieces.has_special(texts):
            return self._pieces(texts, self._max_len)
        return Ragged.of([found.ids for found in self._tokenizer.encode_batch_fast(texts)])

    def save(self, folder: Path) -> None:
        """Write `tokenizer.json`."""
        self._tokenizer.save(str(folder / _FILE))

    @classmethod
    def load(cls, folder: Path, max_len: int) -> "WordPiece":
        """Read what `save` wrote."""
        return cls(_read_json(folder / _FILE), max_len)

    @classmethod
    def read(cls, path: Path, max_len: int, lower_case: bool = True) -> "WordPiece":
        """Read a `tokenizer.json`, a `vocab.txt`, or a folder that holds one of them.

        Args:
            path: the file or folder.
            max_len: the longest text in tokens, special ones included.
            lower_case: for a `vocab.txt`, unless a `tokenizer_config.json` beside it says other.

        Raises:
            UserError: there is no such file, or it is not a vocabulary.
        """
        if path.is_dir():
            found = [path / name for name in (_FILE, "vocab.txt") if (path / name).is_file()]
            if not found:
                raise UserError(f"{path}: holds no {_FILE} and no vocab.txt")
            path = found[0]
        if path.suffix == ".json":
            return cls(_read_json(path), max_len)
        settings = path.with_name("tokenizer_config.json")
        if settings.is_file():
            content = json.loads(settings.read_text(encoding="utf-8"))
            lower_case = content.get("do_lower_case", lower_case)
        return cls(_bert_tokenizer(_read_vocabulary(path), lower_case), max_len)

    @classmethod
    def build(
        cls, texts: Iterable[str], max_len: int, vocab_size: int, lower_case: bool = True
    ) -> "WordPiece":
        """Build a vocabulary from texts: their characters, then the most used pieces.

        The same texts give the same vocabulary, which WordPieceTrainer does not promise: pieces
        are those of byte-pair encoding (Sennrich et al. 2016), at the start of a word and (`##`)
        inside it, and the ones are kept that splitting the texts uses most.

        Args:
            texts: the training texts.
            max_len: as for `read`.
            vocab_size: the most tokens that the vocabulary may have.
            lower_case: whether texts are lower-cased.
        """
        counted = _count_words(texts, lower_case)
        words = Counter({word: n for word, n in counted.items() if len(word) <= _LONGEST_WORD})
        pieces = _byte_pairs(words, vocab_size)
        alphabet = Counter()
        for word, n in words.items():
            alphabet.update({word[0]: n})
            alphabet.update({f"##{character}": n for character in word[1:]})
        candidates = dict.fromkeys([*alphabet, *pieces, *(f"##{piece}" for piece in pieces)])
        splitter = _bert_tokenizer(_numbered([*_SPECIAL, *candidates]), lower_case)
        used = Counter()
        for word, n in words.items():
            for token in splitter.encode(word, add_special_tokens=False).tokens:
                used[token] += n
        kept = _most_frequent(alphabet) + _most_frequent(used)
        vocabulary = _numbered([*dict.fromkeys([*_SPECIAL, *kept])][:vocab_size])
        return cls(_bert_tokenizer(vocabulary, lower_case), max_len)


class _Pieces:
    """Splits texts as a tokenizer of BERT's kind does, each different part of a text once.

    BERT's normalisation and its splitting go no further than the next space, punctuation of ASCII
    or Chinese character: what lies between has the same pieces in every text.
    """

    def __init__(self, tokenizer: Tokenizer):
        self._tokenizer = tokenizer
        self._special = [t.content for t in tokenizer.get_added_tokens_decoder().values()]
        within = tokenizer.encode("a", add_special_tokens=False).ids
        around = tokenizer.encode("a").ids
        first = around.index(within[0])
        self._before, self._behind = around[:first], around[first + len(within) :]
        self._forget()

    def _forget(self) -> None:
        self._table = TokenTable(_bert_kinds())
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


@functools.cache
def _bert_kinds() -> np.ndarray:
    """Where a text can be cut: at spaces, around ASCII's punctuation and Chinese characters."""
    kinds = np.full(0x110000, INSIDE, np.int8)
    kinds[[ord(" "), ord("\n")]] = BLANK
    kinds[[ord(sign) for sign in string.punctuation]] = ALONE
    kinds[0x3400:0x4DC0] = kinds[0x4E00:0xA000] = kinds[0x20000:0x2A6E0] = ALONE
    return kinds


def _is_bert(tokenizer: Tokenizer) -> bool:
    """Whether a tokenizer splits texts as BERT does."""
    normalizer = tokenizer.normalizer
    return (
        isinstance(normalizer, normalizers.BertNormalizer)
        and normalizer.handle_chinese_chars
        and isinstance(tokenizer.pre_tokenizer, pre_tokenizers.BertPreTokenizer)
        and isinstance(tokenizer.model, models.WordPiece)
        and all(
            token.special and not (token.normalized or token.lstrip or token.rstrip)
            for token in tokenizer.get_added_tokens_decoder().values()
        )
    )


def _count_words(texts: Iterable[str], lower_case: bool) -> Counter:
    """How often each word occurs, as BERT splits texts into words."""
    splitter = _bert_tokenizer(_numbered(_SPECIAL), lower_case)
    parts = Counter()  # see `_Pieces`
    texts = iter(texts)
    while some := list(islice(texts, _TEXTS_AT_ONCE)):
        table = TokenTable(_bert_kinds())
        numbers = table([text.replace("\n", " ") for text in some]).values
        parts.update(dict(zip(table.tokens, np.bincount(numbers).tolist())))
    counts = Counter()
    for part, n in parts.items():
        cleaned = splitter.normalizer.normalize_str(part)
        for word, _ in splitter.pre_tokenizer.pre_tokenize_str(cleaned):
            counts[word] += n
    return counts


def _byte_pairs(words: Counter, vocab_size: int) -> list[str]:
    """The pieces of byte-pair encoding, sorted."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, min_frequency=2, show_progress=False)
    # A word that occurs more often than so is no more likely to be cut.
    tokenizer.train_from_iterator((" ".join([w] * min(n, 100)) for w, n in words.items()), trainer)
    return sorted(tokenizer.get_vocab())


def _most_frequent(counts: Counter) -> list[str]:
    """Tokens that occur at least twice, the most frequent first, equal counts by token."""
    return [token for n, token in sorted((-n, token) for token, n in counts.items()) if n < -1]


def _numbered(tokens: list[str]) -> dict[str, int]:
    return {token: i for i, token in enumerate(tokens)}


def _bert_tokenizer(vocabulary: dict[str, int], lower_case: bool) -> Tokenizer:
    """BERT's own way: clean, split at punctuation and around Chinese characters, WordPiece."""
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lower_case)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    around = [(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=around)
    tokenizer.add_special_tokens(_SPECIAL)
    return tokenizer


def _read_vocabulary(path: Path) -> dict[str, int]:
    r"""One token a line, its number the id; split at `\n` only, as other separators occur."""
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as failure:
        raise UserError(
            f"{path}: cannot be read as a vocabulary: {failure}{how_to_fetch(path)}"
        ) from None
    if lines[-1] == "":
        lines.pop()
    vocabulary = {line.rstrip("\r"): i for i, line in enumerate(lines)}
    missing = [token for token in _SPECIAL if token not in vocabulary]
    if missing:
        raise UserError(f"{path}: is not a WordPiece vocabulary: {', '.join(missing)} missing")
    return vocabulary


def _read_json(path: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.encode("a")  # which some faults of a file are only seen by
        return tokenizer
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as failure:  # a panic of Rust is no Exception, others no narrower class
        raise UserError(f"{path}: cannot be read as a tokenizer: {failure}") from None
