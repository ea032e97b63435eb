"""Serve exported folders over HTTP until told to stop: serve.py."""

import argparse
import importlib.util
import logging
import os
import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from textzoo.called import program
from textzoo.commands.arguments import number_within
from textzoo.commands.cli import guarded
from textzoo.errors import UserError
from textzoo.logs import start_logging
from textzoo.serving.limits import Limits

log = logging.getLogger("textzoo")

TOKEN_VARIABLE = "TEXTZOO_TOKEN"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # of a model, in a path and in answers
_LONGEST_TOKEN = 4096  # of a head's 16384 bytes


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Exported models behind HTTP."""
    name = program("serve")
    parser = argparse.ArgumentParser(prog=name, description="Serve exported folders over HTTP.")
    parser.add_argument(
        "folders",
        type=Path,
        nargs="+",
        metavar="[NAME=]DIR",
        help="with names: several models, the paths of each below /models/NAME; several folders of "
        "one name, or without, of models that embed texts: their embeddings side by side, and the "
        "index of the first",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to bind to; default: %(default)s"
    )
    parser.add_argument(
        "--port",
        type=number_within(int, 0, 65_535),
        default=8000,
        metavar="N",
        help="0: any free one; default: %(default)s",
    )
    parser.add_argument("--engine", choices=("paddle", "onnx"), help="default: the first there is")
    parser.add_argument(
        "--trust-code", action="store_true", help="run the readers of their own that folders bring"
    )
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="its content is the bearer token that requests need; default: TEXTZOO_TOKEN, if set",
    )
    whole = number_within(int, 1)
    limits = {
        "body": (whole, 1 << 20, "bytes of a request"),
        "texts": (whole, 256, "texts of a request"),
        "characters": (whole, 20_000, "characters of a text"),
        "results": (whole, 100, "tags or texts to ask for, for each text"),
        "batch": (whole, 32, "texts from which on a batch takes no further request"),
        "waiting": (whole, 2048, "texts of a model at work or waiting, of all requests"),
        "seconds": (
            number_within(float, 0.001, 86_400),
            10.0,
            "until a request has to be there, and until an answer has to be ready",
        ),
        "connections": (whole, 1000, "open connections"),
    }
    for limit, (kind, default, text) in limits.items():
        parser.add_argument(
            f"--max-{limit}",
            dest=limit,
            type=kind,
            default=default,
            metavar="N",
            help=f"{text}; default: %(default)s",
        )
    parsed = vars(parser.parse_args(arguments))
    chosen = {limit: parsed.pop(limit) for limit in limits}

    return guarded(name, lambda: serve(**parsed, limits=Limits(**chosen)))


def serve(
    folders: list[Path],
    host: str,
    port: int,
    engine: Optional[str],
    trust_code: bool,
    token_file: Optional[Path],
    limits: Limits,
) -> None:
    """Serve until SIGTERM or SIGINT; then finish what is in flight.

    Args:
        folders: made by export.py, as they are or as NAME=DIR.
        host: the address to bind to.
        port: 0 for any free one.
        engine: `paddle` or `onnx`; default: the first of them that is there.
        token_file: a file with the bearer token; default: the variable `TEXTZOO_TOKEN`, if set.
        limits: what it takes.

    Raises:
        UserError: a folder, a name, the address, the token or a limit is not as it should be, or
            the extra `serve` is not installed.
    """
    import numpy  # noqa: F401 (of an environment that is not activated, it is missing too)

    start_logging()
    needed = ("fastapi", "prometheus_client", "uvicorn")
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"{', '.join(missing)} not installed: pip install 'textzoo[serve]'")
    from textzoo.serving.app import create_app
    from textzoo.serving.server import Server

    if limits.texts > limits.waiting:
        raise UserError(
            f"--max-waiting: received {limits.waiting}, expected at least --max-texts "
            f"({limits.texts})"
        )
    token = read_token(token_file)
    allow_files(limits.connections)
    app = create_app(named_folders(folders), limits, token, engine, trust_code)
    names = ", ".join(model.name for model in app.state.models)
    engines = ", ".join(dict.fromkeys(model.model.engine for model in app.state.models))
    with _bound(host, port) as listener:
        address = "[{}]:{}" if listener.family == socket.AF_INET6 else "{}:{}"
        place = address.format(*listener.getsockname()[:2])
        log.info("serving %s (%s) at http://%s", names, engines, place)
        if token is None and not host.startswith("127.") and host not in ("::1", "localhost"):
            log.warning("anyone who reaches %s may ask: no token is set", host)
        Server(app, limits).run(sockets=[listener])
    log.info("stopped")


def named_folders(given: Sequence[Path]) -> dict[str, list[Path]]:
    """Folders by the name that stands before each, as in NAME=DIR; without names by an empty one.

    Raises:
        UserError: a name cannot be part of a path, or only some have one.
    """
    found: dict[str, list[Path]] = {}
    for argument in given:
        name, sign, folder = str(argument).partition("=")
        if not sign or os.path.exists(argument):
            name, folder = "", argument
        elif not _NAME.fullmatch(name) or not folder:
            raise UserError(
                f"{argument}: expected NAME=DIR, the name of letters, digits, '.', '_' and '-'"
            )
        found.setdefault(name, []).append(Path(folder))
    if "" in found and len(found) > 1:
        raise UserError(f"{found[''][0]}: expected NAME=DIR, as for the others")
    return found


def read_token(file: Optional[Path]) -> Optional[str]:
    """The bearer token of a file or of the environment; None where there is neither.

    Raises:
        UserError: the file cannot be read, or a token has characters that no header carries.
    """
    token, source = os.environ.get(TOKEN_VARIABLE), TOKEN_VARIABLE
    if file is not None:
        source = f"--token-file: {file}"
        try:
            with file.open(encoding="utf-8") as stream:
                token = stream.read(_LONGEST_TOKEN + 2).strip()
        except (OSError, UnicodeDecodeError) as failure:
            raise UserError(f"{source}: cannot be read: {failure}") from None
    if token is None:
        return None
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise UserError(f"{source}: expected a token of ASCII letters, digits and signs")
    if len(token) > _LONGEST_TOKEN:
        raise UserError(f"{source}: expected a token of at most {_LONGEST_TOKEN} characters")
    return token


def allow_files(n_connections: int) -> None:
    """Raise how many files this process may have open, each connection being one."""
    if os.name != "posix":
        return
    import resource

    needed = 2 * n_connections + 64  # for a moment there are more connections than may stay
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < n_connections + 64:
        log.warning(
            "--max-connections: received %d, but this process may open %d files only",
            n_connections,
            allowed,
        )


def _bound(host: str, port: int) -> socket.socket:
    """A socket that is bound to an address."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # With the protocol named, asyncio turns off Nagle's algorithm: answers save 40 ms.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()  # so that requests may come before the server is up
    except (OSError, UnicodeError) as failure:  # UnicodeError: no name of a host has this form
        reason = getattr(failure, "strerror", None) or failure
        raise UserError(f"--host, --port: cannot serve at {host}:{port}: {reason}") from None
    return listener
