"""The tables of benchmark.py: what each asks for, prints and writes."""

import json
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from harness.recalled import call, write_pairs
from harness.running import ROOT, run_command

from benchmarks import MODELS
from benchmarks.fasttext import best_run
from benchmarks.run import TABLES, argument_parser, main
from benchmarks.suite import JOBS
from benchmarks.xmlcnn_steps import ADAM, measure_apart
from textzoo.commands import evaluate, recall, train
from textzoo.errors import UserError
from textzoo.running.predictor import supports_bfloat16
from textzoo.serving.manifest import read_manifest

_COMMAND = re.compile(
    r"`python tools/benchmark\.py ([^`]+)`|^python tools/benchmark\.py (.+)$", re.MULTILINE
)
_CONFIG = "-m MODEL [-o KEY=VALUE [KEY=VALUE ...]]"
_SIZES = "[--sizes SIZES [SIZES ...]]"
# In the order in which they are listed; each after [-h] [--json JSON].
USAGE = {
    "tagspace": "[--steps STEPS] [--peer-steps PEER_STEPS]",
    "rows": f"--folder FOLDER {_SIZES}",
    "xmlcnn": f"--peer PEER {_SIZES} [--steps STEPS]",
    "labels": f"{_SIZES} [--steps STEPS]",
    "encoders": "--peer PEER [--steps STEPS] [--seed SEED] [--pretrained PRETRAINED] "
    "[--prefix PREFIX] [--pairs PAIRS]",
    "index": "[--vectors VECTORS] [--sizes [SIZES ...]] [--queries QUERIES] [--peer PEER] "
    "[--milvus]",
    "serve": "--exported EXPORTED [--connections CONNECTIONS [CONNECTIONS ...]] "
    "[--requests REQUESTS] [--trust-code]",
    "soak": "--exported EXPORTED [--minutes MINUTES] [--connections CONNECTIONS] "
    "[--engine {paddle,onnx}] [--trust-code]",
    "latency": "--exported EXPORTED [--requests REQUESTS] [--trust-code]",
    "inference": f"{_CONFIG} [--rows ROWS] [--peer PEER]",
    "processes": f"{_CONFIG} [--reports REPORTS]",
    "settings": f"{_CONFIG} [--reports REPORTS] [--script SCRIPT]",
    "reach": f"{_CONFIG} --metric METRIC --value VALUE",
    "fasttext": "[-m MODEL] --peer PEER [--epochs EPOCHS [EPOCHS ...]]",
    "encoding": _CONFIG,
    "start": _CONFIG,
    "lengths": f"{_SIZES} [--batch BATCH] {_CONFIG}",
    "baselines": _CONFIG,
    "many_labels": f"{_SIZES} [--rows ROWS]",
    "small_indexes": "[--widths [WIDTHS ...]] [--rescore RESCORE [RESCORE ...]] [--hnsw] "
    f"[--rounds ROUNDS] {_CONFIG}",
    "large_indexes": "[--vectors VECTORS] [--size SIZE] [--queries QUERIES] "
    "[--faiss FAISS [FAISS ...]] [--nprobe NPROBE [NPROBE ...]] [--hnsw]",
    "all": "[--peer PEER] --folder FOLDER [--rounds ROUNDS] [--only NAME [NAME ...]] "
    "[--threads THREADS]",
}
DEFAULTS = {
    "tagspace": {"steps": 100, "peer_steps": 5},
    "rows": {"sizes": [100_000, 5_000_000]},
    "xmlcnn": {"sizes": [90, 100_000], "steps": 10},
    "labels": {"sizes": [670_091], "steps": 10},
    "encoders": {"steps": 60, "seed": 1, "pretrained": None, "prefix": "", "pairs": None},
    "index": {
        "vectors": None,
        "sizes": [100_000],
        "queries": 1000,
        "peer": None,
        "milvus": False,
    },
    "serve": {"connections": [1, 8, 64], "requests": 2000, "trust_code": False},
    "soak": {"minutes": 20.0, "connections": 8, "engine": None, "trust_code": False},
    "latency": {"requests": 500, "trust_code": False},
    "inference": {"override": [], "rows": 2000, "peer": None},
    "processes": {"override": [], "reports": 5},
    "settings": {"override": [], "reports": 5, "script": "trainer.py"},
    "reach": {"override": []},
    "fasttext": {"model": MODELS / "tagspace" / "config_fast.yaml", "epochs": [3, 4, 5]},
    "encoding": {"override": []},
    "start": {"override": []},
    "lengths": {"override": [], "sizes": [16, 32, 64, 128, 256], "batch": 32},
    "baselines": {"override": []},
    "many_labels": {"sizes": [1_179, 100_000], "rows": 15_000},
    "small_indexes": {"override": [], "widths": [], "rescore": [10], "hnsw": False, "rounds": 3},
    "large_indexes": {
        **{"vectors": None, "size": 200_000, "queries": 500, "faiss": ["auto"], "nprobe": [32]},
        "hnsw": False,
    },
    "all": {"peer": None, "rounds": None, "only": list(JOBS), "threads": None},
}


