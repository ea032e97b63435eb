"""A tokenizer with fewer pieces that splits some texts as it did.

Abdaoui et al. 2020, Load What You Need: Smaller Versions of Multilingual BERT.
"""

import json
from collections.abc import Iterable
from itertools import islice
from typing import Any

from tokenizers import Tokenizer, pre_tokenizers

from textzoo.text.subwords import given_up

_TEXTS_AT_ONCE = 5_000


class UsedPieces:
    """The ids of the pieces that a tokenizer is to keep, so that it splits texts as before.

    These are the special tokens, single characters of ASCII, and what `add` finds. Why the rest may
    go depends on the model: a path of Unigram stays the best one without its rivals, and the least
    score, by which it judges what it does not know, is kept; WordPiece takes the longest piece at
    each step, those of words that it gives up included; byte-pair encoding keeps whatever its
    pieces are merged from.

    Args:
        tokenizer: any whose model is WordPiece, Unigram or BPE.

    Attributes:
        ids: of the pieces to keep.

    Raises:
        ValueError: the model is of another kind.
    """

    def __init__(self, tokenizer: Tokenizer):
        self._tokenizer = tokenizer
        self._facts = json.loads(tokenizer.to_str())
        self._model = self._facts["model"]
        if self._model["type"] not in ("WordPiece", "Unigram", "BPE"):
            raise ValueError(
                f"has a model of kind {self._model['type']}, expected WordPiece, Unigram or BPE"
            )
        self._vocabulary: dict[str, int] = tokenizer.get_vocab()
        self._seen: set[str] = set()  # characters, and words that WordPiece gave up
        self.ids = {token["id"] for token in self._facts["added_tokens"]}
        if (unknown := self._model.get("unk_token")) in self._vocabulary:
            self.ids.add(self._vocabulary[unknown])
        alphabet = [chr(point) for point in range(128)]
        if self._model["type"] == "Unigram":
            scores = [score for _, score in self._model["vocab"]]
            self.ids.add(scores.index(min(scores)))
            if self._model["unk_id"] is not None:
                self.ids.add(self._model["unk_id"])
        if self._model["type"] == "BPE":
            alphabet += pre_tokenizers.ByteLevel.alphabet()
            alphabet += [f"<0x{byte:02X}>" for byte in range(256)]
        for character in alphabet:
            self._keep(character, f"##{character}", f"▁{character}")

    def _keep(self, *pieces: str) -> None:
        self.ids.update(self._vocabulary[piece] for piece in pieces if piece in self._vocabulary)

    def add(self, texts: Iterable[str]) -> int:
        """Keep the pieces of some texts, and their characters.

        Returns:
            How many texts there were.

        Raises:
            BadLine: the tokenizer fails at one.
        """
        texts, n = iter(texts), 0
        while some := list(islice(texts, _TEXTS_AT_ONCE)):
            n += len(some)
            if self._model["type"] == "BPE":  # at the start of a text, and behind a prefix
                some += [f" {text}" for text in some]
            with given_up():
                found = self._tokenizer.encode_batch_fast(some)
            for text, of_text in zip(some, found):
                self.ids.update(of_text.ids)
                if self._model["type"] == "WordPiece":
                    self._add_given_up(text, of_text.ids)
            characters = set().union(*some) - self._seen
            self._seen |= characters
            self._keep(*characters, *(f"##{c}" for c in characters), *(f"▁{c}" for c in characters))
        return n

    def _add_given_up(self, text: str, ids: list[int]) -> None:
        """Keep the first pieces of words that WordPiece has no last ones for.

        Without them a shorter piece might be taken, from which it finds its way to the end.
        """
        if self._vocabulary.get(self._model["unk_token"]) not in ids:
            return
        normalizer, splitter = self._tokenizer.normalizer, self._tokenizer.pre_tokenizer
        if normalizer:
            text = normalizer.normalize_str(text)
        words = [word for word, _ in splitter.pre_tokenize_str(text)] if splitter else [text]
        for word in words:
            if word in self._seen or len(word) > self._model["max_input_chars_per_word"]:
                continue
            self._seen.add(word)
            start, inside = 0, ""
            while start < len(word):
                ends = range(len(word), start, -1)
                pieces = (inside + word[start:end] for end in ends)
                piece = next((piece for piece in pieces if piece in self._vocabulary), None)
                if piece is None:
                    break
                self._keep(piece)
                start += len(piece) - len(inside)
                inside = self._model["continuing_subword_prefix"]

    def tokenizer(self) -> tuple[Tokenizer, list[int]]:
        """The tokenizer with these pieces alone, in their order.

        Returns:
            It, and the old id of each new one.
        """
        if self._model["type"] == "BPE":
            self._keep_what_is_merged()
        kept = sorted(self.ids)
        new = {old: i for i, old in enumerate(kept)}
        facts = {**self._facts, "model": self._pruned_model(new)}
        facts["added_tokens"] = [{**t, "id": new[t["id"]]} for t in facts["added_tokens"]]
        names = {token: new[i] for token, i in self._vocabulary.items() if i in new}
        facts["post_processor"] = _renumbered(facts["post_processor"], names)
        return Tokenizer.from_str(json.dumps(facts)), kept

    def _merges(self) -> list[tuple[str, str]]:
        """The pairs that are merged; older files have them as texts."""
        pairs = (m.split(" ", 1) if isinstance(m, str) else m for m in self._model["merges"])
        return [(first, second) for first, second in pairs]

    def _keep_what_is_merged(self) -> None:
        parts: dict[str, list[tuple[str, str]]] = {}
        for first, second in self._merges():
            joined = first + second.removeprefix(self._model["continuing_subword_prefix"] or "")
            parts.setdefault(joined, []).append((first, second))
        names = {i: token for token, i in self._vocabulary.items()}
        waiting = list(self.ids)
        while waiting:
            for pair in parts.get(names.get(waiting.pop(), ""), ()):
                for piece in pair:
                    if (i := self._vocabulary.get(piece)) is not None and i not in self.ids:
                        self.ids.add(i)
                        waiting.append(i)

    def _pruned_model(self, new: dict[int, int]) -> dict[str, Any]:
        model, vocabulary = dict(self._model), self._model["vocab"]
        if model["type"] == "Unigram":
            model["vocab"] = [piece for i, piece in enumerate(vocabulary) if i in new]
            if model["unk_id"] is not None:
                model["unk_id"] = new[model["unk_id"]]
            return model
        model["vocab"] = {piece: new[i] for piece, i in vocabulary.items() if i in new}
        if model["type"] == "BPE":
            prefix = model["continuing_subword_prefix"] or ""
            model["merges"] = [
                [first, second]
                for first, second in self._merges()
                if {first, second, first + second.removeprefix(prefix)} <= model["vocab"].keys()
            ]
        return model


def _renumbered(part: Any, ids: dict[str, int]) -> Any:
    """A post-processor with the new ids of its special tokens, wherever it keeps them."""
    if isinstance(part, dict):
        if {"ids", "tokens"} <= part.keys():  # of a template
            return {**part, "ids": [ids[token] for token in part["tokens"]]}
        return {key: _renumbered(value, ids) for key, value in part.items()}
    if isinstance(part, list):
        if len(part) == 2 and isinstance(part[0], str) and isinstance(part[1], int):
            return [part[0], ids[part[0]]]  # of BERT and RoBERTa
        return [_renumbered(value, ids) for value in part]
    return part
