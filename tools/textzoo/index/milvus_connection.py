"""Talking to Milvus: connecting, repeating calls, and failures in words."""

import importlib.util
import logging
import os
from time import sleep
from typing import Any, Optional

from textzoo.config.schema import IndexSettings
from textzoo.errors import UserError

log = logging.getLogger("textzoo")

TOKEN = "TEXTZOO_MILVUS_TOKEN"
LOAD_SECONDS = 3600  # until writing, indexing or loading a collection fails
_CONNECT_SECONDS, _CALL_SECONDS = 10, 30
_CONNECTION_LOST = 2  # pymilvus: no connection; Milvus: a part of it is unavailable
_PAUSES = (1, 2, 4, 8, 16)  # seconds before a call that failed is repeated


class Connection:
    """A client of Milvus, whose calls are repeated while the server is away or busy.

    Args:
        settings: with every name and path.

    Raises:
        UserError: pymilvus is missing, the server does not answer in time, or refuses the token.
    """

    def __init__(self, settings: IndexSettings):
        for package in ["pymilvus", *([] if settings.uri else ["milvus_lite"])]:
            if importlib.util.find_spec(package) is None:
                raise UserError(
                    f"index.backend: milvus needs {package}: pip install 'textzoo[milvus]'"
                    + (" (Milvus Lite: Python 3.10 or later)" if package == "milvus_lite" else "")
                )
        import grpc
        import pymilvus

        # What they log with tracebacks is raised too, and explained below.
        for name in ("pymilvus", "milvus_lite"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self._settings = settings
        self._failures = (pymilvus.MilvusException, grpc.RpcError)
        self._transient = {
            *(grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED),
            *(grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.ABORTED),
            *(_CONNECTION_LOST, pymilvus.exceptions.ErrorCode.RATE_LIMIT),
        }
        token = settings.token.get_secret_value() if settings.token else os.environ.get(TOKEN, "")
        try:
            if not settings.uri:
                settings.lite_path.parent.mkdir(parents=True, exist_ok=True)
            uri = settings.uri or str(settings.lite_path)
            # Milvus Lite hangs up on who asks every 10 seconds whether it is still there.
            options: dict[str, Any] = {}
            if not settings.uri:
                options["grpc_options"] = {"grpc.keepalive_time_ms": 600_000}
            self.client = pymilvus.MilvusClient(
                uri, token=token, timeout=_CONNECT_SECONDS, **options
            )
        except OSError as failure:
            raise UserError(
                f"index.path: cannot write {failure.filename}: {failure.strerror}"
            ) from None
        except self._failures as failure:
            raise self._explained(failure) from None

    def __call__(self, method: str, *args: Any, timeout: int = _CALL_SECONDS, **kwargs: Any) -> Any:
        """Call a method of the client.

        Raises:
            UserError: it failed, more than once if another time might have helped.
        """
        for pause in (*_PAUSES, None):
            try:
                return getattr(self.client, method)(*args, timeout=timeout, **kwargs)
            except self._failures as failure:
                if pause is None or not self._is_transient(method, failure):
                    raise self._explained(failure) from None
                log.warning("milvus: %s: %s; again in %d s", method, _reason(failure), pause)
                sleep(pause)

    def if_there(self, method: str, *args: Any) -> None:
        """Call a method that Milvus Lite lacks and does not need."""
        import grpc

        try:
            getattr(self.client, method)(*args, timeout=LOAD_SECONDS)
        except self._failures as failure:
            if _code(failure) != grpc.StatusCode.UNIMPLEMENTED:
                raise self._explained(failure) from None

    def close(self) -> None:
        """Hang up; of Milvus Lite, have all files written and let other processes open them."""
        self.client.close()
        if not self._settings.uri:
            from milvus_lite.server_manager import server_manager_instance

            server_manager_instance.release_server(str(self._settings.lite_path))

    def _is_transient(self, method: str, failure: Exception) -> bool:
        if method == "load_collection" and not self._settings.uri:
            return True  # Milvus Lite may still be writing what it reads ("No data left in file")
        return _code(failure) in self._transient or getattr(failure, "retriable", False)

    def _explained(self, failure: Exception) -> UserError:
        settings, reason = self._settings, _reason(failure)
        if not settings.uri and "Open local milvus failed" in reason:
            return UserError(
                f"index.path: Milvus Lite cannot open {settings.lite_path}: it is damaged, or "
                "in use: one process at a time may open it, a server (index.uri) is open to many"
            )
        if not hasattr(self, "client"):
            reason += (
                f"; is the server there, and the token of the variable {TOKEN} (user:password, or "
                "an API key) the right one?"
            )
        return UserError(f"index.uri: {settings.uri or settings.lite_path}: {reason}")


def _told(failure: Exception) -> tuple[object, Optional[str]]:
    """The status code of gRPC, or the number of Milvus, and the message of a failure."""
    import grpc
    import pymilvus

    if isinstance(failure, grpc.Call):  # which all that gRPC raises is
        return failure.code(), failure.details()
    if isinstance(failure, pymilvus.MilvusException):
        return failure.code, failure.message
    return None, None


def _code(failure: Exception) -> object:
    return _told(failure)[0]


def _reason(failure: Exception) -> str:
    return " ".join(str(_told(failure)[1] or failure).split())
