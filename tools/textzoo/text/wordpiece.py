"""BERT's own way from text to pieces: WordPiece, from a vocabulary or built from texts."""

import functools
import string
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any, Optional

import numpy as np
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers.processors import TemplateProcessing

from textzoo.errors import UserError
from textzoo.files import how_to_fetch, read_json
from textzoo.text.token_table import ALONE, BLANK, INSIDE, TokenTable

_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_NEEDED = ["[UNK]", "[CLS]", "[SEP]"]
_TEXTS_AT_ONCE = 5_000
_LONGEST_WORD = models.WordPiece().max_input_chars_per_word  # a longer one has no pieces


def build_wordpiece(texts: Iterable[str], vocab_size: int, lower_case: bool = True) -> Tokenizer:
    """Build a vocabulary from texts: their characters, then the most used pieces.

    The same texts give the same vocabulary, which WordPieceTrainer does not promise: pieces are
    those of byte-pair encoding (Sennrich et al. 2016), at the start of a word and (`##`) inside
    it, and the ones are kept that splitting the texts uses most.

    Args:
        texts: the training texts.
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
    splitter = bert_tokenizer(_numbered([*_SPECIAL, *candidates]), lower_case)
    used = Counter()
    for word, n in words.items():
        for token in splitter.encode(word, add_special_tokens=False).tokens:
            used[token] += n
    kept = _most_frequent(alphabet) + _most_frequent(used)
    vocabulary = _numbered([*dict.fromkeys([*_SPECIAL, *kept])][:vocab_size])
    return bert_tokenizer(vocabulary, lower_case)


@functools.cache
def bert_kinds() -> np.ndarray:
    """Where a text can be cut: at spaces, around ASCII's punctuation and Chinese characters."""
    kinds = np.full(0x110000, INSIDE, np.int8)
    kinds[[ord(" "), ord("\n")]] = BLANK
    kinds[[ord(sign) for sign in string.punctuation]] = ALONE
    kinds[0x3400:0x4DC0] = kinds[0x4E00:0xA000] = kinds[0x20000:0x2A6E0] = ALONE
    return kinds


def is_bert(tokenizer: Tokenizer) -> bool:
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
    splitter = bert_tokenizer(_numbered(_SPECIAL), lower_case)
    parts = Counter()  # see `_Pieces`
    texts = iter(texts)
    while some := list(islice(texts, _TEXTS_AT_ONCE)):
        table = TokenTable(bert_kinds())
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


def bert_tokenizer(
    vocabulary: dict[str, int],
    lower_case: bool,
    strip_accents: Optional[bool] = None,
    chinese_characters_apart: bool = True,
) -> Tokenizer:
    """BERT's own way: clean, split at punctuation and around Chinese characters, WordPiece.

    Args:
        vocabulary: the id of each piece; has at least `[UNK]`, `[CLS]` and `[SEP]`.
        lower_case: whether texts are lower-cased.
        strip_accents: whether accents are left out; None: if texts are lower-cased.
        chinese_characters_apart: whether each Chinese character is a word.
    """
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(
        lowercase=lower_case,
        strip_accents=strip_accents,
        handle_chinese_chars=chinese_characters_apart,
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    around = [(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=around)
    tokenizer.add_special_tokens([token for token in _SPECIAL if token in vocabulary])
    return tokenizer


def read_vocabulary(path: Path, lower_case: bool) -> Tokenizer:
    r"""The tokenizer of a `vocab.txt`: one token a line, its number the id.

    Lines are split at `\n` only, as other separators occur among tokens. What a
    `tokenizer_config.json` beside it says of case, accents and Chinese characters goes before
    `lower_case`.

    Raises:
        UserError: one of the two cannot be read, or is no such file.
    """
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as failure:
        raise UserError(
            f"{path}: cannot be read as a vocabulary: {failure}{how_to_fetch(path)}"
        ) from None
    if lines[-1] == "":
        lines.pop()
    vocabulary = {line.rstrip("\r"): i for i, line in enumerate(lines)}
    missing = [token for token in _NEEDED if token not in vocabulary]
    if missing:
        raise UserError(f"{path}: is not a WordPiece vocabulary: {', '.join(missing)} missing")
    settings = _settings_beside(path)
    return bert_tokenizer(
        vocabulary,
        settings.get("do_lower_case", lower_case),
        settings.get("strip_accents"),
        settings.get("tokenize_chinese_chars", True),
    )


def _settings_beside(vocabulary: Path) -> dict[str, Any]:
    file = vocabulary.with_name("tokenizer_config.json")
    if not file.is_file():
        return {}
    try:
        settings = read_json(file)
    except (OSError, ValueError) as failure:
        raise UserError(f"{file}: cannot be read as JSON: {failure}") from None
    if not isinstance(settings, dict):
        raise UserError(f"{file}: received a {type(settings).__name__}, expected keys with values")
    return settings
