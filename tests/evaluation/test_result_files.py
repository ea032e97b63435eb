import json

import pytest

from textzoo.errors import UserError
from textzoo.evaluation.result_files import PREDICTIONS, explained, write_results
from textzoo.metrics.label_table import LabelTable


class Measured:
    def result(self):
        return {"accuracy": 0.5, "rows": 2}

    def report(self):
        return LabelTable({"a": {"f1": 0.5}}, {"macro": {"f1": 0.5}})


class Matrix:
    def save(self, path):
        path.write_bytes(b"scores")


def evaluator(run, names, threshold, file, scores, calibration):
    assert (run, names, threshold) == ("a run", ["accuracy"], 0.3)
    file.write('{"text": "零"}\n')
    return Measured()


def test_every_file_is_written_and_the_metrics_are_returned(tmp_path):
    found = write_results(tmp_path, "a run", evaluator, ["accuracy"], 0.3, Matrix())
    assert found == {"accuracy": 0.5, "rows": 2}
    assert (tmp_path / PREDICTIONS).read_bytes() == '{"text": "零"}\n'.encode()
    report = json.loads((tmp_path / "label_report.json").read_text(encoding="utf-8"))
    assert report["labels"] == {"a": {"f1": 0.5}}
    assert {path.name for path in tmp_path.iterdir()} == {
        *(PREDICTIONS, "scores.npz"),
        *(f"label_report.{suffix}" for suffix in ("txt", "json", "csv")),
    }


def test_an_evaluation_that_fails_leaves_the_earlier_predictions(tmp_path):
    def failing(run, names, threshold, file, scores, calibration):
        file.write("half a line")
        raise FloatingPointError("a score is not finite")

    write_results(tmp_path, "a run", evaluator, ["accuracy"], 0.3)
    with pytest.raises(FloatingPointError):
        write_results(tmp_path, "a run", failing, ["accuracy"], 0.3)
    assert (tmp_path / PREDICTIONS).read_bytes() == '{"text": "零"}\n'.encode()
    assert not [path for path in tmp_path.iterdir() if "tmp" in path.name]


def test_a_file_that_cannot_be_written_is_named_with_the_key_that_chose_it(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"runner\.infer_output_dir: cannot write .*file"):
        write_results(tmp_path / "file" / "x", "a run", evaluator, ["accuracy"], 0.3)
    with pytest.raises(UserError, match="No space left on device"), explained():
        raise OSError(28, "No space left on device", "scores.npz")
