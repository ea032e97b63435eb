"""Find settings by trials that validation rows judge: tune.py."""

import argparse
import dataclasses
import json
import logging
import re
import shlex
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from textzoo.called import command
from textzoo.commands.arguments import config_parser, number_within
from textzoo.commands.cli import OUT_OF_MEMORY, lacks_memory, run_with_config
from textzoo.errors import UserError

if TYPE_CHECKING:
    from textzoo.config.checking import Config
    from textzoo.config.model_folder import ModelFolder
    from textzoo.tuning.folder import StudyFolder
    from textzoo.tuning.study import Asked, Study, Trial

log = logging.getLogger("textzoo")

_N_TRIALS = 20
_TIME = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?")
_FAILURES = 3  # at the beginning: then it is not the settings that are wrong
# What a trial is trained for, but not what it is trained to.
_NO_MATTER = (
    *("cache_dir", "model_save_path", "use_visual", "use_fleet", "num_workers", "print_interval"),
    *("keep_checkpoints", "save_steps", "frozen_cache_gb", "processes", "resume", "top_k"),
    *("save_scores", "test_data_dir", "test_pair_file"),
)


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Find settings."""
    parser = config_parser(
        "tune",
        "Train with other settings, and keep those that are best on the validation rows. What is "
        "tried is in the block `search` of the config, or else the keys that matter most. The "
        "same command goes on where it was interrupted.",
    )
    parser.add_argument(
        "--trials",
        type=number_within(int, 1, 100_000),
        metavar="N",
        help=f"how many trials there are to be in all; default: {_N_TRIALS}, with --timeout as "
        "many as there is time for",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        metavar="TIME",
        help="how long all trials may take together, such as 45s, 30m or 1h30m",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder of the study; default: runner.model_save_path with _tune at its end",
    )
    return run_with_config(
        "tune",
        lambda parsed: tune(
            parsed.config, parsed.override, parsed.trials, parsed.timeout, parsed.output
        ),
        parser,
        arguments,
    )


def _seconds(text: str) -> int:
    found = _TIME.fullmatch(text)
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    if not (total := 3600 * hours + 60 * minutes + seconds):
        raise argparse.ArgumentTypeError(f"received {text[:40]}, expected such as 45s, 30m, 1h30m")
    return total


def tune(
    path: Path,
    overrides: list[str],
    n_trials: Optional[int] = None,
    seconds: Optional[int] = None,
    output: Optional[Path] = None,
) -> None:
    """Find settings for a config.

    Args:
        path: the config, which stays as it is.
        overrides: of all trials.
        n_trials: how many there are to be in all, those of before included; default: 20, or with
            `seconds` as many as there is time for.
        seconds: how long they may take together.
        output: the folder of the study.

    Raises:
        UserError: config, data, study or disk are not as they should be, or every trial failed.
    """
    from textzoo.config.dotted import flat
    from textzoo.config.loading import load_config
    from textzoo.data.dataset import Dataset
    from textzoo.running.building import check_run
    from textzoo.tuning.defaults import default_search
    from textzoo.tuning.folder import StudyFolder
    from textzoo.tuning.study import Study

    config, folder = load_config(path, overrides)
    check_run("dygraph", config, folder, trains=True)
    _check_runner(config)
    dataset = Dataset(config, folder)
    dataset.check("train")
    if "valid" in dataset.splits:
        dataset.check("valid")
    spaces = config.search or default_search(config)
    own = flat(config.resolved())
    metric = _metric(config, folder)
    runs = config.runner.model_save_path
    place = StudyFolder(output or runs.with_name(f"{runs.name}_tune"))
    n_trials = n_trials or (None if seconds else _N_TRIALS)
    with place.held(config.runner.print_seconds):
        facts = {
            "metric": metric,
            "search": {key: dataclasses.asdict(space) for key, space in spaces.items()},
            **_of_runs(config),
        }
        study = Study(place.database, spaces, own, metric, config.runner.seed, facts)
        search = _Search(path, overrides, config, study, place, metric)
        search.run(n_trials, seconds)


def _check_runner(config: "Config") -> None:
    """Refuse what gives no trials to compare.

    Raises:
        UserError: there are no validation rows, or several processes are to train.
    """
    runner = config.runner
    if runner.epochs and not (runner.valid_data or runner.valid_fraction):
        raise UserError(
            f"{config.path}: runner.valid_fraction: received 0 without runner.valid_data_dir, "
            "expected validation rows, which judge the trials (the test rows must not): -o "
            "runner.valid_fraction=0.1"
        )
    if runner.processes not in (1, "auto"):
        raise UserError(
            f"{config.path}: runner.processes: received {runner.processes}, expected 1: each trial "
            "is trained in one process: -o runner.processes=1"
        )


def _metric(config: "Config", folder: "ModelFolder") -> str:
    """The metric that chooses among trials, as it does among checkpoints."""
    from textzoo.config.loading import build_reader
    from textzoo.running.building import chosen_best_metric, smallest_model

    model = smallest_model(config, folder, build_reader(config, folder))
    return chosen_best_metric(config.runner, model)


def _of_runs(config: "Config") -> dict[str, Any]:
    """The settings and the data that all trials have in common."""
    from textzoo.files import kept_sha256
    from textzoo.text.lines import data_files

    settings, runner = config.resolved(), config.runner
    settings["runner"] = {
        key: value
        for key, value in settings["runner"].items()
        if key not in _NO_MATTER and not key.startswith("infer_")
    }
    data = {"train_data_dir": runner.train_data_dir, "valid_data_dir": runner.valid_data}
    digests = {
        key: [kept_sha256(file) for file in data_files(place, f"runner.{key}")]
        for key, place in data.items()
        if place
    }
    return {**settings, "sha256": digests}


class _Search:
    """The trials of a command.

    Args:
        path: the config.
        overrides: of all trials.
        config: as it is without a trial's settings.
        study: what was tried, and what to try next.
        place: its folder.
        metric: what is to be good.
    """

    def __init__(
        self,
        path: Path,
        overrides: list[str],
        config: "Config",
        study: "Study",
        place: "StudyFolder",
        metric: str,
    ):
        self._path, self._overrides, self._config = path, overrides, config
        self._study, self._place, self._metric = study, place, metric
        has_validation = config.runner.valid_data or config.runner.valid_fraction
        self._judges = "validation rows" if has_validation else "rows left out"

    def run(self, n_trials: Optional[int], seconds: Optional[int]) -> None:
        """Try until there are so many trials, or they have taken so long."""
        trials = self._study.trials
        self._keep()
        log.info(
            "%d keys are searched by %s of the %s%s; study: %s",
            *(len(self._study.keys), self._metric, self._judges),
            f", going on after {len(trials)} trials" if trials else "",
            self._place.database,
        )
        while not (n_trials and len(trials) >= n_trials):
            left = seconds and seconds - sum(trial.seconds for trial in trials)
            if left is not None and left <= 0:
                break
            if not self._try(left):
                log.info("time is up: the last trial is dropped")
                break
            trials = self._study.trials
            failed = [trial for trial in trials if trial.state == "failed"]
            if len(failed) == len(trials) >= _FAILURES:
                raise UserError(f"the first {len(trials)} trials failed: {trials[-1].note}")
        self._tell_end(trials)

    def _try(self, seconds: Optional[float]) -> bool:
        """Make a trial; whether there was time for it."""
        from textzoo.progress import Work
        from textzoo.tuning.apart import run_apart

        asked = self._study.ask()
        if earlier := self._study.repeated(asked):
            self._end(self._study.repeat(asked, earlier))
            return True
        started = time.monotonic()
        try:
            with Work(f"trial {asked.number}"):
                ended = run_apart(
                    train_trial, (self._path, self._overrides_of(asked)), asked.judge, seconds
                )
        except KeyboardInterrupt:
            self._keep()
            log.info(
                "trial %d was interrupted and is dropped: the same command goes on", asked.number
            )
            raise
        if not asked.number and ended.said:  # warnings: of the others they are the same
            print(ended.said, file=sys.stderr, end="")
        if ended.kind == "out of time":
            self._keep()
            return False
        if ended.kind == "mistaken" and not asked.number:  # it would be everyone's mistake
            raise UserError(ended.message)
        state, note = "complete", ended.message
        if ended.kind in ("failed", "mistaken"):
            state = "failed"
        elif ended.kind == "stopped":
            state = "pruned"
        elif not asked.values:
            state, note = "failed", "it made no evaluation: are there validation rows?"
        self._end(self._study.end(asked, state, time.monotonic() - started, note))
        return True

    def _overrides_of(self, asked: "Asked") -> list[str]:
        from textzoo.config.dotted import override

        settings = asked.settings if asked.number else {}
        folder = self._place.run_of(asked.number).absolute()
        own = {"runner.model_save_path": str(folder), "runner.resume": "none"}
        return [*self._overrides, *(override(*item) for item in {**settings, **own}.items())]

    def _keep(self) -> None:
        best = self._study.best
        self._place.keep(self._study.trials, best.number if best else -1, self._metric)

    def _end(self, trial: "Trial") -> None:
        best = self._study.best
        is_best = best is not None and best.number == trial.number
        if is_best:
            self._write_best(trial)
        self._keep()
        log.info("%s%s", self._line(trial), "  (best)" if is_best else "")

    def _line(self, trial: "Trial") -> str:
        words = [f"trial {trial.number}"]
        if trial.value is not None:
            words.append(f"{self._metric} {trial.value:.4f}")
        elif trial.state == "pruned":
            after = f" after {len(trial.values)} evaluations" if trial.values else ""
            last = f"{self._metric} {trial.values[-1]:.4f}, " if trial.values else ""
            words.append(f"{last}pruned{after}")
        else:
            words.append("failed")
        words.append(f"{trial.seconds:.0f} s")
        words.append(shown(trial.settings) if trial.number else "the config as it is")
        return "  ".join(words) + (f": {trial.note}" if trial.note else "")

    def _write_best(self, trial: "Trial") -> None:
        from textzoo.config.dotted import flat
        from textzoo.config.layers import read_overrides

        resolved = flat(self._config.resolved())
        given = {
            key: resolved.get(key, value)
            for key, value in flat(read_overrides(self._overrides)).items()
            if not key.startswith("search.") and key != "index.token"  # a file is not to keep it
        }
        first = self._study.trials[0]
        before = "" if first.value is None else f"; the config as it is: {first.value:.4f}"
        self._place.write_best(
            self._path,
            trial,
            {key: resolved.get(key) for key in trial.settings},
            given,
            [
                f"{self._metric} {trial.value:.4f} on the {self._judges}{before}.",
                f"Trial {trial.number} of the study {self._place.database.name}.",
            ],
        )

    def _tell_end(self, trials: list["Trial"]) -> None:
        from textzoo.files import from_here

        best = self._study.best
        states = [trial.state for trial in trials]
        counts = ", ".join(f"{states.count(of)} {of}" for of in dict.fromkeys(states))
        log.info("%d trials (%s)", len(trials), counts)
        if best is None:
            raise UserError(
                "no trial was completed: raise --timeout or --trials, and run the same command "
                "again"
            )
        own = trials[0].value
        before = "" if own is None else f"; the config as it is: {own:.4f}"
        log.info(
            "best: trial %d, %s %.4f on the %s%s",
            *(best.number, self._metric, best.value, self._judges),
            before if best.number else ", the config as it is: no other settings were better",
        )
        for key, value in best.settings.items() if best.number else ():
            if value != trials[0].settings[key]:
                log.info(
                    "  %s: %s, was %s", key, *map(json.dumps, (value, trials[0].settings[key]))
                )
        config = from_here(self._place.best_config)
        log.info("written: %s", config)
        log.info("next: %s -m %s", command("infer"), shlex.quote(str(config)))
        log.info("      %s %s", command("report"), shlex.quote(str(from_here(self._place.path))))


def shown(settings: dict[str, Any]) -> str:
    """Settings in a line, without the names of the block that most are in."""
    return " ".join(
        f"{key.removeprefix('hyper_parameters.')}={json.dumps(value, ensure_ascii=False)}"
        for key, value in settings.items()
    )


def train_trial(tell: Callable[[float], None], path: Path, overrides: list[str]) -> None:
    """Train a trial: what runs in a process of its own.

    Raises:
        UserError: settings, data or disk are not as they should be.
        MemoryError: there is too little.
    """
    from tqdm import tqdm

    from textzoo.commands.train import train
    from textzoo.devices import import_paddle
    from textzoo.logs import log_restored

    import_paddle()
    tqdm.set_lock(threading.RLock())  # its own would outlive a process that is killed
    try:
        with log_restored(verbose=False):
            train(path, overrides, "dygraph", tell)
    except OSError as failure:
        raise UserError(f"{failure.filename}: {failure.strerror}") from None
    except (MemoryError, RuntimeError) as failure:
        if not lacks_memory(failure):
            raise
        raise MemoryError(OUT_OF_MEMORY) from None
