import json
import pickle
import random

import numpy as np
import pytest
from harness.tokenizer_files import KINDS, write_tokenizer
from tokenizers import Tokenizer, models, pre_tokenizers

from textzoo.errors import BadLine, UserError
from textzoo.text.subwords import SubwordTokenizer
from textzoo.training.interruption import Interrupted

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
    tokenizer = SubwordTokenizer.read(vocabulary, max_len=64)
    assert tokens(tokenizer, text) == ["[CLS]", *expected, "[SEP]"]
    assert tokenizer.vocab_size == len(VOCABULARY)
    assert tokenizer.unknown_id == 1


def test_a_tokenizer_config_beside_the_vocabulary_decides_the_case(vocabulary):
    vocabulary.with_name("tokenizer_config.json").write_text('{"do_lower_case": false}')
    tokenizer = SubwordTokenizer.read(vocabulary.parent, max_len=64)
    assert tokens(tokenizer, "Cafe Café") == ["[CLS]", "Cafe", "[UNK]", "[SEP]"]


def test_a_tokenizer_config_that_is_nested_too_deeply_is_refused(vocabulary):
    vocabulary.with_name("tokenizer_config.json").write_text("[" * 200_000)
    with pytest.raises(UserError, match=r"tokenizer_config\.json: cannot be read as JSON"):
        SubwordTokenizer.read(vocabulary.parent, max_len=64)


def test_long_texts_are_cut_and_keep_their_last_special_token(vocabulary):
    tokenizer = SubwordTokenizer.read(vocabulary, max_len=5)
    assert tokens(tokenizer, "the " * 9) == ["[CLS]", "the", "the", "the", "[SEP]"]


def test_a_place_that_cannot_be_written_is_an_error_of_the_system(vocabulary, tmp_path):
    tokenizer = SubwordTokenizer.read(vocabulary, max_len=5)
    with pytest.raises(FileNotFoundError):  # as a full disk is: the cache and checkpoints tell it
        tokenizer.save(tmp_path / "gone")


def test_padding_and_truncation_that_a_file_brings_are_not_applied(vocabulary, tmp_path):
    tokenizer = SubwordTokenizer.read(vocabulary, max_len=64)
    tokenizer._tokenizer.enable_padding(length=20)
    tokenizer._tokenizer.enable_truncation(3)
    tokenizer.save(tmp_path)
    assert (
        len(SubwordTokenizer.read(tmp_path / "tokenizer.json", max_len=64).encode("the " * 9)) == 11
    )


def test_a_built_vocabulary_knows_every_character_and_frequent_words():
    tokenizer = SubwordTokenizer.build(TEXTS, max_len=64, vocab_size=100)
    ids = tokenizer.encode("playing the player 怎么")
    assert 1 not in ids
    assert len(ids) == 7  # [CLS] playing the player 怎 么 [SEP]
    assert tokenizer.vocab_size <= 100


def test_a_word_that_is_too_long_for_pieces_takes_no_part_in_building():
    at_limit, longer = "xy" * 50, "zw" * 50 + "z"
    tokenizer = SubwordTokenizer.build([*TEXTS, f"{at_limit} {longer}"] * 2, 64, 100)
    assert 1 not in tokenizer.encode(at_limit)
    assert tokenizer.encode(longer) == tokenizer.encode("z") == [2, 1, 3]


