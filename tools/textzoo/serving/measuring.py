"""What a server tells Prometheus of itself."""

from typing import Any

import prometheus_client

_POWERS = [2**n for n in range(10)]


class Metrics:
    """What /metrics tells, in a registry of its own.

    Attributes:
        registry: the metrics.
        batch_texts: by the model's name.
        batch_tokens: the same.
        waiting: the same.
        paths: the name of the model, if it is of one, and the path that is told, by the path of a
            request; what is not among them is told as `other`.
    """

    def __init__(self) -> None:
        self.registry = prometheus_client.CollectorRegistry()
        prometheus_client.ProcessCollector(registry=self.registry)
        self._seconds = prometheus_client.Histogram(
            "textzoo_request_seconds",
            "Time to answer a request",
            ["model", "path", "status"],
            registry=self.registry,
        )
        self.batch_texts = prometheus_client.Histogram(
            "textzoo_batch_texts",
            "Texts computed together",
            ["model"],
            buckets=_POWERS,
            registry=self.registry,
        )
        self.batch_tokens = prometheus_client.Histogram(
            "textzoo_batch_tokens",
            "Tokens of the texts computed together",
            ["model"],
            buckets=[64 * n for n in _POWERS],
            registry=self.registry,
        )
        self.waiting = prometheus_client.Gauge(
            "textzoo_waiting_texts",
            "Texts at work or waiting",
            ["model"],
            registry=self.registry,
        )
        self.paths: dict[str, tuple[str, str]] = {}

    def observe(self, scope: dict[str, Any], status: int, seconds: float) -> None:
        """Count an answer; unknown paths are counted together."""
        model, path = self.paths.get(scope["path"], ("", "other"))
        model = scope.get("state", {}).get("model", model)  # where the body names it
        self._seconds.labels(model, path, str(status)).observe(seconds)

    def text(self) -> bytes:
        """All of it, in the text format of Prometheus."""
        return prometheus_client.generate_latest(self.registry)
