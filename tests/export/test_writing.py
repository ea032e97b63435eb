import json
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import ROOT
from harness.exports import ENGINES, HAS_ONNX, LINEAR, NAMES, repair
from harness.workspace import Saved, predictions

from textzoo.called import program
from textzoo.commands.export import _sizes, export
from textzoo.errors import BadText, UserError
from textzoo.export.verification import largest_difference, verify
from textzoo.linear.matrices import read_array
from textzoo.running import onnx_conversion
from textzoo.serving.exported_model import ExportedModel
from textzoo.serving.in_process import Encoder, SemanticIndex, Tagger

PAIRS = ("batchneg", "hardestneg")
TAGGERS = [name for name in NAMES if name not in PAIRS]
needs_onnx = pytest.mark.skipif(not HAS_ONNX, reason="needs the extra onnx")


def manifest_of(folder):
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def copy(export, tmp_path):
    return shutil.copytree(export.folder, tmp_path / "copy")


# ------------------------------------------------------------------ the same as infer.py


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", TAGGERS)
def test_predictions_are_those_of_infer(exported, name, engine):
    rows = predictions(exported(name).run / "infer")
    found = Tagger.load(exported(name).folder, engine).predict([row["text"] for row in rows])
    assert len(found) == len(rows) > 100
    for ours, theirs in zip(found, rows):
        assert ours.get("predicted") == theirs.get("predicted")
        assert [best["score"] for best in ours["top"]] == pytest.approx(
            [best["score"] for best in theirs["top"]], abs=1e-5
        )
        scores = {best["tag"]: best["score"] for best in theirs["top"]}
        for best in ours["top"]:  # which of two equal scores comes first is left open
            lowest = min(scores.values())
            assert best["score"] == pytest.approx(scores.get(best["tag"], lowest), abs=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["tagspace", "xmlcnn", "multilabel"])
def test_probabilities_are_those_of_infer_and_of_the_checkpoint(exported, name, engine):
    export = exported(name)
    rows = predictions(export.run / "infer")
    progress = Saved(export.run / "best").facts["progress"]
    a, b = progress["calibration"]
    assert manifest_of(export.folder)["calibration"] == [a, b]
    found = Tagger.load(export.folder, engine).predict([row["text"] for row in rows])
    for ours, theirs in zip(found, rows):
        probabilities = [best["probability"] for best in ours["top"]]
        assert probabilities == pytest.approx(
            [best["probability"] for best in theirs["top"]], abs=1e-4
        )
        logits = a * np.array([best["score"] for best in ours["top"]]) + b
        assert probabilities == pytest.approx(1 / (1 + np.exp(-logits)), abs=1e-4)
    metrics = json.loads((export.run / "infer/infer_metrics.json").read_text(encoding="utf-8"))
    assert 0 <= metrics["expected_calibration_error"] < 0.2


def test_files_among_the_reader_s_settings_come_along(exported, tmp_path):
    folder = copy(exported("xmlcnn"), tmp_path)
    assert (folder / "reader/stop_words/stop.txt").read_text(encoding="utf-8") == "the\na\n"
    encode = ExportedModel(folder).reader.encode_text
    assert encode("the roads") == encode("a roads") == encode("roads") != encode("some roads")


def test_thresholds_come_along(exported):
    single, per_label = (manifest_of(exported(n).folder) for n in ("multilabel", "per_label"))
    assert isinstance(single["threshold"], float)
    assert len(per_label["threshold"]) == len(
        set(Tagger.load(exported("per_label").folder).label_names)
    )
    assert manifest_of(exported("levels").folder)["threshold"] is None


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["batchneg", "hardestneg"])
def test_embeddings_rank_candidates_as_infer_does(exported, name, engine):
    encoder = Encoder.load(exported(name).folder, engine)
    rows = predictions(exported(name).run / "infer")[:20]
    queries = encoder.encode([row["text"] for row in rows])
    assert np.linalg.norm(queries, axis=1) == pytest.approx(1, abs=1e-5)
    for query, row in zip(queries, rows):
        titles = encoder.encode([best["tag"] for best in row["top"]])
        expected = [best["score"] for best in row["top"]]
        assert titles @ query == pytest.approx(expected, abs=1e-5)
    texts = [row["text"] for row in rows]
    cosines = encoder.similarity(texts, texts[::-1])
    assert cosines == pytest.approx((queries * queries[::-1]).sum(axis=1), abs=1e-5)