def test_building_is_deterministic_and_survives_saving(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        SubwordTokenizer.build(TEXTS, max_len=64, vocab_size=40).save(tmp_path / name)
    contents = [(tmp_path / name / "tokenizer.json").read_bytes() for name in ("one", "two")]
    assert contents[0] == contents[1]
    assert json.loads(contents[0])
    loaded = SubwordTokenizer.load(tmp_path / "one", max_len=64)
    built = SubwordTokenizer.build(TEXTS, max_len=64, vocab_size=40)
    assert loaded.encode("player 怎么 plays") == built.encode("player 怎么 plays")


def test_what_is_no_vocabulary_is_refused(tmp_path):
    file = tmp_path / "vocab.txt"
    file.write_text("play\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"\[UNK\], \[CLS\], \[SEP\] missing"):
        SubwordTokenizer.read(file, max_len=64)
    file.unlink()
    with pytest.raises(UserError, match="holds no tokenizer"):
        SubwordTokenizer.read(tmp_path, max_len=64)


WORDS = [
    *(
        "the",
        "player",
        "players",
        "playing",
        "Playing",
        "naïve",
        "don't",
        "MiXeD",
        "query:",
        "42,7",
    ),
    *(
        "怎么",
        "怎么样",
        "标签分类",
        "文本",
        "中文mixed中文",
        "。",
        "，",
        "！",
        "（",
        "ﬁ",
        "Ａ",
        "𠀀",
        "豈",
        "ひらがな",
    ),
    *("😀", "👩‍👩‍👧", "🇨🇳", "\u0301", "e\u0301", "\u200b", "\u00a0", "\u3000", "\u2028", "\x85"),
    *("\x00", "\x07", "\x1c", "\t", "\r", "\ufffd", "\ufeff", "\U00012000", "x" * 130, "中" * 150),
    *(
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "[UNK]",
        "<s>",
        "</s>",
        "<mask>",
        "<pad>",
        "<unk>",
        "<S>",
        "[cls]",
    ),
    *("▁", "##ing", "Ġ", "  ", "   "),
]


def mixed_lines(n, seed=0):
    """Words, Chinese, emoji, control characters, long words, special tokens written in the text."""
    chance = random.Random(seed)
    return [
        "".join(
            part
            for _ in range(chance.randrange(14))
            for part in (chance.choice(WORDS), chance.choice(["", " "]))
        )
        for _ in range(n)
    ]


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("max_len", [7, 64])
def test_ids_are_those_of_the_library_s_own_tokenizer(tmp_path, kind, max_len):
    path = write_tokenizer(tmp_path, kind, mixed_lines(300, seed=1))
    reference = Tokenizer.from_file(str(path))
    reference.enable_truncation(max_len)
    lines = mixed_lines(10_000)
    expected = [found.ids for found in reference.encode_batch(lines)]
    assert max_len == 64 or max(map(len, expected)) == max_len
    ours = SubwordTokenizer.read(path, max_len)
    sent = pickle.loads(pickle.dumps(ours))  # to another process
    # Few lines at a time, as those with special tokens in them go another way.
    found = [sent.encode_many(lines[i : i + 7]) for i in range(0, len(lines), 7)]
    ids = [part for rows in found for part in np.split(rows.values, rows.offsets[1:-1])]
    assert [part.tolist() for part in ids] == expected
    assert [ours.encode(line) for line in lines[:500]] == expected[:500]
    ours.save(tmp_path)
    assert SubwordTokenizer.load(tmp_path, max_len).encode(lines[3]) == expected[3]


@pytest.mark.parametrize(("kind", "unknown"), [("unigram", "<unk>"), ("wordpiece", "[UNK]")])
def test_what_a_tokenizer_has_no_piece_for_is_known_by_its_id(tmp_path, kind, unknown):
    path = write_tokenizer(tmp_path, kind, ["the player plays"] * 9)
    tokenizer = SubwordTokenizer.read(path, max_len=64)
    assert tokenizer.unknown_id == Tokenizer.from_file(str(path)).token_to_id(unknown)
    assert tokenizer.unknown_id in tokenizer.encode("the 怎")


def test_bytes_leave_nothing_unknown(tmp_path):
    path = write_tokenizer(tmp_path, "byte_level", ["the player plays"] * 9)
    assert SubwordTokenizer.read(path, max_len=64).unknown_id is None


def test_a_vocabulary_needs_no_mask_and_follows_the_settings_beside_it(vocabulary):
    vocabulary.write_text("\n".join(VOCABULARY[1:4] + VOCABULARY[5:]), encoding="utf-8")
    settings = {"do_lower_case": True, "strip_accents": False, "tokenize_chinese_chars": False}
    vocabulary.with_name("tokenizer_config.json").write_text(json.dumps(settings))
    tokenizer = SubwordTokenizer.read(vocabulary, max_len=64)
    known = VOCABULARY[1:4] + VOCABULARY[5:]
    ids = tokenizer.encode("怎么 Café 怎 the")
    assert [known[i] for i in ids] == ["[CLS]", "[UNK]", "[UNK]", "怎", "the", "[SEP]"]
    vocabulary.with_name("tokenizer_config.json").write_text("[]")
    with pytest.raises(UserError, match=r"tokenizer_config\.json: received a list"):
        SubwordTokenizer.read(vocabulary, max_len=64)


def test_a_tokenizer_that_leaves_a_text_without_ids_is_refused(tmp_path):
    path = write_tokenizer(tmp_path, "unigram", ["the player plays"] * 9)
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, "post_processor": None}), encoding="utf-8")
    with pytest.raises(UserError, match="puts no special token around a text"):
        SubwordTokenizer.read(path, max_len=64)


