"""How much a server takes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a server takes.

    Attributes:
        body: bytes of a request.
        texts: texts of a request.
        characters: of a text.
        results: tags or texts that may be asked for, for each text.
        batch: a batch takes requests until it has so many texts.
        waiting: texts at work or waiting, of all requests.
        seconds: until an answer has to be ready, and until a body has to be there.
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
