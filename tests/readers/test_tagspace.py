import pytest

from textzoo.errors import BadLine
from textzoo.text.hashing import hashed_pairs


@pytest.fixture
def make_reader(tagspace):
    def make(*lines, declared=None, **settings):
        reader = tagspace.reader(**settings)
        reader.fit((reader.parse(line) for line in lines), declared or {})
        return reader

    return make


def words_of(reader, line):
    """The words of a line as ids lead back to them."""
    return [reader._words.texts[i] for i in reader.encode(line, training=False)["words"]]


def test_ids_of_words_and_tags_are_by_frequency_then_text(make_reader):
    reader = make_reader("sport\tb a", "news\ta c", "sport\tb a")
    assert reader.label_names == ["sport", "news"]
    encoded = reader.encode("news\ta b c zzz", training=True)
    assert encoded["words"] == [1, 2, 3, 0]  # 0 stands for unknown words
    assert encoded["tags"] == [1]
    assert reader.sizes()["vocab_text_size"] == 4
    assert reader.sizes()["vocab_tag_size"] == 2


@pytest.mark.parametrize(
    ("column", "tags"),
    [
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        ("a，b", ["a", "b"]),
        (" a , b，c ", ["a", "b", "c"]),
        ("b,a,b", ["b", "a"]),
        ("a,,b,", ["a", "b"]),
        ("big data,Ärzte", ["big data", "Ärzte"]),
        ("", []),
        (" , ", []),
    ],
)
def test_tags_are_split_at_both_commas(tagspace, column, tags):
    assert tagspace.reader().parse(f"{column}\tx").labels == tags


@pytest.mark.parametrize(("line", "n"), [("no tab", 1), ("a\tb\tc", 3), ("a\tb\t", 3)])
def test_a_line_without_exactly_two_columns_is_refused(tagspace, line, n):
    expected = rf"received {n} column\(s\) between tabs, expected 2: tag<TAB>text"
    with pytest.raises(BadLine, match=expected):
        tagspace.reader(format="text").parse(line)


def test_words_are_lower_cased_and_tags_are_not(tagspace):
    line = "News\tÜBER the Top"
    assert tagspace.reader().parse(line) == (["News"], ["über", "the", "top"])
    assert tagspace.reader(lower_case=False).parse(line).words == ["ÜBER", "the", "Top"]


def test_the_token_pattern_decides_what_a_word_is(tagspace):
    assert tagspace.reader().parse("t\tit's 5.3%, 标签!").words == ["it", "s", "5", "3", "标签"]
    assert tagspace.reader(token_pattern=r"\w").parse("t\t标签 a").words == ["标", "签", "a"]
    with pytest.raises(ValueError, match=r"token_pattern: '\['"):
        tagspace.reader(token_pattern="[")
    with pytest.raises(ValueError, match="with 2 groups, expected one at most"):
        tagspace.reader(token_pattern=r"(\w)(\d)")


def test_rare_words_are_unknown_but_rare_tags_are_kept(make_reader):
    reader = make_reader("s\ta a b", "n\tc b", min_count=2)
    assert words_of(reader, "s\ta b c") == ["a", "b", "<unk>"]
    assert reader.label_names == ["n", "s"]


def test_max_words_counts_the_unknown_word(make_reader):
    reader = make_reader("s\ta a a b b c", "n\ta", max_words=3, unknown_word="<?>")
    assert reader.sizes()["vocab_text_size"] == 3
    assert words_of(reader, "s\ta b c") == ["a", "b", "<?>"]


def test_words_after_max_len_are_left_out(make_reader):
    reader = make_reader("s\ta b c d", "n\ta", max_len=2)
    assert words_of(reader, "s\td c b a") == ["d", "c"]


@pytest.mark.parametrize("text", ["", " ", "... !?"])
def test_a_text_without_words_is_one_unknown_word(make_reader, text):
    reader = make_reader("s\ta", "n\tb")
    assert words_of(reader, f"s\t{text}") == ["<unk>"]


def test_a_row_without_tags_can_be_predicted_but_not_trained_on(make_reader):
    reader = make_reader("s\ta", "n\tb")
    assert reader.encode("\ta", training=False)["tags"] == []
    with pytest.raises(BadLine, match="received no tag, expected at least one before the tab"):
        reader.encode("\ta", training=True)


