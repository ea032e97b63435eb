import json

import pytest

from textzoo.errors import UserError
from textzoo.evaluation.outcomes import outcomes_of
from textzoo.evaluation.saved_results import SavedResults, check_same_rows

ROWS = [
    {"text": "one", "tags": ["a", "b"], "ranks": [1, None], "predicted": ["a"], "top": []},
    {"text": "two", "tags": ["b"], "ranks": [2], "predicted": ["a"], "top": []},
    {"text": "three", "tags": [], "ranks": [], "predicted": [], "top": []},
]
METRICS = {"accuracy": 0.5, "mrr": 0.75, "micro_f1": 0.4, "psp@1": 0.1, "threshold": 0.5, "rows": 2}
GRADED = [
    {"text": "one", "tags": ["a:2"], "predicted": {"a": 2, "b": 0}},
    {"text": "two", "tags": ["b:1"], "predicted": {"a": 1, "b": 1}},
]


@pytest.fixture
def write(tmp_path):
    """A function that writes results and gives their folder."""

    def write(rows=ROWS, name="infer", told=None):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        (folder / "predictions.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        facts = {**METRICS, "labels": 3, **(told or {})}
        (folder / "infer_metrics.json").write_text(json.dumps(facts), encoding="utf-8")
        return folder

    return write


def test_what_the_rows_tell_is_read_of_the_rows_that_count(write):
    folder = write()
    for place in (folder, folder.parent):
        found = SavedResults.read(place)
        assert found.folder == folder and found.texts == ["one", "two"]
        assert [*found.metrics] == ["accuracy", "mrr", "micro_f1"]
        assert found.untold == ["psp@1"]
    (outcomes,) = outcomes_of([found.rows], [*found.metrics])
    found.check_values(outcomes.of_all())


def test_rows_without_labels_count_where_they_were_counted(write):
    assert len(SavedResults.read(write(told={"rows": 3})).texts) == 3


def test_levels_are_read(write):
    found = SavedResults.read(write(GRADED, told={"level_accuracy": 0.75}))
    assert found.rows.is_graded and [*found.metrics] == ["level_accuracy"]
    (outcomes,) = outcomes_of([found.rows], [*found.metrics])
    found.check_values(outcomes.of_all())


def test_rows_that_give_other_metrics_are_refused(write):
    found = SavedResults.read(write(told={"micro_f1": 0.5}))
    (outcomes,) = outcomes_of([found.rows], [*found.metrics])
    with pytest.raises(UserError, match=r"micro_f1 0\.5.*give 0\.4.*two evaluations"):
        found.check_values(outcomes.of_all())


def test_a_metric_that_is_no_number_is_refused(write):
    found = SavedResults.read(write(told={"micro_f1": float("nan")}))
    (outcomes,) = outcomes_of([found.rows], [*found.metrics])
    with pytest.raises(UserError, match="micro_f1 nan"):
        found.check_values(outcomes.of_all())


def test_a_rank_below_all_labels_is_refused(write):
    rows = [{**ROWS[0], "ranks": [1, 10**400]}, *ROWS[1:]]
    with pytest.raises(UserError, match=r"predictions\.jsonl:1: received rank 10+"):
        SavedResults.read(write(rows))
    rows[0]["ranks"] = [4, None]
    with pytest.raises(UserError, match=r"predictions\.jsonl:1: received rank 4, .* at most 3: "):
        SavedResults.read(write(rows, "again"))
    with pytest.raises(UserError, match=r"labels: received 10+.*, expected how many"):
        SavedResults.read(write(name="more", told={"labels": 10**30}))


def test_metrics_nested_too_deeply_are_refused(write):
    folder = write()
    (folder / "infer_metrics.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(UserError, match=r"infer_metrics\.json: cannot be read"):
        SavedResults.read(folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rows": [*ROWS[:1], "{"]}, r"predictions\.jsonl:2: "),
        ({"rows": [{"text": "one"}]}, r"predictions\.jsonl:1: tags: Field required"),
        ({"rows": [{**ROWS[0], "ranks": [0, 1]}]}, r":1: ranks\.0: "),
        ({"rows": [{**ROWS[0], "ranks": [1]}]}, ":1: received 1 ranks, expected one for each of 2"),
        ({"rows": [{"text": "one", "tags": ["a"]}]}, "tells no `ranks`, as an earlier version"),
        ({"rows": ROWS[:1]}, "received 1 rows, expected the 2 of infer_metrics.json"),
        ({"rows": [GRADED[0], {**GRADED[1], "tags": ["c:1"]}]}, ":2: received levels of other"),
        ({"rows": [GRADED[0], {**GRADED[1], "predicted": {"a": 1}}]}, ":2: received levels of"),
        ({"labels": None}, "tells no `labels`, as an earlier version"),
        ({"labels": 0}, "labels: received 0, expected how many"),
        ({"labels": -5}, "labels: received -5, expected how many"),
        ({"labels": True}, "labels: received True, expected how many"),
        ({"told": {"rows": -2}}, "expected the metrics of an evaluation with their `rows`"),
    ],
)
def test_damage_is_named(write, change, says):
    rows = change.pop("rows", ROWS)
    with pytest.raises(UserError, match=says):
        SavedResults.read(write(rows, told=change.pop("told", change)))


def test_what_is_not_there_is_named(write, tmp_path):
    with pytest.raises(UserError, match=r"holds no infer_metrics\.json"):
        SavedResults.read(tmp_path)
    inner = tmp_path / "runs" / "seed-7" / "infer"
    inner.mkdir(parents=True)
    (inner / "infer_metrics.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match=r"There are such runs in it: seed-7$"):
        SavedResults.read(tmp_path / "runs")
    folder = write()
    (folder / "predictions.jsonl").unlink()
    with pytest.raises(
        UserError, match=r"holds no predictions\.jsonl, expected the results of one"
    ):
        SavedResults.read(folder)
    (folder / "infer_metrics.json").write_text("[]", encoding="utf-8")
    with pytest.raises(UserError, match="expected the metrics of an evaluation"):
        SavedResults.read(folder)


def test_levels_of_other_labels_are_refused(write):
    renamed = [{**row, "tags": [], "predicted": {"a": 1, "c": 0}} for row in GRADED]
    both = [SavedResults.read(write(rows, name)) for name, rows in (("1", GRADED), ("2", renamed))]
    with pytest.raises(UserError, match="has levels of other labels than"):
        check_same_rows(*both)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([ROWS[0], {**ROWS[1], "text": "other"}], "row 2 has the text 'other', but 'two' in"),
        ([{**ROWS[0], "tags": ["a", "c"]}, ROWS[1]], "row 1 has the labels"),
        ([ROWS[0], ROWS[1], ROWS[1]], "received 3 rows, expected the 2 of"),
        (GRADED, "is of another kind of model"),
    ],
)
def test_other_rows_are_refused(write, rows, says):
    first = SavedResults.read(write())
    second = SavedResults.read(write(rows, "other", {"rows": len(rows)}))
    with pytest.raises(UserError, match=says):
        check_same_rows(first, second)
