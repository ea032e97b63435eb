"""Encoding many lines at once, and in several processes, gives what one by one gives."""

import os
import random
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest
from harness.workspace import MODELS, ROOT, TIMEOUT, Workspace
from tokenizers import BertWordPieceTokenizer

from textzoo.config.loading import build_reader, load_config
from textzoo.data import encoding
from textzoo.data.cache import Cache, encoded_rows, fitted_vocabulary
from textzoo.data.encoding import encode_chunk, encoded_parts
from textzoo.errors import BadLine, UserError
from textzoo.text import wordpiece
from textzoo.text.character_ngrams import CharacterNgrams
from textzoo.text.hashing import hashed_pairs
from textzoo.text.ragged import Ragged
from textzoo.text.reader import Reader
from textzoo.text.subwords import SubwordTokenizer
from textzoo.text.words import WordIds

# Words, signs, Chinese, several scripts, accents apart from their letters, blanks of all kinds.
ALPHABET = [
    *"aabbcé ÉßΣς  ..,-_#'[]0 7  标签文本分类，。！？𠀀豈가ひカ",
    *"\u0301\u0338\u200b\u200d\u00a0\u3000\u2028\x85\x1c\x0b\x00\ufffd\U0001f600",
    *("ΟΔΟΣ", "naïve", "[CLS]", "[SEP", "don't", "x" * 120),
]


def texts(n, seed=0, longest=25):
    chance = random.Random(seed)
    return ["".join(chance.choices(ALPHABET, k=chance.randrange(longest))) for _ in range(n)]


def as_lists(lists):
    assert lists.values.dtype == np.int32
    return [part.tolist() for part in np.split(lists.values, np.cumsum(lists.counts)[:-1])]


@pytest.mark.parametrize("pattern", [r"\w+", r"\S+", r"\w+|[^\w\s]"])
@pytest.mark.parametrize("lower_case", [True, False])
@pytest.mark.parametrize(("max_len", "stop_words"), [(None, ()), (3, ()), (4, ("a", "标", "b"))])
def test_word_ids_are_those_of_a_regular_expression(pattern, lower_case, max_len, stop_words):
    known = [
        word
        for text in texts(40, seed=1)
        for word in re.findall(pattern, text.lower() if lower_case else text)
    ]
    ids = {word: i for i, word in enumerate(dict.fromkeys(["<unk>", *known]))}
    settings = {"lower_case": lower_case, "stop_words": stop_words, "max_len": max_len}
    words_of = WordIds(pattern, ids, 0, buckets=97, **settings)
    for seed in (2, 3):  # the second time, many of the words were seen before
        rows = texts(300, seed)
        found = [as_lists(lists) for lists in words_of(rows)]
        for text, word_ids, ngrams in zip(rows, *found):
            words = re.findall(pattern, text.lower() if lower_case else text)
            words = [word for word in words if word not in stop_words][:max_len]
            expected = [ids.get(word, 0) for word in words] or [0]
            assert word_ids == expected, text
            assert ngrams == expected + [len(ids) + pair for pair in hashed_pairs(words, 97)]


def test_unusual_patterns_are_left_to_the_regular_expression():
    assert WordIds("[a-z]+", {"<unk>": 0}, 0, lower_case=True)(["a text"]) is None


@pytest.mark.parametrize("lower_case", [True, False])
@pytest.mark.parametrize("max_len", [5, 40])
def test_many_texts_have_the_pieces_of_each(lower_case, max_len):
    splitter = SubwordTokenizer.build(texts(200, seed=1), max_len, 300, lower_case)
    rows = [text for text in texts(600, seed=2) if not any(t in text for t in ("[CLS]", "[SEP]"))]
    for part in (rows[:1], rows[1:300], rows[300:], []):
        expected = [splitter.encode(text) for text in part]
        assert as_lists(splitter.encode_many(part)) == (expected or [[]])
    special = ["a [SEP] b", "plain", "[MASK]ed"]
    assert as_lists(splitter.encode_many(special)) == [splitter.encode(t) for t in special]


