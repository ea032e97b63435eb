"""recall.py, predict.py and mine_negatives.py on a model trained on a part of the sample."""

import io
import json

import numpy as np
import pytest
from conftest import ROOT
from harness.pretrained import REFERENCES, write_hugging_face
from harness.recalled import CONFIG, call, lines_of, write_pairs
from harness.running import run_command
from harness.served import Client
from harness.tokenizer_files import write_tokenizer

from textzoo import SemanticIndex
from textzoo.commands.check_data import main as check_data
from textzoo.commands.evaluate import main as evaluate
from textzoo.commands.export import main as export
from textzoo.commands.infer import main as infer
from textzoo.commands.mine_negatives import main as mine_negatives
from textzoo.commands.predict import main as predict
from textzoo.commands.recall import main as recall
from textzoo.commands.train import main as trainer
from textzoo.commands.train import static_main as static_trainer
from textzoo.errors import UserError
from textzoo.serving.app import create_app
from textzoo.serving.limits import Limits


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a trained model, a corpus of 200 texts and the pairs of 30 rows."""
    folder = tmp_path_factory.mktemp("search")
    corpus = write_pairs(folder, 100, 30)[:200]
    (folder / "corpus.txt").write_text("\n".join(corpus) + "\n", encoding="utf-8")
    assert call(trainer, folder) == 0
    return folder


def corpus_of(folder):
    return (folder / "corpus.txt").read_text(encoding="utf-8").splitlines()


def test_recall_writes_each_query_s_texts_best_first(place):
    assert call(recall, place) == 0
    rows = lines_of(place / "output/infer/recall_result.txt")
    queries = list(dict.fromkeys(line[0] for line in lines_of(place / "test.tsv")))
    assert [row[0] for row in rows] == [query for query in queries for _ in range(5)]
    assert {row[1] for row in rows} <= set(corpus_of(place))
    cosines = np.array([float(row[2]) for row in rows]).reshape(-1, 5)
    assert (np.diff(cosines, axis=1) <= 0).all()


def test_exact_search_recalls_what_the_graph_recalls(place):
    results = []
    for backend in ("hnsw", "exact"):
        here = (f"index.backend={backend}", f"index.path={place}/{backend}")
        assert call(recall, place, overrides=here) == 0
        results.append(lines_of(place / "output/infer/recall_result.txt"))
    same = [ours[:2] == theirs[:2] for ours, theirs in zip(*results)]
    assert np.mean(same) > 0.98


def test_an_index_is_reused_until_the_corpus_changes(place, capfd):
    here = (f"index.path={place}/reused",)
    for expected in ("embedded in", "as it was, 200 texts"):
        assert call(recall, place, overrides=here) == 0
        assert expected in capfd.readouterr().out
    other = place / "other.txt"
    other.write_text("\n".join(corpus_of(place)[:150]) + "\n", encoding="utf-8")
    assert call(recall, place, overrides=(*here, f"runner.corpus_file={other}")) == 0
    assert "150 texts embedded" in capfd.readouterr().out


def test_texts_are_added_and_deleted_for_good(place, capfd):
    here = (f"index.path={place}/changed",)
    (place / "new.txt").write_text("a text that nobody wrote\n", encoding="utf-8")
    assert call(recall, place, "--add", f"{place}/new.txt", "--queries", f"{place}/new.txt",
                overrides=here) == 0  # fmt: skip
    result = place / "output/infer/recall_result_new.txt"
    assert lines_of(result)[0][1] == "a text that nobody wrote"
    assert call(recall, place, "--delete", f"{place}/new.txt", overrides=here) == 0
    assert "deleted 1 text(s) of 1" in capfd.readouterr().out
    assert call(recall, place, "--queries", f"{place}/new.txt", overrides=here) == 0
    found = {row[1] for row in lines_of(result)}
    assert "a text that nobody wrote" not in found


def test_a_new_index_lacks_what_was_added_and_deleted_and_says_so(place, tmp_path, capfd):
    (tmp_path / "new.txt").write_text("a new text\nanother\n", encoding="utf-8")
    (tmp_path / "old.txt").write_text("nowhere\na new text\n", encoding="utf-8")
    here = (f"index.path={tmp_path}/index",)
    options = ("--add", f"{tmp_path}/new.txt", "--delete", f"{tmp_path}/old.txt")
    assert call(recall, place, *options, overrides=here) == 0
    said = capfd.readouterr()
    assert "--delete: not in the index: 'nowhere'\n" in said.out + said.err
    (tmp_path / "other.txt").write_text("one text\n", encoding="utf-8")
    other = (*here, f"runner.corpus_file={tmp_path}/other.txt")
    assert call(recall, place, overrides=other) == 0
    said = capfd.readouterr()
    assert "of another corpus; 2 text(s) added and 1 deleted since" in said.out + said.err
    options = ("--delete", f"{tmp_path}/other.txt")
    assert call(recall, place, *options, overrides=other) == 0
    said = capfd.readouterr()
    assert f"index {tmp_path}/index: holds no text, nothing is found\n" in said.out + said.err
    assert call(mine_negatives, place, overrides=other) == 0
    said = capfd.readouterr()
    assert f"index {tmp_path}/index: holds no text, nothing is found\n" in said.out + said.err


@pytest.mark.parametrize("option", ["--add", "--delete", "--queries"])
def test_files_of_options_are_read_before_the_index_is_built(place, tmp_path, capfd, option):
    here = (f"index.path={tmp_path}/index",)
    assert call(recall, place, option, f"{tmp_path}/nothere", overrides=here) == 2
    assert f"{option}: no such file: {tmp_path}/nothere" in capfd.readouterr().err
    assert not (tmp_path / "index").exists()


def test_standard_input_is_read_for_one_option_only(place, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a text\n")))
    here = (f"index.path={tmp_path}/index",)
    assert call(recall, place, "--queries", "-", "--add", "-", overrides=here) == 2
    assert "--queries and --add: received - (standard input) for each" in capfd.readouterr().err
    both = (*here, "runner.test_data_dir=-")
    assert call(recall, place, "--delete", "-", overrides=both) == 2
    assert "--delete and runner.test_data_dir: received -" in capfd.readouterr().err
    assert evaluate(["--pairs", "-", "--result", "-"]) == 2
    assert "--pairs and --result: received -" in capfd.readouterr().err


def test_other_queries_leave_the_result_of_the_test_queries_alone(place, capfd):
    assert call(recall, place) == 0
    before = (place / "output/infer/recall_result.txt").read_bytes()
    (place / "mine.txt").write_text("another question\n", encoding="utf-8")
    capfd.readouterr()
    assert call(recall, place, "--queries", f"{place}/mine.txt") == 0
    result = place / "output/infer/recall_result_mine.txt"
    assert f": {result}\n" in capfd.readouterr().out
    assert {row[0] for row in lines_of(result)} == {"another question"}
    assert (place / "output/infer/recall_result.txt").read_bytes() == before


def test_typed_queries_are_answered(place, monkeypatch, capfd):
    query = corpus_of(place)[7]
    typed = io.TextIOWrapper(io.BytesIO(f"{query}\n\n".encode()))
    monkeypatch.setattr("sys.stdin", typed)
    assert call(recall, place, "--queries", "-") == 0
    answers = [line for line in capfd.readouterr().out.splitlines() if "\t" in line]
    assert len(answers) == 5
    assert answers[0] == f"{query}\t{query}\t1.000000"


def test_who_types_is_told_how(place, monkeypatch, capfd):
    typed = io.TextIOWrapper(io.BytesIO(b""))
    monkeypatch.setattr(typed, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin", typed)
    assert call(recall, place, "--queries", "-") == 0
    assert "one query a line" in capfd.readouterr().out


def test_predict_adds_the_cosine_of_the_embeddings_it_writes(place):
    (place / "pairs.tsv").write_text("one text\tanother\t1\none text\tone text\n", encoding="utf-8")
    assert call(predict, place, "--pairs", f"{place}/pairs.tsv") == 0
    rows = lines_of(place / "output/infer/similarities.tsv")
    assert [row[:-1] for row in rows] == [["one text", "another", "1"], ["one text", "one text"]]
    other = place / "other.tsv"
    assert call(predict, place, "--pairs", f"{place}/pairs.tsv", "--output", f"{other}") == 0
    assert lines_of(other) == rows
    (place / "texts.txt").write_text("one text\nanother\n", encoding="utf-8")
    assert call(predict, place, "--texts", f"{place}/texts.txt") == 0
    embeddings = np.load(place / "output/infer/embeddings.npy")
    assert embeddings.shape == (2, 16)
    assert float(rows[0][-1]) == pytest.approx(embeddings[0] @ embeddings[1], abs=2e-6)
    assert float(rows[1][-1]) == pytest.approx(1, abs=2e-6)


def test_the_cosines_of_several_checkpoints_are_averaged(place, tmp_path, capfd):
    other = (
        f"runner.model_save_path={tmp_path}/other",
        *("reader.ngram_max=1", "hyper_parameters.encoder.hidden_size=8"),
    )
    assert call(trainer, place, overrides=other) == 0
    cosines = []
    for overrides in ((), other):
        output = tmp_path / str(len(cosines))
        assert (
            call(predict, place, overrides=(*overrides, f"runner.infer_output_dir={output}")) == 0
        )
        cosines.append([float(row[-1]) for row in lines_of(output / "similarities.tsv")])
    both = f"runner.infer_ensemble=[{place}/output/best,{tmp_path}/other/best]"
    overrides = (both, f"runner.infer_output_dir={tmp_path}", f"index.path={tmp_path}/index")
    assert call(predict, place, overrides=overrides) == 0
    found = [float(row[-1]) for row in lines_of(tmp_path / "similarities.tsv")]
    np.testing.assert_allclose(found, np.mean(cosines, axis=0), atol=2e-6)
    assert call(recall, place, overrides=overrides) == 0
    assert len(lines_of(tmp_path / "recall_result.txt")) == 5 * len(lines_of(place / "test.tsv"))
    _check_exports(place, tmp_path, other, overrides, capfd)
    capfd.readouterr()
    assert call(infer, place, overrides=overrides) == 0
    assert capfd.readouterr().out.count(f"checkpoint {tmp_path}/other/best") == 1
    recalled = {(row[0], row[1]): float(row[2]) for row in lines_of(tmp_path / "recall_result.txt")}
    for line in (tmp_path / "predictions.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        best = row["top"][0]
        assert recalled[row["text"], best["tag"]] == pytest.approx(best["score"], abs=1e-4)
    turned = f"runner.infer_ensemble=[{tmp_path}/other/best,{place}/output/best]"
    assert call(infer, place, overrides=(*overrides, turned)) == 2
    assert "runner.infer_ensemble: the checkpoint" in capfd.readouterr().err


def _check_exports(place, tmp_path, other, overrides, capfd):
    """The exports of both checkpoints together find what recall.py has found."""
    folders = [tmp_path / "exported", tmp_path / "exported_other"]
    for folder, settings in zip(folders, (overrides, other)):
        options = ("--output", f"{folder}", "--format", "paddle")
        assert call(export, place, *options, overrides=settings) == 0
    assert "the others of runner.infer_ensemble are exported each by" in capfd.readouterr().out
    rows = lines_of(tmp_path / "recall_result.txt")[:20]
    queries = list(dict.fromkeys(row[0] for row in rows))
    found = SemanticIndex.load(folders).search(queries, 5)
    hits = [hit for hits in found for hit in hits]
    assert [hit["text"] for hit in hits] == [row[1] for row in rows]
    np.testing.assert_allclose(
        [hit["score"] for hit in hits], [float(row[2]) for row in rows], atol=1e-5
    )
    client = Client(create_app({"": folders}, Limits()), Limits())
    try:
        _, answer, _ = client.post("/search", texts=queries, k=5)
        assert answer["results"] == found
        _, answer, _ = client.post("/encode", texts=queries[:1])
        assert len(answer["embeddings"][0]) == 16 + 8
    finally:
        client.close()
    with pytest.raises(
        UserError, match=r"its index is of 2 checkpoint\(s\), received the exports of 1"
    ):
        SemanticIndex.load(folders[0])
    with pytest.raises(UserError, match="no longer holds this checkpoint's embeddings"):
        SemanticIndex.load([folders[0], folders[0]])
    with pytest.raises(UserError, match="was exported without an index"):
        SemanticIndex.load(folders[::-1])


def test_mined_negatives_are_near_and_not_known_to_mean_the_same(place, capfd):
    several = ("index.mine_from=2", "index.mine_per_pair=3", "index.mine_relative_margin=0.01")
    assert call(mine_negatives, place, overrides=several) == 0
    said = capfd.readouterr().out
    pairs = lines_of(place / "train.tsv")
    result = place / "output/infer/mined_train.tsv"
    rows = lines_of(result)
    assert [row[:2] for row in rows] == pairs
    known = {frozenset(pair) for pair in pairs}
    found = [(row[0], negative) for row in rows for negative in row[2:]]
    assert len(found) > 50
    assert all(pair[0] != pair[1] and frozenset(pair) not in known for pair in found)
    assert {negative for _, negative in found} <= set(corpus_of(place))
    numbers = [sum(len(row) == 2 + n for row in rows) for n in range(4)]
    shown = ", ".join(f"{numbers[n]} with {n}" for n in (3, 2, 1, 0))
    assert f"{result}: pairs by their negatives: {shown}\n" in said
    assert f"taken: {len(found)}\n" in said
    assert "left out by mine_relative_margin: " in said
    assert "no pair got a negative" not in said

    trained = (
        f"runner.train_data_dir={result}",
        f"runner.model_save_path={place}/second",
        "hyper_parameters.negatives=given",
    )
    assert call(trainer, place, overrides=trained) == 2
    assert "reader.max_negatives allows more negatives" in capfd.readouterr().err
    losses, shown = [], ("runner.print_interval=1", "runner.train_batch_size=16")
    for command in (trainer, static_trainer):
        given = (*trained, "reader.max_negatives=3", "runner.resume=none", *shown)
        assert call(command, place, overrides=given) == 0
        lines = (place / "second/metrics.jsonl").read_text(encoding="utf-8").splitlines()
        losses.append([line["loss"] for line in map(json.loads, lines) if "loss" in line])
    assert losses[0] == losses[1] and len(losses[0]) > 1


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        (("index.mine_from=60",), "index.mine_to: received 50, expected at least mine_from (60)"),
        (
            ("index.mine_min_score=0.5", "index.mine_max_score=0.4"),
            "index.mine_max_score: received 0.4, expected at least mine_min_score (0.5)",
        ),
    ],
)
def test_bounds_that_leave_nothing_to_mine_are_refused(place, capfd, overrides, complaint):
    assert call(mine_negatives, place, overrides=overrides) == 2
    assert complaint in capfd.readouterr().err


def test_mined_pairs_train_the_config_that_names_their_columns(place, tmp_path, capfd):
    pairs = lines_of(place / "train.tsv")
    rows = [f"{query}\t{title}\t{query} own" for query, title in pairs]
    file = tmp_path / "train.tsv"
    file.write_text("\n".join(["question\treply\tnegative", *rows, ""]), encoding="utf-8")
    here = (
        *(f"runner.corpus_file={place}/corpus.txt", f"runner.test_data_dir={file}"),
        *("reader.query_column=question", "reader.title_column=reply", "reader.max_negatives=2"),
        *("index.mine_from=2", "index.mine_per_pair=2", "index.mine_margin=null"),
    )
    assert call(trainer, tmp_path, overrides=here) == 0
    assert call(mine_negatives, tmp_path, overrides=here) == 0
    assert f"{len(rows)} negatives that pairs had stay, and count for" in capfd.readouterr().out
    mined = tmp_path / "output/infer/mined_train.tsv"
    assert lines_of(mined)[0] == ["question", "reply", "negative", "negative"]
    assert ["\t".join(row[:3]) for row in lines_of(mined)[1:]] == rows
    again = (*here, f"runner.train_data_dir={mined}", f"runner.model_save_path={tmp_path}/second")
    assert call(trainer, tmp_path, overrides=again) == 0


def test_that_no_pair_got_a_negative_is_told(place, tmp_path, capfd):
    nothing = (f"runner.infer_output_dir={tmp_path}", "index.mine_max_score=-1")
    assert call(mine_negatives, place, overrides=nothing) == 0
    assert "no pair got a negative: all candidates were left out" in capfd.readouterr().out


def test_a_teacher_is_an_export_or_a_config(place, tmp_path, capfd):
    exported, config = tmp_path / "exported", tmp_path / "config.yaml"
    assert call(export, place, "--output", str(exported)) == 0
    settings = {
        "base": str(CONFIG),
        "runner": {"model_save_path": str(place / "output")},
        "reader": {"ngram_buckets": 512},
        "hyper_parameters": {"encoder": {"hidden_size": 16}},
    }
    config.write_text(json.dumps(settings), encoding="utf-8")

    def mined(*options, margin):
        here = (f"index.mine_margin={margin}", f"runner.infer_output_dir={tmp_path}")
        assert call(mine_negatives, place, *options, overrides=here) == 0
        return lines_of(tmp_path / "mined_train.tsv")

    # What the model finds nearer than the title, it finds nearer as its own teacher, too.
    expected = mined(margin=0)
    assert mined(margin="null") != expected
    for teacher in (exported, config):
        assert mined("--teacher", str(teacher), margin="null") == expected
    assert "nearer than the title to the teacher" in capfd.readouterr().out
    assert call(mine_negatives, place, "--teacher", f"{tmp_path}/none") == 2
    assert f"{tmp_path}/none" in capfd.readouterr().err


def test_texts_with_tabs_are_recalled_and_mined_in_files_that_evaluate_and_training_read(
    place, tmp_path, capfd
):
    query, title = lines_of(place / "test.tsv")[0]
    texts = "".join(text.replace(" ", "\t", 1) + "\n" for text in corpus_of(place))
    (tmp_path / "tabs.txt").write_text(f"{texts}{title}\n", encoding="utf-8")
    (tmp_path / "mine.txt").write_text(f"{query}\tand\n{query}\n", encoding="utf-8")
    here = (
        f"runner.corpus_file={tmp_path}/tabs.txt",
        f"index.path={tmp_path}/index",
        f"runner.infer_output_dir={tmp_path}",
        "index.mine_from=2",
    )
    assert call(recall, place, "--queries", f"{tmp_path}/mine.txt", overrides=here) == 0
    result = tmp_path / "recall_result_mine.txt"
    assert {len(row) for row in lines_of(result)} == {3}
    assert {row[0] for row in lines_of(result)} == {query, f"{query} and"}
    assert evaluate(["--pairs", f"{place}/test.tsv", "--result", str(result)]) == 0
    assert call(mine_negatives, place, overrides=here) == 0
    mined = f"runner.train_data_dir={tmp_path}/mined_train.tsv"
    capfd.readouterr()
    assert call(check_data, place, overrides=(*here, mined)) == 0
    assert "bad lines: none" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("command", "key", "good", "bad", "result"),
    [
        (mine_negatives, "train_data_dir", "train.tsv", "bad_train.tsv", "mined_train.tsv"),
        (recall, "test_data_dir", "test.tsv", "bad_test.tsv", "recall_result.txt"),
        (predict, "test_data_dir", "test.tsv", "bad_test.tsv", "similarities.tsv"),
        (recall, "corpus_file", "corpus.txt", "bad_corpus.jsonl", "recall_result.txt"),
        (infer, "corpus_file", "corpus.txt", "bad_corpus.jsonl", "predictions.jsonl"),
    ],
)
def test_malformed_lines_are_named_or_skipped_by_every_command(
    place, tmp_path, capfd, command, key, good, bad, result
):
    for name in ("train", "test"):
        rows = (place / f"{name}.tsv").read_bytes()
        (tmp_path / f"bad_{name}.tsv").write_bytes(b"alone\n" + rows + b"\xff\ta\na\t\0\n")
    objects = "\n".join(json.dumps({"text": text}) for text in corpus_of(place))
    (tmp_path / "bad_corpus.jsonl").write_text(f"[]\n{objects}\n", encoding="utf-8")
    here = (f"index.path={tmp_path}/index", f"runner.infer_output_dir={tmp_path}")
    given = (*here, f"runner.{key}={tmp_path / bad}")
    assert call(command, place, overrides=(*here, f"runner.{key}={place / good}")) == 0
    expected = (tmp_path / result).read_bytes()
    capfd.readouterr()
    assert call(command, place, overrides=given) == 2
    said = capfd.readouterr().err
    assert f"{tmp_path / bad}:1: " in said
    assert "(-o runner.bad_lines=skip skips such lines and counts them)" in said
    assert (tmp_path / result).read_bytes() == expected
    assert call(command, place, overrides=(*given, "runner.bad_lines=skip")) == 0
    assert "malformed line(s) skipped (runner.bad_lines: skip)" in capfd.readouterr().out
    kept = [line for line in (tmp_path / result).read_bytes().split(b"\n") if line]
    assert kept == expected.split(b"\n")[:-1]


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        (("runner.corpus_file=null",), "runner.corpus_file: missing"),
        (("runner.corpus_file=nowhere.txt",), "runner.corpus_file: no such file"),
        (("runner.corpus_file=-",), "runner.corpus_file: received -, expected a file"),
        (("index.hnsw_m=1",), "index.hnsw_m: received 1"),
        (("runner.test_data_dir=null",), "runner.test_pair_file: missing; expected a path, or --"),
    ],
)
def test_what_is_missing_is_named(place, capfd, overrides, complaint):
    assert call(recall, place, overrides=overrides) == 2
    assert complaint in capfd.readouterr().err


def test_a_model_that_does_not_embed_texts_is_refused():
    config = ROOT / "models" / "tagspace" / "config.yaml"
    result = run_command("recall", "-m", config, expect=2)
    assert "model tagspace does not embed texts" in result.stderr


def test_a_pretrained_folder_is_trained_further(place, tmp_path):
    write_hugging_face(tmp_path, "bert")
    size = REFERENCES["models"]["bert"]["config"]["vocab_size"]
    characters = sorted(set("".join(corpus_of(place))))
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters][:size]
    (tmp_path / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    overrides = (
        f"hyper_parameters.encoder.pretrained={tmp_path}",
        "hyper_parameters.encoder.hidden_size=null",  # `config: ngram` gives way by itself
        "reader.max_len=8",
        f"runner.model_save_path={tmp_path}/output",
    )
    assert call(trainer, place, overrides=overrides) == 0
    assert call(recall, place, overrides=overrides) == 0
    assert (tmp_path / "output" / "infer" / "recall_result.txt").is_file()


def test_prefixes_of_a_pretrained_encoder_are_kept_wherever_texts_are_embedded(
    place, tmp_path, capsys
):
    """Of texts with the prefixes written out, and of those that the reader puts them before."""
    folder = tmp_path / "encoder"
    folder.mkdir()
    write_hugging_face(folder, "xlm-roberta", vocab_size=900)
    write_tokenizer(folder, "unigram", [*corpus_of(place), "q: p: "], 800)
    prompts = {"prompts": {"query": "query: ", "passage": "passage: "}}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    common = (
        f"hyper_parameters.encoder.pretrained={folder}",
        "hyper_parameters.encoder.hidden_size=null",
        "hyper_parameters.output_emb_size=null",
        "hyper_parameters.optimizer.learning_rate=0.0011",  # warned of, and yet cosines differ
        "reader.max_len=8",
        "index.backend=exact",
    )
    prefixes = ("reader.query_prefix='q: '", "reader.title_prefix='p: '")
    own = (*common, *prefixes, f"runner.model_save_path={tmp_path}/own")
    assert call(trainer, place, overrides=own) == 0
    said = capsys.readouterr().out
    assert "its texts began with" not in said and "forgets what it knows" in said
    assert call(recall, place, overrides=own) == 0
    found = (tmp_path / "own" / "infer" / "recall_result.txt").read_text(encoding="utf-8")
    exported = tmp_path / "exported"
    output = ("--output", str(exported), "--format", "paddle")
    assert call(export, place, *output, overrides=own) == 0
    index = SemanticIndex.load(exported)
    lines = [line.split("\t") for line in found.splitlines()]
    query, text, score = lines[0]
    score = pytest.approx(float(score), abs=1e-5)
    [hits] = index.search([query], len(corpus_of(place)))
    assert {"text": text, "score": score} in hits
    encoder = index.encoder
    assert (encoder.encode([query]) @ encoder.encode([text], "title").T).item() == score
    assert encoder.similarity([query], [text]).item() == score
    assert not np.array_equal(encoder.encode([text]), encoder.encode([text], "title"))
    # The same weights, the prefixes taken away: refused, not forgotten.
    assert call(recall, place, overrides=(*own, "reader.title_prefix=null")) == 2
    assert "reader.title_prefix: 'p: ' there, None here" in capsys.readouterr().err
    plain = (*common, f"runner.model_save_path={tmp_path}/plain")
    assert call(trainer, place, overrides=plain) == 0
    hint = "its texts began with 'query: ' (query), 'passage: ' (passage); set reader.query_prefix"
    assert hint in capsys.readouterr().out
