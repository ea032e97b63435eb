import json
import os
import shutil
from pathlib import Path

import pytest
from harness.exports import repair

import textzoo
from textzoo import Tagger
from textzoo.errors import UserError
from textzoo.serving.manifest import Manifest, read_manifest

SHA = "0" * 64


@pytest.fixture
def folder(exported, tmp_path):
    return shutil.copytree(exported("tagspace").folder, tmp_path / "copy")


def change(folder, keys, value):
    """Set a value of the manifest; None for `value` removes the key."""
    content = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    inner, (*outer, last) = content, keys.split("/")
    for key in outer:
        inner = inner[key]
    if value is None:
        inner.pop(last, None)  # of what a model may lack there is none
    else:
        inner[last] = value
    (folder / "manifest.json").write_text(json.dumps(content), encoding="utf-8")


MAY_LACK = ("threshold", "calibration", "predictions", "has_linear", "metrics")
MAY_LACK += ("score_scale", "weak_below")


@pytest.mark.parametrize("key", sorted(Manifest.model_fields))
def test_a_manifest_without_a_key_is_refused(folder, key):
    change(folder, key, None)
    if key in MAY_LACK:
        assert read_manifest(folder)
        return
    with pytest.raises(UserError) as refused:
        Tagger.load(folder)
    assert f"{key}: missing" in str(refused.value) or f"{key}: Field required" in str(refused.value)


@pytest.mark.parametrize(
    ("keys", "value", "says"),
    [
        ("kind", "tag", "kind: Input should be 'tags', 'levels' or 'embeddings'"),
        ("kind", "levels", "outputs: not those of a model of levels"),
        ("kind", "embeddings", "outputs: not those of a model of embeddings"),
        ("top_k", "5", "top_k: Input should be a valid integer"),
        ("threshold", float("nan"), "threshold.float: Input should be a finite number"),
        ("calibration", [1.0], "calibration: List should have at least 2 items"),
        ("examples", [], "examples: List should have at least 1 item"),
        ("model", "\ud800", "manifest.json: is damaged or cannot be read"),
        ("formats", ["tensorrt"], "formats.0: Input should be 'paddle' or 'onnx'"),
        ("precision", "int4", "precision: Input should be 'float32', 'bfloat16' or 'int8'"),
        ("precision", "int8", "precision: received int8, but the files say otherwise"),
        ("sha256", {}, "sha256: lacks examples.npz"),
        ("has_linear", True, "has_linear: received True, but the files say otherwise"),
        ("sha256/net.json", "", "sha256.net.json: String should match"),
        ("checkpoint", 3, "checkpoint: Input should be a valid dictionary"),
        ("checkpoint/step", -1, "checkpoint.step: Input should be greater"),
        ("inputs/tokens/rank", "2", "inputs.tokens.rank: Input should be a valid integer"),
        ("index", {"backend": "annoy"}, "index.backend: Input should be"),
        ("index", {"faiss": "HNSW32"}, "index.faiss: Value error, received 'HNSW32', expected"),
        ("index", {"backend": "milvus", "uri": "x.db"}, "index.uri: "),
        ("extra", 1, "extra: Extra inputs are not permitted"),
        ("reader/name", "os", "reader.name: received 'os', expected one of those that textzoo"),
        ("reader/arguments/max_len", "x", "reader: max_len: Input should be a valid integer"),
        ("reader/arguments/max_len", 0, "reader: max_len: "),
        ("reader/arguments/maxlen", 5, "reader: maxlen: Extra inputs are not permitted"),
        ("reader/files/token_pattern", "/etc/passwd", "sha256: lacks /etc/passwd"),
        ("reader/arguments/lower_case", False, "the examples' texts give another tokens"),
        ("hyper_parameters/ngram_dim", None, "cannot compute its own examples"),
        ("examples", ["another text"] * 8, "the examples' texts give another"),
    ],
)
def test_what_a_manifest_may_not_say_is_named(folder, keys, value, says):
    change(folder, keys, value)
    with pytest.raises(UserError) as refused:
        Tagger.load(folder)
    assert str(folder) in str(refused.value)
    assert says in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b"1" * 5000])
def test_a_manifest_that_is_no_object_of_json_is_refused(folder, content):
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(UserError, match=r"manifest\.json: is damaged or cannot be read"):
        read_manifest(folder)


@pytest.mark.parametrize("form", [1, 2, "3", None])
def test_another_form_is_refused_with_the_version_that_wrote_it(folder, form):
    change(folder, "versions/textzoo", "0.1.9")
    change(folder, "form", form if form else [])
    with pytest.raises(UserError, match=r"was exported by textzoo 0\.1\.9 in another form; export"):
        read_manifest(folder)


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "vocabulary/../../outside"])
def test_names_that_leave_the_folder_are_never_read(folder, name):
    (folder.parent / "outside").write_bytes(b"")
    change(folder, f"sha256/{name.replace('/', chr(0))}", SHA)
    text = (folder / "manifest.json").read_text(encoding="utf-8").replace("\\u0000", "/")
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=f"{name}: missing"):
        read_manifest(folder)


@pytest.mark.skipif(os.name != "posix", reason="needs links and pipes")
@pytest.mark.parametrize("kind", ["link", "link to a folder", "pipe"])
def test_what_is_no_file_of_the_folder_is_refused(folder, kind):
    name = "vocabulary/words.txt"
    if kind == "link to a folder":
        name = "vocabulary"
    (folder / name).rename(folder.parent / "outside")
    os.mkfifo(folder / name) if kind == "pipe" else (folder / name).symlink_to("../outside")
    with pytest.raises(UserError, match=f"{name}: is a link or no file"):
        read_manifest(folder)


@pytest.mark.skipif(os.name != "posix", reason="its messages and root")
@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/", "^/: is not an exported model: expected a folder made by textzoo export"),
        ("x" * 5000, r"^x+\.\.\. \(.* characters\) cannot be read: File name too long"),
        ("x/" * 2045, "is not an exported model|too long"),  # with the manifest's name it is
        ("a\0b", "cannot be read: embedded null"),
    ],
)
@pytest.mark.parametrize("load", [Tagger.load, lambda path: read_manifest(Path(path))])
def test_a_path_of_no_exported_folder_is_refused(load, path, says):
    with pytest.raises(UserError, match=says):
        load(path)


def test_labels_have_to_be_those_of_the_vocabulary(folder):
    names = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    (folder / "labels.json").write_text(json.dumps(names[::-1]), encoding="utf-8")
    repair(folder)
    with pytest.raises(UserError, match=r"labels\.json, the thresholds and the vocabulary have"):
        Tagger.load(folder)


def test_as_many_thresholds_as_labels(folder):
    change(folder, "threshold", [0.5] * 3)
    with pytest.raises(UserError, match="the thresholds and the vocabulary have other labels"):
        Tagger.load(folder)


@pytest.mark.parametrize("name", ["vocabulary/words.txt", "vocabulary/format.json", "net.json"])
def test_damage_with_its_checksum_put_right_is_named_too(folder, name):
    (folder / name).write_bytes(b"\xff")
    repair(folder)
    with pytest.raises(UserError, match=f"{name.partition('/')[0]}.*: is damaged"):
        Tagger.load(folder, "paddle")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00"])
def test_damaged_examples_are_named(folder, content):
    (folder / "examples.npz").write_bytes(content)
    repair(folder)
    with pytest.raises(UserError, match=r"examples\.npz: is damaged, export the model anew"):
        Tagger.load(folder)


def test_the_manifest_names_the_version(exported):
    assert read_manifest(exported("tagspace").folder).versions["textzoo"] == textzoo.__version__
