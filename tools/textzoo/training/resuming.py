"""The checkpoint that a run starts from."""

from typing import Optional

from textzoo.config.checking import Config, differences
from textzoo.config.schema import Runner
from textzoo.errors import UserError
from textzoo.training.checkpoint import Checkpoint, load_checkpoint, newest_checkpoint

# A run can only be gone on with if these are as they were.
_FIXED = (
    *("train_batch_size", "length_pool", "accumulate_steps"),
    *("max_grad_norm", "seed", "valid_fraction"),
)


def _starting_point(runner: Runner) -> tuple[Optional[Checkpoint], bool]:
    """The checkpoint to start from, and whether to resume it or only to take its weights."""
    if runner.resume == "auto":
        if newest := newest_checkpoint(runner.model_save_path):
            return newest, True
    elif runner.resume != "none":
        return load_checkpoint(runner.resume), True
    return (load_checkpoint(runner.model_init_path) if runner.model_init_path else None), False


def _check_resumable(config: Config, start: Checkpoint) -> None:
    ours, theirs = config.resolved(), start.facts["config"]
    for resolved in (ours, theirs):
        resolved.pop("index", None)
        resolved["runner"] = {key: resolved["runner"].get(key) for key in _FIXED}
    changed = differences(ours, theirs)
    if changed:
        raise UserError(
            f"runner.resume: {start.path} was trained with other settings:\n  "
            + "\n  ".join(changed)
            + "\nStart over with -o runner.resume=none (this removes the earlier run's "
            "checkpoints), or choose another folder with -o runner.model_save_path=PATH"
        )