def test_a_tokenizer_without_pieces_for_some_texts_is_refused_before_any_is_read(tmp_path):
    tokenizer = Tokenizer(models.WordPiece({"a": 0, "[CLS]": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(UserError, match="cannot be read as a tokenizer"):
        SubwordTokenizer.read(tmp_path, max_len=64)


def test_vocabularies_that_transformers_converts_are_named(tmp_path):
    (tmp_path / "sentencepiece.bpe.model").touch()
    with pytest.raises(UserError, match=r"makes one of sentencepiece\.bpe\.model"):
        SubwordTokenizer.read(tmp_path, max_len=64)


def _changed(tmp_path, kind, change):
    path = write_tokenizer(tmp_path, kind, TEXTS, 300)
    facts = json.loads(path.read_text(encoding="utf-8"))
    change(facts)
    path.write_text(json.dumps(facts), encoding="utf-8")
    return path


def _template(*parts):
    pieces = [
        {"Sequence" if part in "AB" else "SpecialToken": {"id": part, "type_id": 0}}
        for part in parts
    ]
    special = {
        token: {"id": token, "ids": [i], "tokens": [token]}
        for token, i in (("[UNK]", 1), ("[CLS]", 2), ("[SEP]", 3))
    }
    both = [{"Sequence": {"id": side, "type_id": 0}} for side in "AB"]
    return {
        "type": "TemplateProcessing",
        "single": pieces,
        "pair": both,
        "special_tokens": special,
    }


@pytest.mark.parametrize(
    ("processor", "said"),
    [
        (_template("[CLS]", "A", "[SEP]", "A"), "leaves a text out or repeats it"),
        (_template("[CLS]"), "leaves a text out or repeats it"),
        (
            {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 4_000_000_000]},
            "puts the id 4000000000 around a text, expected ids below",
        ),
    ],
)
def test_a_post_processor_that_does_not_fit_is_refused(tmp_path, processor, said):
    path = _changed(tmp_path, "wordpiece", lambda facts: facts.update(post_processor=processor))
    with pytest.raises(UserError, match=said):
        SubwordTokenizer.read(path, 16)


def test_an_id_that_no_vocabulary_is_as_large_as_is_refused(tmp_path):
    path = _changed(
        tmp_path, "wordpiece", lambda facts: facts["model"]["vocab"].update(more=2**32 - 1)
    )
    with pytest.raises(UserError, match="has the id 4294967295, expected ids below 2147483647"):
        SubwordTokenizer.read(path, 16)


def test_special_tokens_may_be_those_that_texts_have_too(tmp_path):
    processor = _template("[UNK]", "A", "[SEP]")

    def change(facts):
        del facts["model"]["vocab"]["a"]
        facts["post_processor"] = processor

    tokenizer = SubwordTokenizer.read(_changed(tmp_path, "wordpiece", change), 16)
    texts = ["playing a player", "a", ""]
    found = tokenizer.encode_many(texts)
    assert found.values.tolist() == [i for text in texts for i in tokenizer.encode(text)]
    assert found.counts.tolist() == [len(tokenizer.encode(text)) for text in texts]


def test_the_dropout_of_byte_pairs_is_for_training_alone(tmp_path):
    path = _changed(tmp_path, "byte_level", lambda facts: facts["model"].update(dropout=0.5))
    tokenizer = SubwordTokenizer.read(path, 16)
    assert len({tuple(tokenizer.encode("playing the player")) for _ in range(20)}) == 1


def test_a_text_at_which_a_tokenizer_fails_is_refused(tmp_path):
    endless = {"type": "Replace", "pattern": {"Regex": "(a+)+b"}, "content": "x"}
    path = _changed(tmp_path, "unigram", lambda facts: facts.update(normalizer=endless))
    tokenizer = SubwordTokenizer.read(path, 16)
    for encode in (tokenizer.encode, lambda text: tokenizer.encode_many([text])):
        with pytest.raises(BadLine, match=r"cannot split the text: .*retry-limit"):
            encode("a" * 5000)


@pytest.mark.parametrize("encode", ["encode", "encode_many"])
def test_a_signal_is_no_fault_of_a_text(tmp_path, monkeypatch, encode):
    tokenizer = SubwordTokenizer.read(write_tokenizer(tmp_path, "unigram", TEXTS, 300), 16)

    class Stopped:
        def encode(self, text):
            raise Interrupted(15)

        encode_batch_fast = encode

    monkeypatch.setattr("textzoo.text.subwords.is_bert", lambda tokenizer: False)
    monkeypatch.setattr(tokenizer, "_tokenizer", Stopped())
    with pytest.raises(Interrupted):
        getattr(tokenizer, encode)(["a"])