def test_the_index_gives_what_recall_wrote(exported):
    index = SemanticIndex.load(exported("batchneg").folder)
    lines = (exported("batchneg").run / "infer/recall_result.txt").read_text(encoding="utf-8")
    expected = {}
    for line in lines.splitlines():
        query, text, score = line.split("\t")
        expected.setdefault(query, []).append((text, float(score)))
    queries = list(expected)[:20]
    for query, found in zip(queries, index.search(queries, k=50)):
        assert [best["score"] for best in found] == pytest.approx(
            [score for _, score in expected[query]], abs=1e-5
        )
        assert {best["text"] for best in found} == {text for text, _ in expected[query]}
    assert len(index) > 3000


@pytest.mark.parametrize("name", NAMES)
def test_a_text_gives_the_ids_of_its_line(exported, name):
    export = exported(name)
    reader = ExportedModel(export.folder).reader
    embeds = manifest_of(export.folder)["kind"] == "embeddings"
    data = [s.partition("=")[2] for s in export.settings if s.startswith("runner.test_data_dir=")]
    lines = [
        line
        for file in sorted((ROOT / data[-1]).iterdir())
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    for line in lines[:200]:
        text = reader.encode_text(reader.describe(line)["text"])
        row = reader.encode(line, training=False)
        assert text == ({"text": row["query"]} if embeds else {key: row[key] for key in text})
        assert text.keys() >= {"text"} if embeds else text


# ------------------------------------------------------------------ the folder


@pytest.mark.parametrize("name", NAMES)
def test_every_engine_replays_the_examples(exported, name, capsys):
    verify(exported(name).folder)
    printed = capsys.readouterr().out
    for engine in ENGINES:
        assert f"{engine} (" in printed
    assert printed.count("largest difference") == len(ENGINES)
    manifest = manifest_of(exported(name).folder)
    assert manifest["formats"] == ENGINES
    assert len(manifest["examples"]) == 8
    assert manifest["versions"]["textzoo"]
    assert manifest["checkpoint"]["validation_metrics"]
    assert "seconds" not in manifest["checkpoint"]["validation_metrics"]
    assert str(ROOT) not in json.dumps(manifest)  # nothing of the machine it was made on


@pytest.mark.parametrize("name", NAMES)
def test_an_export_of_the_zoo_holds_data_only(exported, name):
    folder = exported(name).folder
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} <= {
        *(".json", ".txt", ".npz", ".npy", ".onnx", ".pdiparams", ".bin")
    }
    readers = {name: name for name in ("tagspace", "xmlcnn", "multilabel")}
    readers |= {"levels": "multilabel", "per_label": "multilabel"}
    assert manifest_of(folder)["reader"]["name"] == readers.get(name, "pairs")


@pytest.mark.parametrize("name", ["labels.json", "net.pdiparams", "vocabulary/words.txt"])
def test_a_changed_file_is_named(exported, tmp_path, name):
    folder = copy(exported("tagspace"), tmp_path)
    with (folder / name).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(UserError, match=f"{name}: was changed"):
        verify(folder)
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"{name}: missing"):
        Tagger.load(folder)


def test_another_net_s_outputs_are_noticed(exported, tmp_path):
    folder = copy(exported("tagspace"), tmp_path)
    with np.load(folder / "examples.npz") as arrays:
        changed = {name: arrays[name] for name in arrays}
    changed["output/scores"][3, 2] += 0.01
    np.savez(folder / "examples.npz", **changed)
    repair(folder)
    with pytest.raises(UserError, match=r"paddle differs from the net .* by 1\.0e-02"):
        verify(folder)


