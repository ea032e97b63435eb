"""Train word vectors on a config's own texts: python tools/word_vectors.py -m config.yaml."""

import sys

from textzoo.commands.cli import start

if __name__ == "__main__":
    sys.exit(start("word_vectors"))
