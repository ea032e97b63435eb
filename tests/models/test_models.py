"""The harness: every model of the zoo passes every test of this file.

All runs are the commands, on a small part of the model's own sample data. Fixtures of module scope
hold the runs that several tests look at.
"""

import random
import shutil
import signal
from pathlib import Path

import pytest
from harness.running import run_command
from harness.workspace import (
    MODELS,
    ROOT,
    Model,
    Result,
    Saved,
    Workspace,
    assert_same_checkpoint,
    checkpoints,
    first_is_gold,
    infer_metrics,
    metric_lines,
    model_folders,
    predictions,
    to_four_digits,
)

# A schedule, evaluations and checkpoints within epochs: what a resumed run has to go on with.
BUSY = (
    "runner.save_steps=10",
    "runner.eval_steps=15",
    "runner.keep_checkpoints=0",
    "hyper_parameters.optimizer.schedule=cosine",
    "hyper_parameters.optimizer.warmup=0.1",
)
ACCUMULATING = (*BUSY, "runner.accumulate_steps=2", "runner.train_batch_size=4")


@pytest.fixture(scope="module", params=model_folders())
def model(request) -> Model:
    assert request.param in MODELS, f"tests/harness.py: no entry for models/{request.param}"
    return MODELS[request.param]


@pytest.fixture(scope="module")
def workspace(model, tmp_path_factory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp(model.name), model)


@pytest.fixture(scope="module")
def dygraph(workspace) -> Path:
    """An undisturbed run in dynamic graph, started from the repository's root."""
    config = workspace.model.config.relative_to(ROOT)
    workspace.run("trainer", "dygraph", *BUSY, config=config, cwd=ROOT)
    return workspace.output("dygraph")


@pytest.fixture(scope="module")
def static(workspace) -> Path:
    """The same run in static graph, started from the model's folder."""
    config = Path(workspace.model.config.name)
    workspace.run("static_trainer", "static", *BUSY, config=config, cwd=workspace.model.folder)
    return workspace.output("static")


@pytest.fixture(scope="module")
def accumulated(workspace) -> Path:
    """An undisturbed run whose updates are made from two batches each."""
    workspace.run("trainer", "accumulated", *ACCUMULATING)
    return workspace.output("accumulated")


@pytest.fixture(scope="module")
def inferred(workspace, dygraph) -> Result:
    """infer.py on the dynamic graph's last checkpoint; its last batch is not full."""
    config = workspace.model.config.relative_to(ROOT)
    return workspace.run("infer", "dygraph", "runner.infer_checkpoint=last", config=config)


@pytest.fixture(scope="module")
def static_inferred(workspace, dygraph) -> Result:
    """static_infer.py on the same checkpoint, from the model's folder."""
    return workspace.run(
        "static_infer",
        "dygraph",
        "runner.infer_checkpoint=last",
        f"runner.infer_output_dir={workspace.output('static_infer')}",
        config=Path(workspace.model.config.name),
        cwd=workspace.model.folder,
    )