@pytest.mark.parametrize("lower_case", [True, False])
def test_words_are_counted_as_bert_splits_texts(lower_case, monkeypatch):
    monkeypatch.setattr(wordpiece, "_TEXTS_AT_ONCE", 70)
    splitter = BertWordPieceTokenizer(lowercase=lower_case)
    expected = Counter()
    for text in texts(300):
        cleaned = splitter.normalizer.normalize_str(text)
        expected.update(word for word, _ in splitter.pre_tokenizer.pre_tokenize_str(cleaned))
    assert list(wordpiece._count_words(texts(300), lower_case).items()) == list(expected.items())


@pytest.mark.parametrize("longest", [1, 2, 3])
def test_many_texts_have_the_ngrams_of_each(longest):
    ngrams = CharacterNgrams(5000, longest, max_len=12)
    rows = texts(300)
    assert as_lists(ngrams.encode_many(rows)) == [ngrams.encode(text) for text in rows]


# ------------------------------------------------------------------- readers, chunks and processes

READERS = {
    "tagspace": ("tagspace", "reader.ngram_buckets=50", "hyper_parameters.ngram_dim=4"),
    "tagspace with another pattern": ("tagspace", "reader.token_pattern='[a-z]+'"),
    "xmlcnn": (
        "xmlcnn",
        "reader.stop_words=english",
        "reader.max_len=9",
        "reader.ngram_buckets=50",
        "hyper_parameters.ngram_dim=4",
    ),
    "multilabel": ("multilabel",),
    "batchneg": ("batchneg", "hyper_parameters.encoder.config=tiny"),
    "hardestneg": ("hardestneg",),
}


@pytest.fixture(scope="module")
def workspaces(tmp_path_factory):
    return {name: Workspace(tmp_path_factory.mktemp(name), model) for name, model in MODELS.items()}


def fitted(workspaces, name):
    """A reader with its vocabulary, and the training files."""
    model, *overrides = READERS[name]
    workspace = workspaces[model]
    config, folder = load_config(workspace.model.config, overrides)
    files = sorted(workspace.train_data.iterdir())
    cache = Cache(workspace.folder / "cache", "error")
    vocabulary = fitted_vocabulary(files, build_reader(config, folder), {}, name, cache)
    return build_reader(config, folder, vocabulary), files


def line_by_line(*_):
    raise BadLine("")


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("bad_lines", ["error", "skip"])
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", ["tagspace", "tagspace with another pattern", "xmlcnn", "ids"])
def test_vocabularies_are_those_of_counting_line_by_line(
    workspaces, name, workers, bad_lines, tmp_path, monkeypatch
):
    reader_name = "tagspace" if name == "ids" else name
    config, folder = load_config(
        workspaces[READERS[reader_name][0]].model.config, READERS[reader_name][1:]
    )
    files = sorted(workspaces[READERS[reader_name][0]].train_data.iterdir())
    if name == "ids":
        files = [tmp_path / "ids.txt"]
        files[0].write_text("1,2 3 4\n0,4 5\n" * 50, encoding="utf-8")
    if bad_lines == "skip":
        text = files[0].read_text(encoding="utf-8").split("\n")
        text[7:7] = text[40:40] = ["malformed"]
        files = [tmp_path / "with bad lines"]
        files[0].write_text("\n".join(text), encoding="utf-8")
    monkeypatch.setattr(encoding, "_CHUNK_BYTES", 3000 if name != "ids" else 100)
    found = []
    for place in ("counted", "by lines"):
        cache = Cache(tmp_path / place, bad_lines, workers)
        found.append(fitted_vocabulary(files, build_reader(config, folder), {}, "i", cache))
        for name in ("count", "fit_counts"):  # from here on line by line
            monkeypatch.setattr(folder.reader, name, getattr(Reader, name))
    assert len(content(found[0])) > 2
    assert content(found[0]) == content(found[1])


@pytest.mark.parametrize("name", READERS)
def test_files_of_the_cache_are_those_of_encoding_line_by_line(
    workspaces, name, tmp_path, monkeypatch
):
    reader, files = fitted(workspaces, name)
    monkeypatch.setattr(encoding, "_CHUNK_BYTES", 3000)
    encoded_rows(files, reader, True, "i", Cache(tmp_path / "at once", "error", 1))
    monkeypatch.setattr(encoding, "_all_lines", line_by_line)
    encoded_rows(files, reader, True, "i", Cache(tmp_path / "by lines", "error", 1))
    ours, theirs = (content(next((tmp_path / n).iterdir())) for n in ("at once", "by lines"))
    assert len(theirs) > 4
    assert ours == theirs


