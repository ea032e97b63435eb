"""The names of metrics, by what a model gives for a text."""

from textzoo.config.schema import Runner
from textzoo.metrics import propensity, thresholds
from textzoo.metrics.ranking import RankingMetrics
from textzoo.metrics.thresholds import _PREDICTABLE


def check_metric_names(names: list[str]) -> None:
    """Refuse unknown names of metrics.

    Raises:
        UserError: naming the first unknown one, and all that there are.
    """
    others = (propensity.NAME, thresholds.NAME)
    RankingMetrics([n for n in names if not any(kind.fullmatch(n) for kind in others)])


def labels_needed(names: list[str], runner: Runner) -> int:
    """How many of a row's best labels these metrics and the outputs of a run look at."""
    needed = [runner.top_k, runner.save_scores]
    for name in names:
        if thresholds.NAME.fullmatch(name):
            needed.append(_PREDICTABLE)
        elif name in ("mrr", "pairwise_accuracy"):
            needed.append(2**31 - 1)  # all
        elif "@" in name:
            needed.append(int(name.partition("@")[2]))
    return max(needed)
