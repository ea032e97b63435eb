"""N-grams beside cosines from training to an export: one weight, one ranking everywhere."""

import io
import json

import pytest
from harness.recalled import call, lines_of, write_pairs

from textzoo import SemanticIndex
from textzoo.commands.export import main as export
from textzoo.commands.infer import main as infer
from textzoo.commands.mine_negatives import main as mine_negatives
from textzoo.commands.recall import main as recall
from textzoo.commands.train import main as trainer

HYBRID = ("index.lexical_weight=auto", "index.center=true", "index.backend=exact")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a model trained with `lexical_weight: auto`, and one without."""
    folder = tmp_path_factory.mktemp("hybrid")
    corpus = write_pairs(folder, 200, 40)
    (folder / "corpus.txt").write_text("\n".join(corpus) + "\n", encoding="utf-8")
    valid = (*HYBRID, "runner.valid_fraction=0.3", "runner.best_metric=recall@1")
    assert call(trainer, folder, overrides=valid) == 0
    return folder


def weight_of(place):
    facts = json.loads((place / "output/best/checkpoint.json").read_text(encoding="utf-8"))
    return facts["progress"]["lexical_weight"]


def results(path):
    found = {}
    for query, text, score in lines_of(path):
        found.setdefault(query, []).append((text, float(score)))
    return found


def test_the_weight_is_chosen_in_training_and_told(place):
    weight = weight_of(place)
    assert 0 < weight <= 1  # n-grams help a net of one epoch
    log = (place / "output/train.log").read_text(encoding="utf-8")
    assert "index.lexical_weight: recall@1 " in log
    assert f" at {weight:g}" in log
    reports = (place / "output/metrics.jsonl").read_text(encoding="utf-8").splitlines()
    told = [json.loads(line) for line in reports]
    assert weight in [report.get("lexical_weight") for report in told]


def test_infer_recall_and_the_export_rank_alike(place, tmp_path, capfd):
    overrides = (*HYBRID, f"runner.infer_output_dir={tmp_path}", f"index.path={tmp_path}/index")
    assert call(recall, place, overrides=overrides) == 0
    assert f"index.lexical_weight: {weight_of(place):.3g}, chosen on" in capfd.readouterr().out
    assert call(infer, place, overrides=overrides) == 0
    recalled = results(tmp_path / "recall_result.txt")
    rows = (tmp_path / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    for row in map(json.loads, rows):
        ours = [(best["tag"], best["score"]) for best in row["top"]]
        theirs = [hit for hit in recalled[row["text"]] if hit[0] != row["text"]]
        for (_, mine), (_, other) in zip(ours, theirs):
            assert mine == pytest.approx(other, abs=2e-3)
        assert ours[0][0] == theirs[0][0] or ours[0][1] == pytest.approx(ours[1][1], abs=2e-3)
    folder = tmp_path / "exported"
    options = ("--output", str(folder), "--format", "paddle")
    assert call(export, place, *options, overrides=overrides) == 0
    assert (folder / "index/lexical/postings_data.npz").is_file()
    index = SemanticIndex.load(folder)
    queries = list(recalled)[:10]
    for query, hits in zip(queries, index.search(queries, 5)):
        assert [hit["score"] for hit in hits] == pytest.approx(
            [score for _, score in recalled[query]], abs=1e-4
        )
        assert {hit["text"] for hit in hits} == {text for text, _ in recalled[query]}
    embeddings = index.encoder.encode(queries)
    assert index.nearest(embeddings, 5, queries) == index.search(queries, 5)
    with pytest.raises(ValueError, match="texts: n-grams count in this index"):
        index.nearest(embeddings, 5)
    with pytest.raises(ValueError, match="texts: received 1, expected 10"):
        index.nearest(embeddings, 5, queries[:1])


def test_with_the_whole_weight_typed_words_are_found(place, tmp_path, monkeypatch, capfd):
    typed = io.TextIOWrapper(io.BytesIO(b"kettle"))
    monkeypatch.setattr("sys.stdin", typed)
    (tmp_path / "new.txt").write_text("a kettle\n", encoding="utf-8")
    overrides = ("index.lexical_weight=1", f"index.path={tmp_path}/index")
    assert call(recall, place, "--queries", "-", "--add", f"{tmp_path}/new.txt",
                overrides=overrides) == 0  # fmt: skip
    answers = [line for line in capfd.readouterr().out.splitlines() if "\t" in line]
    assert answers[0].startswith("kettle\ta kettle\t")


def test_negatives_are_mined_by_cosines_alone(place, tmp_path):
    mined = []
    for weight in ("0", "0.9"):
        output = tmp_path / weight
        overrides = (
            *(f"index.lexical_weight={weight}", f"index.path={tmp_path}/index"),
            *(f"runner.infer_output_dir={output}", "index.mine_from=2"),
        )
        assert call(mine_negatives, place, overrides=overrides) == 0
        mined.append((output / "mined_train.tsv").read_bytes())
    assert mined[0] == mined[1]


def test_a_run_goes_on_with_the_metrics_that_it_had(place, capfd):
    more = ("runner.valid_fraction=0.3", "runner.best_metric=recall@1", "runner.epochs=2")
    assert call(trainer, place, overrides=(*HYBRID[1:], *more)) == 2
    assert "index.lexical_weight: 'auto' there, 0.0 here" in capfd.readouterr().err


def test_what_cannot_be_done_is_named(place, tmp_path, capfd):
    milvus = ("index.backend=milvus", "index.lexical_weight=auto")
    assert call(recall, place, overrides=milvus) == 2
    assert "index.lexical_weight: received auto, expected 0" in capfd.readouterr().err
    assert call(recall, place, overrides=("index.lexical_weight=1.5",)) == 2
    assert "index.lexical_weight: received 1.5 (float), expected" in capfd.readouterr().err
    plain = (f"runner.model_save_path={tmp_path}/plain",)
    assert call(trainer, place, overrides=(*plain, *HYBRID, "runner.valid_fraction=0")) == 0
    said = capfd.readouterr()
    assert "auto, but there are no validation rows to choose it on" in said.out + said.err
    for command in (recall, infer):
        assert call(command, place, overrides=(*plain, *HYBRID)) == 2
        assert "received auto, but no weight was chosen" in capfd.readouterr().err
    options = ("--output", f"{tmp_path}/exported", "--format", "paddle")
    assert call(export, place, *options, overrides=(*plain, *HYBRID)) == 2
    assert not (tmp_path / "exported").exists()