def test_several_processes_write_the_same_files(workspaces, tmp_path, monkeypatch):
    reader, files = fitted(workspaces, "tagspace")
    monkeypatch.setattr(encoding, "_CHUNK_BYTES", 3000)
    for workers in (1, 2):
        encoded_rows(files, reader, True, "i", Cache(tmp_path / str(workers), "error", workers))
    ours, theirs = (content(next((tmp_path / n).iterdir())) for n in "12")
    assert ours == theirs


def test_several_processes_name_the_first_malformed_line(workspaces, tmp_path, monkeypatch):
    reader, (file,) = fitted(workspaces, "tagspace")
    lines = file.read_text(encoding="utf-8").split("\n")
    for place in (500, 300, 301):
        lines.insert(place, "no tab")
    bad = tmp_path / "bad.tsv"
    bad.write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setattr(encoding, "_CHUNK_BYTES", 3000)
    with pytest.raises(UserError, match=rf"{re.escape(str(bad))}:301: received 1 column"):
        list(encoded_parts([bad], reader, True, "error", 2))
    parts = list(encoded_parts([bad], reader, True, "skip", 2))
    assert sum(part.skipped for part in parts) == 3
    numbers = np.concatenate([part.places for part in parts])[:, 2]
    assert len(numbers) == 600
    assert not {301, 302, 503} & set(numbers.tolist())


def test_places_of_lines_are_those_of_reading_line_by_line(tmp_path, monkeypatch):
    file = tmp_path / "lines.txt"
    chance = random.Random(3)
    raw = [
        chance.choice(["", "a", "b\r", " ", "\ufeffc", "标签", "x\r\r", "\r"]) for _ in range(99)
    ]
    file.write_bytes("\n".join(raw).encode())

    class Letters(Reader):
        columns = ("letters",)

        def encode(self, line, training):
            return {"letters": list(map(ord, line))}

        def encode_many(self, lines, training):
            return {"letters": Ragged.of([list(map(ord, line)) for line in lines])}

    for size in (1, 10, 10_000):
        monkeypatch.setattr(encoding, "_CHUNK_BYTES", size)
        chunks = list(encoding._chunks(file, 0, Letters()))
        at_once = [encode_chunk(chunk, Letters(), True, "error") for chunk in chunks]
        with monkeypatch.context() as patch:
            patch.setattr(encoding, "_all_lines", line_by_line)
            by_line = [encode_chunk(chunk, Letters(), True, "error") for chunk in chunks]
        for ours, theirs in zip(at_once, by_line):
            np.testing.assert_array_equal(ours.places, theirs.places)
            for part in ("values", "counts"):
                our, their = (getattr(x.columns["letters"], part) for x in (ours, theirs))
                np.testing.assert_array_equal(our, their)
        assert sum(len(part.places) for part in at_once) > 40


PLAIN_SCRIPT = """
import sys
from pathlib import Path
from textzoo.config.loading import build_reader, load_config
from textzoo.data import encoding
encoding._CHUNK_BYTES = 3000
reader = build_reader(*load_config(Path(sys.argv[1]), []))
print(len(list(encoding.counted_parts([Path(sys.argv[2])], reader, "error", 2))), "parts")
"""


def test_a_script_that_trains_in_its_body_is_not_run_again_by_the_processes(workspaces, tmp_path):
    workspace = workspaces["tagspace"]
    (file,) = sorted(workspace.train_data.iterdir())
    script = tmp_path / "script.py"
    script.write_text(PLAIN_SCRIPT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script), str(workspace.model.config), str(file)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tools")},
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT,
    )
    assert done.returncode == 0 and re.fullmatch(r"\d\d+ parts\n", done.stdout), done.stderr


def test_a_process_that_is_ended_is_told(workspaces, tmp_path, monkeypatch):
    reader, files = fitted(workspaces, "tagspace")
    monkeypatch.setattr(encoding, "_CHUNK_BYTES", 3000)

    class Ended(ProcessPoolExecutor):
        def submit(self, *_):
            ended = Future()
            ended.set_exception(BrokenProcessPool())
            return ended

    monkeypatch.setattr(encoding, "ProcessPoolExecutor", Ended)
    with pytest.raises(UserError, match=r"was ended, .* -o runner\.num_workers=1"):
        encoded_rows(files, reader, True, "i", Cache(tmp_path, "error", 2))