def test_a_row_with_every_tag_cannot_be_trained_on(make_reader):
    reader = make_reader("s\ta", "n\tb")
    with pytest.raises(BadLine, match="the row has all 2 tags"):
        reader.encode("s,n\ta", training=True)
    assert reader.encode("s,n\ta", training=False)["tags"] == [1, 0]


def test_an_unknown_tag_counts_as_never_found(make_reader):
    reader = make_reader("s\ta", "n\tb")
    assert reader.encode("x,s\ta", training=False)["tags"] == [-1, 1]
    with pytest.raises(BadLine, match="the tag 'x' is not among the model's 2 tags"):
        reader.encode("s,x\ta", training=True)  # validation rows aside, training has it


def test_a_long_tag_is_shortened_in_the_message(make_reader):
    reader = make_reader("s\ta", "n\tb")
    with pytest.raises(BadLine) as failure:
        reader.encode("x" * 1000 + "\ta", training=True)
    assert len(str(failure.value)) < 150


def test_pairs_of_neighbours_are_hashed_behind_the_words(make_reader):
    reader = make_reader("s\ta b c", "n\ta", ngram_buckets=7, max_len=3)
    n_words = reader.sizes()["vocab_text_size"]
    encoded = reader.encode("s\tA zzz b c", training=True)
    pairs = [n_words + bucket for bucket in hashed_pairs(["a", "zzz", "b"], 7)]
    assert encoded["ngrams"] == [*encoded["words"], *pairs]
    assert reader.sizes()["vocab_ngram_size"] == n_words + 7
    assert reader.encode("s\t", training=True)["ngrams"] == [0]


def test_without_buckets_there_are_no_n_grams(make_reader):
    reader = make_reader("s\ta b c", "n\ta")
    assert reader.encode("s\ta b", training=True)["ngrams"] == []
    assert reader.sizes()["vocab_ngram_size"] == 0


# ------------------------------------------------------------------ the reader: lines of ids


def test_lines_of_paddlerec_are_read_as_they_are(make_reader):
    reader = make_reader("2,10 4 7 ", "0, 3 3", "1,5\t")
    assert reader.sizes()["vocab_text_size"] == 11
    assert reader.sizes()["vocab_tag_size"] == 3
    encoded = reader.encode("1,4 10  3 ", training=True)
    assert (encoded["words"], encoded["tags"]) == ([4, 10, 3], [1])


def test_ids_with_leading_zeros_are_the_same_ids(make_reader):
    reader = make_reader("2,10 4", "01,007")
    assert reader.encode("002,04", training=True)["tags"] == [2]


def test_declared_sizes_are_the_vocabularies(make_reader):
    sizes = {"vocab_text_size": 100, "vocab_tag_size": 4}
    reader = make_reader("0,1 2", "1,3", declared=sizes)
    assert {name: reader.sizes()[name] for name in sizes} == sizes
    assert reader.encode("3,99", training=True)["words"] == [99]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("1,4 x", "received 'x', expected an integer id from 0"),
        ("x,4", "received 'x', expected an integer id"),
        ("1,4.5", "received '4.5', expected an integer id"),
        ("1,-4", "received '-4', expected an integer id"),
        ("1,²", "received '²', expected an integer id"),
        (",4", "received '', expected an integer id"),
        ("1,", "received '1,', expected a tag id, a comma, word ids"),
        ("1, ", "expected a tag id, a comma, word ids"),
        ("1 4 5", "expected a tag id, a comma, word ids"),
    ],
)
def test_malformed_lines_of_ids_are_refused(make_reader, line, complaint, training):
    reader = make_reader("2,10 4", "0,3", "1,5")
    with pytest.raises(BadLine) as failure:
        reader.encode(line, training)
    assert complaint in str(failure.value)


def test_ids_that_training_did_not_have_are_unknown(make_reader):
    reader = make_reader("2,10 4", "0,3", "1,5", ngram_buckets=7)
    line = "5,4 11 " + "9" * 5000
    encoded = reader.encode(line, training=False)
    assert (encoded["words"], encoded["tags"]) == ([4, 11, 11], [-1])
    assert reader.unknown_word_id == reader.sizes()["vocab_text_size"] == 11  # that of padding
    pairs = hashed_pairs(line.partition(",")[2].split(), 7)
    assert encoded["ngrams"] == [4, *(11 + pair for pair in pairs)]
    with pytest.raises(BadLine, match="the tag '5' is not among the model's 3 tags"):
        reader.encode("5,4", training=True)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("1,4 1000000", "the word id '1000000', expected one below 1,000,000; or set reader.max_w"),
        ("1000000,4", "received the tag id '1000000', expected one below 1,000,000"),
        ("1," + "9" * 5000, r"the word id '9{60}\.\.\. \(5000 characters\)', expected"),
    ],
)
def test_no_table_is_made_for_one_id_that_is_very_high(make_reader, line, complaint):
    reader = make_reader("2,10 4", "0,3", line)
    assert reader.sizes()["vocab_text_size"] == 11
    assert reader.sizes()["vocab_tag_size"] == 3
    with pytest.raises(BadLine, match=complaint):
        reader.encode(line, training=True)
    with pytest.raises(BadLine, match=complaint):
        reader.count([line])


