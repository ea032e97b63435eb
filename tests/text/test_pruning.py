"""A pruned tokenizer splits the texts that it was pruned for as the whole one does."""

import json
import random

import pytest
from harness.tokenizer_files import KINDS
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers.processors import TemplateProcessing

from textzoo.text.pruning import UsedPieces

WORDS = [
    "player",
    "players",
    "playing",
    "停车",
    "停车位",
    "没有",
    "标签",
    "😀",
    "é",
    "naïve",
    "x" * 120,
]
RARE = ["weather", "forecast", "天气", "预报", "ß"]


def texts(n, words, seed):
    chance = random.Random(seed)
    return [" ".join(chance.choices(words, k=chance.randrange(1, 8))) for _ in range(n)]


def tokens(tokenizer, rows):
    return [found.tokens for found in tokenizer.encode_batch(rows)]


def ids(tokenizer, rows):
    return [found.ids for found in tokenizer.encode_batch(rows)]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_these_texts_have_the_same_pieces_and_others_are_gone(kind):
    whole = KINDS[kind](texts(400, WORDS + RARE, seed=1), 300)
    used = UsedPieces(whole)
    own = [*texts(100, WORDS, seed=2), "<s> [SEP] </s>", "unheard-of 珊瑚"]
    prefixed = [f"query: {text}" for text in own]
    assert used.add(own) == len(own)
    used.add(["query: "])
    pruned, kept = used.tokenizer()
    assert kept == sorted(kept) and pruned.get_vocab_size() == len(kept)
    assert len(kept) < whole.get_vocab_size()
    for rows in (own, prefixed):
        assert tokens(pruned, rows) == tokens(whole, rows)
        assert [[kept[i] for i in row] for row in ids(pruned, rows)] == ids(whole, rows)
    again = Tokenizer.from_str(pruned.to_str())  # as it is read from its file
    assert ids(again, own) == ids(pruned, own)
    english = "!#%Az09~"  # any ASCII that the whole one knows
    assert tokens(pruned, list(english)) == tokens(whole, list(english))


def wordpiece(*pieces):
    vocabulary = {piece: i for i, piece in enumerate(["[UNK]", "[CLS]", "[SEP]", *pieces])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return tokenizer


def test_a_word_that_wordpiece_gives_up_stays_unknown():
    """Of abcd it takes the longest first piece, abc, and has none for d: not ab and cd."""
    whole = wordpiece("ab", "abc", "##cd", "xy", "zz")
    used = UsedPieces(whole)
    used.add(["abcd", "ab", "xycd"])
    pruned, _ = used.tokenizer()
    assert "zz" not in pruned.get_vocab()
    for text in ("abcd", "ab", "xycd"):
        assert pruned.encode(text).tokens == whole.encode(text).tokens
    assert pruned.encode("abcd").tokens == ["[CLS]", "[UNK]", "[SEP]"]


def test_the_least_score_of_unigram_stays():
    """What is unknown costs 10 more than it; the path around it would change with it."""
    pieces = [("<unk>", 0.0), ("▁a", -1.0), ("b", -2.0), ("rare", -50.0), ("bc", -3.0)]
    whole = Tokenizer(models.Unigram(pieces, unk_id=0))
    used = UsedPieces(whole)
    used.add(["b"])
    pruned, kept = used.tokenizer()
    assert [piece for piece, _ in json.loads(pruned.to_str())["model"]["vocab"]] == [
        *("<unk>", "▁a", "b", "rare"),
    ]
    assert kept == [0, 1, 2, 3]


def test_merges_on_the_way_to_a_piece_stay():
    vocabulary = {piece: i for i, piece in enumerate(["a", "b", "c", "ab", "abc", "bc", "cc"])}
    merges = [("c", "c"), ("a", "b"), ("ab", "c"), ("b", "c")]
    whole = Tokenizer(models.BPE(vocabulary, merges))
    used = UsedPieces(whole)
    used.add(["abc"])
    pruned, _ = used.tokenizer()
    assert sorted(pruned.get_vocab()) == ["a", "ab", "abc", "b", "c"]
    assert pruned.encode("abc").tokens == ["abc"]


def test_another_kind_of_model_is_refused():
    words = Tokenizer(models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]"))
    with pytest.raises(ValueError, match="has a model of kind WordLevel"):
        UsedPieces(words)
