"""Text to token ids: WordPiece, from a vocabulary or built from the training texts."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Optional

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers.processors import TemplateProcessing

from textzoo.errors import UserError

_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_FILE = "tokenizer.json"


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
        self.mask_id: Optional[int] = tokenizer.token_to_id("[MASK]")

    def encode(self, text: str) -> list[int]:
        """The ids of a text with `[CLS]` and `[SEP]`, cut to `max_len` in all."""
        return self._tokenizer.encode(text).ids

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
        words = _count_words(texts, lower_case)
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


def _count_words(texts: Iterable[str], lower_case: bool) -> Counter:
    """How often each word occurs, as BERT splits texts into words."""
    splitter = _bert_tokenizer(_numbered(_SPECIAL), lower_case)
    counts = Counter()
    for text in texts:
        cleaned = splitter.normalizer.normalize_str(text)
        counts.update(word for word, _ in splitter.pre_tokenizer.pre_tokenize_str(cleaned))
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
        raise UserError(f"{path}: cannot be read as a vocabulary: {failure}") from None
    if lines[-1] == "":
        lines.pop()
    vocabulary = {line.rstrip("\r"): i for i, line in enumerate(lines)}
    missing = [token for token in _SPECIAL if token not in vocabulary]
    if missing:
        raise UserError(f"{path}: is not a WordPiece vocabulary: {', '.join(missing)} missing")
    return vocabulary


def _read_json(path: Path) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(path))
    except Exception as failure:  # the tokenizers library raises no narrower class
        raise UserError(f"{path}: cannot be read as a tokenizer: {failure}") from None