def test_the_difference_of_best_labels_is_that_of_their_scores():
    ours = {"best_labels": np.array([[4, 2]]), "best_scores": np.array([[0.9, 0.5]])}
    near = {"best_labels": np.array([[4, 1]]), "best_scores": np.array([[0.8, 0.5]])}
    far = {"best_labels": np.array([[1, 4]]), "best_scores": np.array([[0.9, 0.5]])}
    assert largest_difference(ours, near) == pytest.approx(0.1)
    assert largest_difference(ours, far) == pytest.approx(0.4)


@needs_onnx
def test_it_loads_elsewhere_without_model_folder_or_paddle(exported, tmp_path):
    folder = copy(exported("xmlcnn"), tmp_path)
    code = f"""
import sys
sys.path.insert(0, {str(ROOT / "tools")!r})
sys.modules["paddle"] = None  # importing it fails
from textzoo.serving import Tagger
tagger = Tagger.load({str(folder)!r}, engine="onnx")
print(len(tagger.predict(["a text about roads", ""])))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, encoding="utf-8"
    )
    assert (done.stdout, done.stderr) == ("2\n", "")


# ------------------------------------------------------------------ exporting


def test_a_foreign_folder_is_left_alone_and_an_export_replaced(exported, tmp_path):
    model = exported("tagspace")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="holds something other than an exported model"):
        export(model.config, model.settings, tmp_path / "foreign")
    assert [path.name for path in tmp_path.rglob("*")] == ["foreign", "thesis.txt"]
    folder = copy(model, tmp_path)
    (folder / "notes.txt").touch()
    with pytest.raises(UserError, match=r"other than an exported model: notes\.txt; choose"):
        export(model.config, model.settings, folder)
    (folder / "notes.txt").unlink()
    export(model.config, model.settings, folder)
    assert manifest_of(folder)["formats"] == ["paddle"]
    assert not (folder / "net.onnx").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "foreign"]


@needs_onnx
def test_onnx_alone(exported, tmp_path):
    model = exported("multilabel")
    export(model.config, model.settings, tmp_path / "onnx", ["onnx"])
    assert not list((tmp_path / "onnx").glob("net.pd*"))
    assert Tagger.load(tmp_path / "onnx").model.engine.startswith("onnxruntime")
    with pytest.raises(UserError, match="holds no paddle; it was exported to onnx"):
        Tagger.load(tmp_path / "onnx", "paddle")


def test_onnx_without_its_extra_is_refused_and_paddle_alone_needs_none(
    exported, tmp_path, monkeypatch
):
    model = exported("tagspace")
    monkeypatch.setattr(onnx_conversion, "_NEEDED", ("no_such_converter",))
    with pytest.raises(UserError, match=r"no_such_converter not installed: pip install .*\[onnx\]"):
        export(model.config, model.settings, tmp_path / "x", ["onnx"])
    assert not (tmp_path / "x").exists()
    export(model.config, model.settings, tmp_path / "x")
    assert manifest_of(tmp_path / "x")["formats"] == ["paddle"]


def test_a_place_that_is_not_utf_8_is_refused_before_any_work(tmp_path):
    config, own = ROOT / "models/tagspace/config.yaml", f"runner.model_save_path={tmp_path}/run"
    with pytest.raises(UserError, match=r"--output: received .*, expected UTF-8 without NUL"):
        export(config, [own], tmp_path / "a\udcff" / "export")
    assert not list(tmp_path.iterdir())


def test_the_size_is_printed_and_what_takes_it(exported, tmp_path, capsys):
    model = exported("batchneg")
    export(model.config, model.settings, tmp_path / "x", ENGINES)
    printed = capsys.readouterr().out
    sizes = {file.name: file.stat().st_size / 1e6 for file in (tmp_path / "x").rglob("*")}
    total = sum(f.stat().st_size for f in (tmp_path / "x").rglob("*") if f.is_file()) / 1e6
    assert f"exported to {tmp_path / 'x'}: {total:.1f} MB (" in printed
    assert f"paddle {sizes['net.json'] + sizes['net.pdiparams']:.1f}" in printed
    assert f"onnx {sizes['net.onnx']:.1f}" in printed or not HAS_ONNX


def test_a_size_that_megabytes_would_round_to_nothing_is_in_kilobytes(tmp_path):
    (tmp_path / "vocabulary").mkdir()
    (tmp_path / "vocabulary" / "words.txt").write_bytes(bytes(2_000))
    (tmp_path / "net.json").write_bytes(bytes(71_400))
    assert _sizes(tmp_path) == "73.4 kB (paddle 71.4, the rest 2.0)"
    (tmp_path / "net.pdiparams").write_bytes(bytes(26_600))
    assert _sizes(tmp_path) == "0.1 MB (paddle 0.1, the rest 0.0)"


def test_a_reader_that_needs_its_model_folder_is_named(exported, tmp_path):
    model = exported("tagspace")
    shutil.copytree(model.config.parent, tmp_path / "mine")
    reader = tmp_path / "mine" / "reader.py"
    source = "from textzoo.readers import tagspace\n\nfrom .net import Net\n"
    reader.write_text(f"{source}\n\nclass Reader(tagspace.Reader): pass\n", "utf-8")
    with pytest.raises(UserError, match=rf"^{re.escape(str(reader))}: .*installed packages only"):
        export(tmp_path / "mine/config.yaml", model.settings, tmp_path / "x", ["paddle"])
    assert not (tmp_path / "x").exists()


@needs_onnx
def test_a_net_that_onnx_lacks_is_named(tmp_path):
    import paddle

    class Sorted(paddle.nn.Layer):
        def forward(self, tokens):
            return paddle.nn.functional.adaptive_max_pool2d(tokens.unsqueeze(1), [1, None])

    spec = [paddle.static.InputSpec([None, None, 3], "float32", "tokens")]
    paddle.jit.save(Sorted(), str(tmp_path / "net"), input_spec=spec)
    with pytest.raises(UserError, match=r"cannot convert this net: .*max_pool2d_with_index"):
        onnx_conversion.convert(
            tmp_path / "net.json", tmp_path / "net.pdiparams", tmp_path / "net.onnx"
        )


# ------------------------------------------------------------------ fewer bits

# Of the largest score, or cosine. Each weight is off by 0.2 %, or by 0.4 % of its row's largest at
# most; a score adds up many of them, whose errors are of both signs.
FAR = {"bfloat16": 0.01, "int8": 0.02}


@pytest.mark.parametrize("precision", FAR)
@pytest.mark.parametrize("name", [*("tagspace", "xmlcnn", LINEAR, "levels"), *PAIRS])
def test_fewer_bits_give_much_the_same(exported, tmp_path, capsys, name, precision):
    model, folder = exported(name), tmp_path / "rounded"
    export(model.config, model.settings, folder, ENGINES, precision)
    told = re.findall(rf"{precision} against float32: (\d+) texts, .*", capsys.readouterr().out)
    exact = ExportedModel(model.folder, "paddle")
    texts = json.loads((folder / "float32/texts.json").read_text(encoding="utf-8"))
    assert told == [str(len(texts))] and len(texts) > 100
    expected = exact.outputs(exact.encode(texts))
    largest = max(np.abs(a).max() for a in expected.values() if a.dtype == np.float32)
    for engine in ENGINES:
        rounded = ExportedModel(folder, engine)
        found = rounded.outputs(rounded.encode(texts))
        assert 0 < largest_difference(found, expected) < FAR[precision] * largest
    sizes = [(place / "net.pdiparams").stat().st_size for place in (folder, model.folder)]
    assert sizes[0] < {"bfloat16": 0.7, "int8": 0.5}[precision] * sizes[1]
    verify(folder)
    printed = capsys.readouterr().out
    assert printed.count(f"{precision} against float32: {len(texts)} texts") == len(ENGINES)
    assert "changes what this model answers" not in printed


@pytest.fixture
def in_8_bits(exported, tmp_path):
    model = exported(LINEAR)
    export(model.config, model.settings, tmp_path / "rounded", ["paddle"], "int8")
    return tmp_path / "rounded"


def test_answers_that_change_are_warned_of(in_8_bits, monkeypatch, capsys):
    monkeypatch.setattr("textzoo.export.comparison.LEAST_AGREEMENT", 1.01)
    verify(in_8_bits)
    warning = "int8 changes what this model answers: --precision bfloat16 or float32"
    assert warning in capsys.readouterr().out


def test_the_linear_part_has_8_bits_too(in_8_bits, exported):
    kinds = [
        read_array(folder / "linear/weights_values.npz", kind).dtype
        for folder, kind in ((in_8_bits, "i"), (exported(LINEAR).folder, "f"))
    ]
    assert kinds == [np.int8, np.float16]


@pytest.mark.parametrize("file", ["net.pdiparams", "linear/weights_units.npz"])
def test_a_file_of_fewer_bits_that_is_cut_off_is_named(in_8_bits, file):
    whole = (in_8_bits / file).read_bytes()
    (in_8_bits / file).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=f"{file}: was changed"):
        Tagger.load(in_8_bits)
    if file.endswith("npz"):
        repair(in_8_bits)
        with pytest.raises(UserError, match="linear: is damaged, export the model anew"):
            Tagger.load(in_8_bits)


def test_what_was_kept_of_float32_is_checked(in_8_bits):
    (in_8_bits / "float32/best_scores.npz").write_bytes(b"PK")
    repair(in_8_bits)
    with pytest.raises(UserError, match="float32: is damaged, export the model anew"):
        verify(in_8_bits)
    shutil.rmtree(in_8_bits / "float32")
    repair(in_8_bits)
    with pytest.raises(UserError, match="precision: received int8, but the files say otherwise"):
        verify(in_8_bits)


# ------------------------------------------------------------------ requests


def test_mistakes_in_requests(exported):
    tagger = Tagger.load(exported("tagspace").folder)
    with pytest.raises(TypeError, match="expected a list of texts"):
        tagger.predict("one text")
    assert tagger.predict([]) == []
    assert tagger.predict(["", "\t\n"])[0]["top"]
    assert [len(row["top"]) for row in tagger.predict(["a", "b"], top_k=2)] == [2, 2]
    with pytest.raises(UserError, match="a model of tags; expected one of embeddings"):
        Encoder.load(exported("tagspace").folder)
    encoder = Encoder.load(exported("hardestneg").folder)
    with pytest.raises(BadText, match=r"texts\[1\]: received an empty text"):
        encoder.encode(["a", " "])
    assert encoder.encode([]).shape == (0, 64)
    with pytest.raises(UserError, match=f"was exported without an index; run {program('recall')}"):
        SemanticIndex.load(exported("hardestneg").folder)
    with pytest.raises(UserError, match="is not an exported model"):
        Tagger.load(exported("tagspace").run)


@pytest.mark.parametrize("engine", ENGINES)
def test_several_threads_may_ask_at_once(exported, engine):
    tagger = Tagger.load(exported("multilabel").folder, engine)
    texts = [[f"停车 {'很堵' * (i % 7)}"] * (1 + i % 3) for i in range(60)]
    expected = [tagger.predict(part) for part in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(tagger.predict, texts)) == expected


def test_predictions_do_not_depend_on_what_they_come_with(exported):
    tagger = Tagger.load(exported("xmlcnn").folder)
    texts = [f"roads and {'more ' * n} schools" for n in range(90)]
    together = tagger.predict(texts)
    for i in (0, 41, 89):
        (alone,) = tagger.predict(texts[i : i + 1])
        assert [best["score"] for best in alone["top"]] == pytest.approx(
            [best["score"] for best in together[i]["top"]], abs=1e-5
        )
