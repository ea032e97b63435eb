from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from textzoo.config.schema import Runner
from textzoo.errors import UserError
from textzoo.inference.choosing import chosen_threshold
from textzoo.inference.restoring import check_same_vocabulary
from textzoo.running.combined import AveragedRun
from textzoo.training.checkpoint import Checkpoint


def run_of(**outputs):
    return SimpleNamespace(model="model", infer_step=lambda feeds: outputs)


def checkpoint(words="1", threshold=None, weights="x"):
    digests = {"vocabulary/words.txt": words, "rec.pdparams": weights}
    facts = {"sha256": digests, "progress": {"threshold": threshold}}
    return Checkpoint(Path(f"run-{words}"), facts, {})


def test_scores_are_averaged():
    runs = [run_of(scores=np.array([[0.2, 0.4, 0.0]])), run_of(scores=np.array([[0.4, 0.0, 1.0]]))]
    np.testing.assert_allclose(AveragedRun(runs, 3).infer_step({})["scores"], [[0.3, 0.2, 0.5]])


def test_a_label_beyond_the_best_ones_counts_as_0():
    runs = [
        run_of(best_labels=np.array([[2, 0]]), best_scores=np.array([[0.8, 0.6]])),
        run_of(best_labels=np.array([[1, 2]]), best_scores=np.array([[0.4, 0.2]])),
    ]
    np.testing.assert_allclose(
        AveragedRun(runs, 4).infer_step({})["scores"], [[0.3, 0.2, 0.5, 0.0]]
    )


def test_thresholds_are_averaged():
    runner = Runner()
    two = [checkpoint(threshold=0.2), checkpoint(threshold=0.4)]
    assert chosen_threshold(runner, two, ["micro_f1"]) == pytest.approx(0.3)
    per_label = [checkpoint(threshold=[0.2, 0.8]), checkpoint(threshold=[0.4, 0.6])]
    asked = Runner(threshold="per_label")
    assert chosen_threshold(asked, per_label, ["micro_f1"]) == pytest.approx([0.3, 0.7])
    assert chosen_threshold(runner, [checkpoint()], ["micro_f1"]) == 0.5
    assert chosen_threshold(runner, two, ["precision@1"]) is None


def test_other_vocabularies_are_refused():
    same = [checkpoint(), checkpoint(weights="y")]
    check_same_vocabulary(same)
    with pytest.raises(UserError, match="run-2 has another vocabulary than run-1"):
        check_same_vocabulary([*same, checkpoint(words="2")])
