"""Text that is compressed, or comes from standard input."""

import gzip
import io
import subprocess
import sys

import numpy as np
import pytest
import zstandard
from harness.workspace import ENVIRONMENT, MODELS, TIMEOUT, Workspace, infer_metrics, predictions

from textzoo.commands import predict
from textzoo.config.loading import load_config
from textzoo.data.cache import Cache
from textzoo.data.input_files import input_files
from textzoo.errors import UserError
from textzoo.text.lines import read_lines
from textzoo.text.reader import Reader
from textzoo.text.streams import STANDARD_INPUT

TEXT = "".join(f"line {n} 标签\n" for n in range(5000)).encode()


def zstd(data):
    return zstandard.compress(data)


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstd])
def test_lines_are_read_whatever_the_compression(tmp_path, compress):
    half = TEXT.index(b"line 2500")
    file = tmp_path / "text"  # the name does not matter
    file.write_bytes(compress(TEXT[:half]) + compress(TEXT[half:]))  # as `cat a.gz b.gz` gives
    lines = list(read_lines(file))
    assert [line.text for line in lines] == TEXT.decode().split("\n")[:-1]
    assert [line.number for line in lines] == list(range(1, 5001))


@pytest.mark.parametrize("compress", [gzip.compress, zstd])
@pytest.mark.parametrize("kept", [0.3, 0.999])
def test_a_truncated_file_is_refused_by_name(tmp_path, compress, kept):
    file = tmp_path / "text.tsv"
    data = compress(TEXT)
    file.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(UserError, match=r"text\.tsv: is damaged"):
        list(read_lines(file))
    cache = Cache(tmp_path / "cache", "error")
    with pytest.raises(UserError, match=r"text\.tsv: is damaged"):
        input_files(file, "runner.test_data_dir", cache)
    assert list(cache.folder.iterdir()) == []


def test_zstandard_without_its_package_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    file = tmp_path / "text.zst"
    file.write_bytes(zstd(TEXT))
    with pytest.raises(UserError, match=r"text\.zst: .*pip install 'textzoo\[zstd\]'"):
        list(read_lines(file))


def test_a_folder_of_compressed_files_is_one_of_plain_ones(tmp_path):
    folder, cache = tmp_path / "data", Cache(tmp_path / "cache", "error")
    folder.mkdir()
    (folder / "a.gz").write_bytes(gzip.compress(b"one\n"))
    (folder / "b.tsv").write_bytes(b"two\n")
    (folder / "c.zst").write_bytes(zstd(b"three\n"))
    files = input_files(folder, "runner.train_data_dir", cache)
    assert [file.read_bytes() for file in files] == [b"one\n", b"two\n", b"three\n"]
    assert files[1] == folder / "b.tsv"
    assert input_files(folder, "runner.train_data_dir", cache) == files


def test_infer_reads_standard_input_and_compressed_files(tmp_path):
    workspace = Workspace(tmp_path, MODELS["tagspace"])
    workspace.run("trainer", "trained", "runner.epochs=1")
    workspace.run("infer", "trained")
    (file,) = workspace.test_data.iterdir()
    compressed = tmp_path / "test.tsv.gz"
    compressed.write_bytes(gzip.compress(file.read_bytes()))
    for source, stdin in (("-", file.read_bytes()), (str(compressed), None)):
        place = workspace.output("other")
        settings = (f"runner.test_data_dir={source}", f"runner.infer_output_dir={place}")
        subprocess.run(
            workspace.arguments("infer", "trained", *settings),
            input=stdin,
            env=ENVIRONMENT,
            capture_output=True,
            timeout=TIMEOUT,
            check=True,
        )
        plain = workspace.output("trained") / "infer"
        assert infer_metrics(place)["checkpoints"] == infer_metrics(plain)["checkpoints"]
        assert predictions(place) == predictions(plain)


def test_predict_reads_standard_input_a_chunk_at_a_time(tmp_path, monkeypatch):
    class Embedder:
        output = tmp_path
        inputs = ()
        chunks = ()
        sides = ()
        reader = Reader()

        def __init__(self, path, overrides):
            self.config, _ = load_config(path, overrides)

        def __call__(self, texts, side, source):
            Embedder.chunks += (len(texts),)
            Embedder.sides += (side,)
            return np.array([[len(text), 1] for text in texts], np.float32)

    monkeypatch.setattr("textzoo.inference.embedder.Embedder", Embedder)
    monkeypatch.setattr(predict, "_CHUNK", 3)
    config = MODELS["batchneg"].config
    given = io.TextIOWrapper(io.BytesIO(b"a\nbb\n\na\ndddd\n \n"))
    monkeypatch.setattr("sys.stdin", given)
    predict.predict(config, [], pairs=None, texts=STANDARD_INPUT, output=None)
    # Row n of the result is line n of the text; a blank line has no direction.
    expected = np.array([[1, 1], [2, 1], [0, 0], [1, 1], [4, 1], [0, 0]], np.float32)
    np.testing.assert_array_equal(np.load(tmp_path / "embeddings.npy"), expected)
    assert Embedder.chunks == (3, 3)

    pairs = b"".join(b"%s\tx\n" % (b"y" * n) for n in range(1, 6)).replace(b"\nyyy\tx", b"\n \t ")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(pairs)))
    predict.predict(config, [], pairs=STANDARD_INPUT, texts=None, output=None)
    rows = (tmp_path / "similarities.tsv").read_text(encoding="utf-8").split("\n")
    expected = [f"{'y' * n}\tx\t{n + 1:.6f}" for n in range(1, 6)]
    assert rows == [*expected[:2], "", *expected[3:], ""]
    assert Embedder.chunks == (3, 3, 3, 3, 2, 2)
    assert Embedder.sides == ("query", "query", *("query", "title") * 2)

    malformed = b"one\ttwo\nalone\n\xff\tx\nthree\tfour\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(malformed)))
    skip = ["runner.bad_lines=skip"]
    predict.predict(config, skip, pairs=STANDARD_INPUT, texts=None, output=None)
    rows = (tmp_path / "similarities.tsv").read_text(encoding="utf-8").split("\n")
    assert rows == ["one\ttwo\t10.000000", "", "", "three\tfour\t21.000000", ""]

    for given, option in ((b" \n\n", "texts"), (b"\xef\xbb\xbf", "texts"), (b"\n", "pairs")):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given)))
        chosen = {"texts": None, "pairs": None, option: STANDARD_INPUT}
        with pytest.raises(UserError, match=rf"--{option}: .*received no (text|pair)"):
            predict.predict(config, [], output=None, **chosen)

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"one\ttwo\nalone\n")))
    with pytest.raises(UserError, match=r"^standard input:2: received 1 column"):
        predict.predict(config, [], pairs=STANDARD_INPUT, texts=None, output=None)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["embeddings.npy", "similarities.tsv"]
