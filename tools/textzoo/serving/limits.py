"""How much a server takes."""

from dataclasses import dataclass

MAX_HEAD = 1 << 14  # bytes of a request's head


@dataclass(frozen=True)
class Limits:
    """What a server takes.

    Attributes:
        body: bytes of a request.
        texts: texts of a request.
        characters: of a text.
        results: tags or texts that may be asked for, for each text.
        batch: a batch takes requests until it has so many texts.
        waiting: texts of a model at work or waiting, of all requests.
        seconds: until a head has to be there, then a body, then an answer; and until a client has
            to have taken that.
        connections: open at once.
    """

    body: int = 1 << 20
    texts: int = 256
    characters: int = 20_000
    results: int = 100
    batch: int = 32
    waiting: int = 2048
    seconds: float = 10.0
    connections: int = 1000