def test_training_logs_every_step_and_saves_every_checkpoint(dygraph):
    steps = [line["step"] for line in metric_lines(dygraph, "train")]
    assert steps == list(range(1, len(steps) + 1))
    n_steps = len(steps)
    saved = {f"step_{step}" for step in range(10, n_steps, 10) if step != n_steps // 2}
    assert checkpoints(dygraph) == saved | {"0", "1", "best"}
    assert [Saved(dygraph / name).step for name in "01"] == [n_steps // 2, n_steps]


def test_validation_sees_the_held_out_rows_at_the_steps_asked_for(model, dygraph):
    lines = metric_lines(dygraph, "evaluation")
    last = metric_lines(dygraph, "train")[-1]["step"]
    assert [line["step"] for line in lines] == [*range(15, last, 15), last]
    assert {line["rows"] for line in lines} == {round(0.1 * model.train_rows)}


def test_training_learns_something(dygraph):
    losses = [line["loss"] for line in metric_lines(dygraph, "train")]
    tenth = len(losses) // 10
    assert sum(losses[-tenth:]) < sum(losses[:tenth])


def test_infer_prints_what_it_writes_to_infer_metrics_json(dygraph, inferred):
    written = infer_metrics(dygraph / "infer")
    (exact,) = written["checkpoints"].values()
    assert exact.items() <= written.items()
    assert list(written["checkpoints"]) == [written["checkpoint"]]
    assert inferred.metrics == to_four_digits(exact)


def test_every_test_row_has_a_prediction_in_the_files_order(workspace, dygraph, inferred):
    rows, lines = predictions(dygraph / "infer"), workspace.test_lines()
    assert len(rows) == len(lines) == inferred.metrics["rows"]
    assert all(row["text"] in line for row, line in zip(rows, lines))
    assert all(tag in line for row, line in zip(rows, lines) for tag in row["tags"])


def test_predictions_name_the_best_tags_best_first(dygraph, inferred):
    for row in predictions(dygraph / "infer"):
        names = [best["tag"] for best in row["top"]]
        scores = [best["score"] for best in row["top"]]
        assert len(names) == len(set(names)) == 5
        assert scores == sorted(scores, reverse=True)


def test_printed_accuracy_is_that_of_the_predictions(model, dygraph, inferred):
    expected = first_is_gold(predictions(dygraph / "infer"))
    exact = infer_metrics(dygraph / "infer")[model.first_is_gold]
    assert exact == pytest.approx(expected, abs=1e-12)


def apart(metrics):
    """The metrics but for the error of probabilities, which hangs on the last bit of scores."""
    error = metrics.get("expected_calibration_error", 0)
    return {**metrics, "expected_calibration_error": round(error, 5)}


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_predictions_do_not_depend_on_the_batch_size(workspace, dygraph, inferred, batch_size):
    here = workspace.output(f"batches_of_{batch_size}")
    result = workspace.run(
        "infer",
        "dygraph",
        "runner.infer_checkpoint=last",
        f"runner.infer_batch_size={batch_size}",
        f"runner.infer_output_dir={here}",
    )
    ours, theirs = apart(result.metrics), apart(inferred.metrics)
    assert ours == pytest.approx(theirs, abs=1.1e-4)  # the sums' order differs
    assert_same_predictions(here, dygraph / "infer")


def test_both_graphs_have_the_same_losses_and_weights(dygraph, static):
    ours, theirs = metric_lines(dygraph), metric_lines(static)
    assert len(ours) >= 50
    assert ours == theirs
    for name in checkpoints(dygraph):
        assert_same_checkpoint(dygraph / name, static / name)


def test_static_graph_infers_a_checkpoint_of_dynamic_graph(
    workspace, dygraph, inferred, static_inferred
):
    assert apart(static_inferred.metrics) == apart(inferred.metrics)
    assert_same_predictions(workspace.output("static_infer"), dygraph / "infer")


def test_dynamic_graph_infers_a_checkpoint_of_static_graph(workspace, static, static_inferred):
    result = workspace.run("infer", "static", "runner.infer_checkpoint=last")
    assert apart(result.metrics) == apart(static_inferred.metrics)


@pytest.mark.parametrize(
    ("first", "then", "number"),
    [
        ("trainer", "static_trainer", signal.SIGINT),
        ("static_trainer", "trainer", signal.SIGTERM),
    ],
)
def test_the_other_graph_goes_on_with_an_interrupted_run(workspace, dygraph, first, then, number):
    name = f"from_{first}"
    interrupt(workspace, first, name, *BUSY, number=number)
    workspace.run(then, name, *BUSY)
    assert_same_run(workspace.output(name), dygraph)


@pytest.mark.parametrize("command", ["trainer", "static_trainer"])
def test_accumulating_batches_gives_the_same_after_an_interruption(workspace, accumulated, command):
    name = f"accumulating_{command}"
    interrupt(workspace, command, name, *ACCUMULATING, number=signal.SIGINT)
    workspace.run(command, name, *ACCUMULATING)
    assert_same_run(workspace.output(name), accumulated)


@pytest.mark.slow
def test_a_run_killed_at_any_moment_ends_as_one_never_killed(workspace, tmp_path):
    """12 kills: 7 at random steps, 2 while Python starts, 3 in the middle of a checkpoint."""
    settings = (
        *BUSY,
        "runner.epochs=8",
        "runner.print_interval=3",  # a resumed run starts between two reports
        "runner.save_steps=10",
        "runner.eval_steps=40",
        "runner.keep_checkpoints=3",
        f"runner.cache_dir={tmp_path}/cache",
    )
    workspace.run("trainer", "undisturbed", *settings)
    undisturbed, killed = workspace.output("undisturbed"), workspace.output("killed")

    chance = random.Random(2026)
    kinds = chance.sample(["step"] * 7 + ["start"] * 2 + ["checkpoint"] * 3, 12)
    last = 0.9 * Saved(undisturbed / "7").step  # what is left is for the last life
    half_written = 0
    for kind, step in zip(kinds, sorted(chance.uniform(0, last) for _ in kinds)):
        with workspace.start("trainer", "killed", *settings) as started:
            if kind == "start":
                started.wait_for_seconds(chance.uniform(0, 1))
            else:
                started.wait_for_step(int(step))
            if kind == "checkpoint":
                started.wait_until(lambda run=started: bool(run.half_written))
            assert started.stop(signal.SIGKILL).status == -signal.SIGKILL
            half_written += bool(started.half_written)
    assert half_written, "no kill came in the middle of a checkpoint"

    workspace.run("trainer", "killed", *settings)
    assert_same_run(killed, undisturbed)
    assert sorted(path.name for path in killed.iterdir()) == sorted(
        path.name for path in undisturbed.iterdir()
    )


def test_a_copy_of_the_folder_works_outside_the_repository(workspace, dygraph, inferred, tmp_path):
    """Same data, same config, another place: to the last bit the same run."""
    own = tmp_path / "own model"
    shutil.copytree(
        workspace.model.folder,
        own,
        ignore=shutil.ignore_patterns("data", "output*", ".textzoo_cache", "__pycache__"),
    )
    shutil.copytree(workspace.train_data.parent, own / "data")
    data = (f"runner.train_data_dir={own}/data/train", f"runner.test_data_dir={own}/data/test")
    places = (*data, f"runner.cache_dir={own}/cache", f"runner.model_save_path={own}/output")
    for command, more in (("trainer", BUSY), ("infer", ("runner.infer_checkpoint=last",))):
        config = Path("config.yaml")
        result = workspace.run(command, "own", *places, *more, config=config, cwd=own)
    assert_same_run(own / "output", dygraph)
    assert result.metrics == inferred.metrics


def test_the_config_of_the_sample_is_right_as_it_is(model, tmp_path):
    """The command that the config's first lines show, writing elsewhere."""
    places = (f"runner.model_save_path={tmp_path}/output", f"runner.cache_dir={tmp_path}/cache")
    for command in ("trainer", "static_infer"):
        result = run_command(command, "-m", model.config, "-o", *places, "runner.epochs=1")
    assert 0 <= result.metrics[model.first_is_gold] <= 1


def test_a_malformed_line_is_refused_by_file_and_line(workspace, dygraph, tmp_path):
    file = tmp_path / "own.tsv"
    file.write_text(
        f"{workspace.train_lines()[0]}\n{workspace.model.malformed}\n", encoding="utf-8"
    )
    before = (dygraph / "1" / "checkpoint.json").read_bytes()
    for command in ("trainer", "infer"):
        data = (f"runner.train_data_dir={file}", f"runner.test_data_dir={file}")
        result = workspace.run(command, "dygraph", *BUSY, *data, expect=2)
        assert all(words in result.stderr for words in (f"{file}:2: ", *workspace.model.complaint))
    assert (dygraph / "1" / "checkpoint.json").read_bytes() == before


def test_malformed_lines_are_skipped_and_counted_when_asked_for(workspace, tmp_path):
    lines = workspace.train_lines()
    for place in (5, 50, 100):
        lines.insert(place, workspace.model.malformed)
    file = tmp_path / "own.tsv"
    file.write_text("\n".join(lines), encoding="utf-8")
    skip = (f"runner.train_data_dir={file}", "runner.bad_lines=skip", "runner.epochs=1")
    result = workspace.run("trainer", "skipping", *skip)
    assert f"{file}: 3 malformed line(s) skipped" in result.stdout
    n_steps = -(-(workspace.model.train_rows * 9 // 10) // 8)
    assert metric_lines(workspace.output("skipping"), "train")[-1]["step"] == n_steps


def interrupt(
    workspace: Workspace, command: str, output: str, *overrides: str, number: signal.Signals
) -> None:
    """Start a run and stop it in its first epoch, between two of its checkpoints."""
    with workspace.start(command, output, *overrides) as started:
        started.wait_for_step(13)
        result = started.stop(number)
    assert result.status == 128 + number, str(result)
    assert "Traceback" not in result.stderr
    newest = max(Saved(path).step for path in workspace.output(output).glob("[0-9s]*"))
    assert 13 <= newest == metric_lines(workspace.output(output))[-1]["step"]


def assert_same_run(ours: Path, theirs: Path) -> None:
    """Check that two runs reported the same and left the same checkpoints.

    A checkpoint that an interruption saved may come on top.
    """
    assert metric_lines(ours) == metric_lines(theirs)
    assert checkpoints(theirs) <= checkpoints(ours)
    for name in checkpoints(theirs):
        assert_same_checkpoint(ours / name, theirs / name)


def assert_same_predictions(ours: Path, theirs: Path) -> None:
    """Check that texts and tags are equal, and scores to what a batch's shape may round.

    Cosines are rounded to steps of 2^-17. What is not among the best scores at most as much as the
    last of them: of two that are alike either may be.
    """
    for our, their in zip(predictions(ours), predictions(theirs), strict=True):
        assert (our["text"], our["tags"]) == (their["text"], their["tags"])
        both = [{best["tag"]: best["score"] for best in row["top"]} for row in (our, their)]
        scores = [
            {tag: own.get(tag, min(own.values())) for tag in {**both[0], **both[1]}} for own in both
        ]
        assert scores[0] == pytest.approx(scores[1], abs=1e-5)
