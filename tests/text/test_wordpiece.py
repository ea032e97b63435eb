import json

import pytest

from textzoo.errors import UserError
from textzoo.text.wordpiece import WordPiece

VOCABULARY = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *("play", "##ing", "##er", "the", "怎", "么", "\u2028", "cafe", "Cafe", "!"),
]
TEXTS = ["playing the player", "怎么 playing", "the player plays"] * 5


@pytest.fixture
def vocabulary(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes(("\n".join(VOCABULARY) + "\n").encode())
    return path


def tokens(tokenizer, text):
    return [VOCABULARY[i] for i in tokenizer.encode(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("playing", ["play", "##ing"]),
        ("The player!", ["the", "play", "##er", "!"]),
        ("怎么样", ["怎", "么", "[UNK]"]),
        ("Café", ["cafe"]),
        ("", []),
    ],
)
def test_a_vocabulary_splits_texts_into_its_longest_pieces(vocabulary, text, expected):
    tokenizer = WordPiece.read(vocabulary, max_len=64)
    assert tokens(tokenizer, text) == ["[CLS]", *expected, "[SEP]"]
    assert tokenizer.vocab_size == len(VOCABULARY)
    assert tokenizer.mask_id == 4


def test_a_tokenizer_config_beside_the_vocabulary_decides_the_case(vocabulary):
    vocabulary.with_name("tokenizer_config.json").write_text('{"do_lower_case": false}')
    tokenizer = WordPiece.read(vocabulary.parent, max_len=64)
    assert tokens(tokenizer, "Cafe Café") == ["[CLS]", "Cafe", "[UNK]", "[SEP]"]


def test_long_texts_are_cut_and_keep_their_last_special_token(vocabulary):
    tokenizer = WordPiece.read(vocabulary, max_len=5)
    assert tokens(tokenizer, "the " * 9) == ["[CLS]", "the", "the", "the", "[SEP]"]


def test_padding_and_truncation_that_a_file_brings_are_not_applied(vocabulary, tmp_path):
    tokenizer = WordPiece.read(vocabulary, max_len=64)
    tokenizer._tokenizer.enable_padding(length=20)
    tokenizer._tokenizer.enable_truncation(3)
    tokenizer.save(tmp_path)
    assert len(WordPiece.read(tmp_path / "tokenizer.json", max_len=64).encode("the " * 9)) == 11


def test_a_built_vocabulary_knows_every_character_and_frequent_words():
    tokenizer = WordPiece.build(TEXTS, max_len=64, vocab_size=100)
    ids = tokenizer.encode("playing the player 怎么")
    assert 1 not in ids
    assert len(ids) == 7  # [CLS] playing the player 怎 么 [SEP]
    assert tokenizer.vocab_size <= 100


def test_a_word_that_is_too_long_for_pieces_takes_no_part_in_building():
    at_limit, longer = "xy" * 50, "zw" * 50 + "z"
    tokenizer = WordPiece.build([*TEXTS, f"{at_limit} {longer}"] * 2, 64, 100)
    assert 1 not in tokenizer.encode(at_limit)
    assert tokenizer.encode(longer) == tokenizer.encode("z") == [2, 1, 3]


def test_building_is_deterministic_and_survives_saving(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        WordPiece.build(TEXTS, max_len=64, vocab_size=40).save(tmp_path / name)
    contents = [(tmp_path / name / "tokenizer.json").read_bytes() for name in ("one", "two")]
    assert contents[0] == contents[1]
    assert json.loads(contents[0])
    loaded = WordPiece.load(tmp_path / "one", max_len=64)
    built = WordPiece.build(TEXTS, max_len=64, vocab_size=40)
    assert loaded.encode("player 怎么 plays") == built.encode("player 怎么 plays")


def test_what_is_no_vocabulary_is_refused(tmp_path):
    file = tmp_path / "vocab.txt"
    file.write_text("play\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"\[PAD\], \[UNK\], \[CLS\], \[SEP\], \[MASK\] missing"):
        WordPiece.read(file, max_len=64)
    file.unlink()
    with pytest.raises(UserError, match="holds no tokenizer"):
        WordPiece.read(tmp_path, max_len=64)