def documented_commands():
    """The arguments of each `python tools/benchmark.py` in a document, without a shell's line ends.

    In prose a command stands between backquotes and may be broken over lines.
    """
    found = {}
    documents = ("*.md", "doc/**/*.md", "models/*/*.md")
    for path in sorted(path for pattern in documents for path in ROOT.glob(pattern)):
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        for prose, code in _COMMAND.findall(text):
            arguments = " ".join((prose or code).split())
            if arguments:
                found[arguments] = path.name
    return [pytest.param(line, id=f"{name}: {line}") for line, name in found.items()]


def test_tables_are_listed_in_their_order():
    assert list(TABLES) == list(USAGE)


@pytest.mark.parametrize("table", USAGE)
def test_help_names_the_arguments_of_a_table(table, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([table, "--help"])
    usage = " ".join(capsys.readouterr().out.split("\n\n")[0].split())
    program = argument_parser().prog
    assert usage == f"usage: {program} {table} [-h] [--json JSON] {USAGE[table]}"


@pytest.mark.parametrize("table", USAGE)
def test_what_is_not_asked_for_has_the_defaults_of_a_table(table):
    words = USAGE[table].split()
    needed = {
        option: value
        for option, value in zip(words, words[1:])
        if option.startswith("-") and "[" not in option + value
    }
    given = [word for option in needed for word in (option, "1")]
    parsed = vars(argument_parser().parse_args([table, *given]))
    asked = {value.lower() for value in needed.values()}
    assert {name: value for name, value in parsed.items() if name not in asked} == {
        "table": table,
        "json": None,
        **DEFAULTS[table],
    }


def test_a_table_is_printed_and_written_as_json(tmp_path):
    options = ("--sizes", 300, "--queries", 50, "--json", "figures.json")
    done = run_command("benchmark", "index", *options, cwd=tmp_path)
    machine, title, header, *rows = done.stdout.splitlines()
    assert title == "300 generated: 300 vectors of width 256, 50 queries"
    assert header.split() == ["build,", "s", "queries/s", "overlap"]

    written = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert list(written) == ["machine", "index"]
    assert machine == f"machine: {json.dumps(written['machine'])}"
    versions = {"python", "paddlepaddle", "numpy"}
    assert set(written["machine"]) == {"system", "processor", "threads", *versions}
    ways = written["index"]["300 generated"]
    assert [row.split()[0] for row in rows] == list(ways) == ["exact", "hnswlib", "TextZoo"]
    assert ways["exact"]["build_seconds"] == 0
    assert ways["exact"]["overlap"] == 1
    for way in ways.values():
        assert list(way) == ["build_seconds", "queries_per_second", "overlap"]
        assert way["queries_per_second"] > 0
        assert 0.9 < way["overlap"] <= 1  # of so few vectors nearly all are found


@pytest.mark.parametrize(
    ("table", "model", "options", "ways"),
    [
        (
            *("inference", "tagspace", ["--rows", "40"]),
            ["dygraph", "static", "predictor", "predictor, int8"],
        ),
        ("lengths", "multilabel", ["--sizes", "3", "5", "--batch", "2"], ["3", "5"]),
    ],
)
def test_a_table_over_the_rows_of_a_config(table, model, options, ways, tmp_path):
    if table == "inference":
        pytest.importorskip("paddle2onnx")  # for int8
    written = tmp_path / "figures.json"
    config = [*("-m", str(MODELS / model / "config.yaml")), "-o", f"runner.cache_dir={tmp_path}"]
    assert main([table, *config, *options, "--json", str(written)]) == 0
    figures = json.loads(written.read_text(encoding="utf-8"))[table]
    if table == "inference" and supports_bfloat16():
        ways = [*ways, "predictor, bfloat16"]
    assert list(figures) == ways
    assert all(value >= 0 for row in figures.values() for value in row.values())


def test_small_indexes_are_compared_with_the_exact_search(tmp_path, capsys):
    corpus = write_pairs(tmp_path, 200, 40)
    (tmp_path / "corpus.txt").write_text("\n".join(corpus) + "\n", encoding="utf-8")
    assert call(train.main, tmp_path) == 0
    written = tmp_path / "figures.json"
    options = ("--widths", "8", "--rescore", "1", "50", "--hnsw", "--json", str(written))
    assert call(lambda arguments: main(["small_indexes", *arguments]), tmp_path, *options) == 0
    figures = json.loads(written.read_text(encoding="utf-8"))["small_indexes"]
    assert list(figures) == [
        *("16 float32", "16 int8", "16 binary x 1", "16 binary x 50"),
        *("16 float32, graph", "16 int8, graph"),
        *("8 float32", "8 int8", "8 binary x 1", "8 binary x 50"),
    ]
    whole, overlaps = figures["16 float32"], [row["overlap@10"] for row in figures.values()]
    assert overlaps[0] == 1 and min(overlaps[1], overlaps[4], overlaps[5]) > 0.9
    assert overlaps[2] < overlaps[3] <= overlaps[1]
    assert figures["16 int8"]["megabytes"] < whole["megabytes"] / 3
    # What recall.py and evaluate.py say of it.
    settings = ("index.backend=exact", "index.recall_num=11", f"index.path={tmp_path}/index")
    assert call(recall.main, tmp_path, overrides=settings) == 0
    capsys.readouterr()
    result = f"{tmp_path}/output/infer/recall_result.txt"
    assert evaluate.main(["--pairs", f"{tmp_path}/test.tsv", "--result", result]) == 0
    metrics = json.loads(capsys.readouterr().out.rpartition("metrics: ")[2])
    assert whole["recall@10"] == pytest.approx(metrics["recall@10"], abs=1e-4)


@pytest.mark.parametrize("table", ["index", "large_indexes"])
@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (None, "cannot read vectors.npy: No such file"),
        (b"text", "received vectors.npy, expected embeddings.npy of an index whose index.dtype"),
        (np.zeros((60, 4), np.int8), "received vectors.npy, expected embeddings.npy of an index"),
        (np.zeros((60, 4), np.float32), "received 60 vectors with --queries 61, expected at least"),
        (np.zeros((9, 4), np.float32), "received 9 vectors with --queries"),
    ],
)
def test_other_vectors_are_refused(table, rows, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if isinstance(rows, bytes):
        (tmp_path / "vectors.npy").write_bytes(rows)
    elif rows is not None:
        np.save("vectors.npy", rows)
    sizes = ["--sizes"] if table == "index" else []
    assert main([table, "--vectors", "vectors.npy", "--queries", "61", *sizes]) == 2
    assert says in capsys.readouterr().err


def test_what_is_no_form_of_faiss_is_refused_before_anything_is_built(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["large_indexes", "--faiss", "IVF8,SQ8"])
    assert "--faiss: received 'IVF8,SQ8', expected auto, Flat, or" in capsys.readouterr().err


def test_large_indexes_are_compared_with_the_exact_search(tmp_path):
    pytest.importorskip("faiss")
    written, options = tmp_path / "figures.json", ("--size", "2000", "--queries", "20")
    forms = ("--faiss", "IVF8,Flat", "Flat", "--nprobe", "1", "8")
    assert main(["large_indexes", *options, *forms, "--json", str(written)]) == 0
    figures = json.loads(written.read_text(encoding="utf-8"))["large_indexes"]
    names = [f"faiss, {form}, nprobe {n}" for form in ("IVF8,Flat", "Flat") for n in (1, 8)]
    assert list(figures) == ["exact", "exact, int8", *names]
    one_list, whole, *others = (figures[name]["overlap@10"] for name in names)
    assert one_list < whole == 1 and others == [1, 1]
    assert figures["exact, int8"]["megabytes"] < figures["exact"]["megabytes"] / 3


@pytest.mark.parametrize("name", ["tagspace", "batchneg"])
def test_latency_is_told_of_every_engine_of_an_export(name, exported, tmp_path, capsys):
    folder, written = exported(name).folder, tmp_path / "figures.json"
    options = ("--exported", str(folder), "--requests", "5", "--json", str(written))
    assert main(["latency", *options]) == 0
    figures = json.loads(written.read_text(encoding="utf-8"))["latency"]
    assert list(figures) == read_manifest(folder).formats
    assert all(0 < row["p50_ms"] <= row["p99_ms"] for row in figures.values())
    printed = capsys.readouterr().out.splitlines()[-len(figures) :]
    assert [line.split()[0] for line in printed] == list(figures)


@pytest.mark.parametrize("line", documented_commands())
def test_commands_of_the_documents_ask_for_what_there_is(line):
    arguments = shlex.split(line)
    parsed = argument_parser().parse_args(arguments)
    model = getattr(parsed, "model", None)
    assert model is None or (ROOT / model).is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="peak memory is told by `resource`")
def test_xmlcnn_is_measured_in_a_process_that_finds_the_library(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    figures = measure_apart(30, 4, 1, {"optimizer": ADAM})
    assert list(figures) == ["seconds_per_step", "inference_seconds_per_step", "peak_megabytes"]
    assert all(np.isfinite(value) and value > 0 for value in figures.values())


def test_a_peer_that_does_not_run_is_named(tmp_path, capsys):
    assert main(["xmlcnn", "--peer", str(tmp_path), "--sizes", "90", "--steps", "1"]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"benchmark.py: --peer: received {tmp_path}, which does not run")
    assert "peers/requirements.txt" in message


def test_fasttext_tells_why_when_none_of_its_runs_ends():
    with pytest.raises(UserError, match="ended with status 1"):
        best_run(Path(sys.executable), {})