def test_ids_up_to_max_words_are_taken(make_reader):
    reader = make_reader("2,10 4", "0,3", "1,1000001 1000002", max_words=1_000_002)
    assert reader.encode("1,1000001 1000002", training=True)["words"] == [1000001, 1000002]
    assert reader.sizes()["vocab_text_size"] == 1_000_002 == reader.unknown_word_id


# ------------------------------------------------------------------ the reader: which format


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sport\tthe text", (["sport"], ["the", "text"])),
        ("1,2\t3 4", (["1", "2"], ["3", "4"])),
        ("1,2 3", (["1"], ["2", "3"])),
        ("1, 2 3 ", (["1"], ["2", "3"])),
    ],
)
def test_the_first_line_decides_the_format(tagspace, line, expected):
    assert tagspace.reader().parse(line) == expected


def test_later_lines_are_held_to_the_format_of_the_first(tagspace):
    reader = tagspace.reader()
    reader.parse("sport\ttext")
    with pytest.raises(BadLine, match="received 1 column"):
        reader.parse("1,2 3")


@pytest.mark.parametrize("line", ["just words", "a,b c", "1 2 3"])
def test_a_first_line_of_neither_format_is_refused(tagspace, line):
    reader = tagspace.reader()
    with pytest.raises(BadLine, match=r"expected tag<TAB>text, or PaddleRec's tag,id id id"):
        reader.parse(line)
    assert reader.parse("1,2") == (["1"], ["2"])  # such a line, skipped, decides nothing


def test_a_stated_format_is_not_guessed(tagspace):
    with pytest.raises(BadLine, match="received 1 column"):
        tagspace.reader(format="text").parse("1,2 3")
    with pytest.raises(BadLine, match="expected an integer id"):
        tagspace.reader(format="ids").parse("sport,a\tb")


# ------------------------------------------------------------------ the reader: save and load


ODD = ["a\u2028b", "x\x85y", "p\x0bq", "\ufeffbom", "a\u3000b", "😀", "标签", "c\rd"]


def test_a_saved_reader_encodes_the_same(tagspace, make_reader, tmp_path):
    settings = {"token_pattern": "[^ ]+", "ngram_buckets": 50}
    lines = [f"t{i},{word}\t{word} {word} {ODD[i - 1]}" for i, word in enumerate(ODD)]
    reader = make_reader(*lines, **settings)
    assert reader.sizes()["vocab_text_size"] == len(ODD) + 1
    reader.save(tmp_path)
    loaded = tagspace.reader(**settings)
    loaded.load(tmp_path)
    assert loaded.sizes() == reader.sizes()
    assert loaded.label_names == reader.label_names
    for line in lines:
        encoded = reader.encode(line, training=True)
        assert loaded.encode(line, training=True) == encoded
        assert 0 not in encoded["words"]


@pytest.mark.parametrize("line", ["s\ta b", "1,2 3"])
def test_a_loaded_reader_knows_the_format(tagspace, make_reader, tmp_path, line):
    make_reader(line, line.replace("s", "n").replace("1", "0")).save(tmp_path)
    loaded = tagspace.reader()
    loaded.load(tmp_path)
    with pytest.raises(BadLine):
        loaded.parse("1,2 3" if "\t" in line else "s\ta b")
    assert loaded.encode(line, training=True)["tags"] == [1]


def test_a_row_is_described_by_its_text_and_tags(make_reader):
    text, ids = make_reader("s\ta", "n\tb"), make_reader("1,2 3", "0,1")
    assert text.describe("s, n\t Some Text! ") == {"text": "Some Text!", "tags": ["s", "n"]}
    assert ids.describe("1,2 3 ") == {"text": "2 3", "tags": ["1"]}
