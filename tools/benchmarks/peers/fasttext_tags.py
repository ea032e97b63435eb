"""Training of fastText, for benchmark.py: facts in, figures out as JSON."""

import json
import sys
import tempfile
import time
from pathlib import Path

import fasttext


def main() -> None:
    """Train on words with a tag; print the seconds and the accuracy on others."""
    facts = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        files = {part: Path(folder) / part for part in ("train", "test")}
        for part, path in files.items():
            with path.open("w", encoding="utf-8") as file:
                for tag, words in facts[part]:
                    file.write(f"__label__{tag.replace(' ', '_')} {' '.join(words)}\n")
        started = time.perf_counter()
        model = fasttext.train_supervised(
            str(files["train"]), epoch=facts["epochs"], thread=facts["threads"], verbose=0
        )
        seconds = time.perf_counter() - started
        _, accuracy, _ = model.test(str(files["test"]))
    print(json.dumps({"seconds": seconds, "accuracy": accuracy}))


if __name__ == "__main__":
    main()
