"""datasets/semantic_pairs/run.sh: what becomes a training pair, an evaluation pair, the corpus."""

import pytest
from harness.fetched import DATASETS, run_script

SCRIPT = DATASETS / "semantic_pairs" / "run.sh"
SOURCE = {
    "afqmc/train.txt": "a1\ta2\t1\na3\ta4\t0\nd2\td1\t1\n",
    "afqmc/dev.txt": "d1\td2\t1\nd3\td4\t0\n",
    "lcqmc_dev_test/dev.txt": "l1\tl2  l2\t1\nsame\tsame\t1\n",
    "lcqmc_dev_test/test.txt": "t1\tt2\t1\n",
    "pawsx_zh_dev_test/dev_2k.tsv": "id\tsentence1\tsentence2\tlabel\n1\tp1\tp2\t1\n",
    "pawsx_zh_dev_test/test_2k.tsv": "id\tsentence1\tsentence2\tlabel\n2\tp1\tp3\t0\n",
    "simclue/train_pair_postive_1w.json": '{"query": "s1", "title": "s2"}\n',
    "simclue/train_rank_1w.json": (
        '{"query": "r1", "title": "r2", "neg_title": "r3"}\n'
        '{"query": "t2", "title": "t1", "neg_title": "r3"}\n'
    ),
}


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    for name, content in SOURCE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def test_evaluated_pairs_are_not_trained_on_and_the_corpus_has_every_sentence_once(
    source, tmp_path
):
    done = run_script(SCRIPT, "--from", source, "--output", tmp_path / "data")
    assert done.returncode == 0, done.stderr
    written = {
        path.name: path.read_text(encoding="utf-8").splitlines()
        for path in (tmp_path / "data").iterdir()
        if not path.name.startswith(".")
    }
    assert written.pop("corpus_file") == [
        *("a1", "a2", "a3", "a4", "d2", "d1", "d3", "d4"),
        *("l1", "l2 l2", "same", "t1", "t2", "s1", "s2", "p1", "p2", "p3"),
    ]
    # What is evaluated is not trained on without its pair, either: no d1, d2, t1, t2.
    assert written.pop("unlabelled.txt") == [
        *("a1", "a2", "a3", "a4", "d3", "d4", "l1", "l2 l2", "same"),
        *("s1", "s2", "p1", "p2", "p3", "r1", "r2", "r3"),
    ]
    assert written == {
        "semantic_pair_train.tsv": ["l1\tl2 l2", "a1\ta2", "s1\ts2"],
        "semantic_triplet_train.tsv": ["r1\tr2\tr3"],
        "afqmc_dev.tsv": ["d1\td2"],
        "lcqmc_test.tsv": ["t1\tt2"],
        "same_semantic.tsv": ["d1\td2", "t1\tt2"],
    }


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("afqmc/dev.txt", "d1\td2\t1\nd3\td4\t2\n", "dev.txt:2: received 3 columns, the last '2'"),
        ("simclue/train_rank_1w.json", '{"query": "a"}\n', "train_rank_1w.json:1: received"),
        ("lcqmc_dev_test/test.txt", "one\n", "test.txt:1: received 1 columns"),
    ],
)
def test_a_malformed_row_is_named_and_nothing_is_written(
    source, tmp_path, file, content, complaint
):
    (source / file).write_text(content, encoding="utf-8")
    done = run_script(SCRIPT, "--from", source, "--output", tmp_path / "data")
    assert done.returncode == 2
    assert complaint in done.stderr
    assert not [path for path in (tmp_path / "data").iterdir() if path.is_file()]
