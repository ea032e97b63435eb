"""Hard negatives from a trained model: texts that it takes for near and that do not mean the same.

Xiong et al. 2021, Approximate Nearest Neighbor Negative Contrastive Learning (ANCE), section 3. The
rules that leave out what may mean the same are those of sentence-transformers'
`mine_hard_negatives`; margins relative to the positive: Moreira et al. 2024, NV-Retriever.
"""

from collections import Counter
from collections.abc import Callable
from typing import Optional

import numpy as np

from textzoo.config.schema import IndexSettings
from textzoo.index.centering import center_of, centred
from textzoo.index.text_index import TextIndex
from textzoo.progress import Work
from textzoo.text.reader import Embed, Side

_CHUNK = 4096  # queries that are searched at once

# The rules that leave a candidate out by its cosine and the title's, in the order in which they are
# looked at, each by the name of its key.
_RULES: dict[str, Callable[[float, float, float], bool]] = {
    "mine_max_score": lambda score, positive, limit: score > limit,
    "mine_min_score": lambda score, positive, limit: score < limit,
    "mine_margin": lambda score, positive, margin: score > positive - margin,
    "mine_relative_margin": lambda score, positive, margin: score > positive * (1 - margin),
}
KNOWN = "known to mean the same"
TEACHER = "nearer than the title to the teacher"
LEFT = "left to choose from"
TAKEN = "taken"


class HardNegatives:
    """Finds negatives for pairs of texts.

    Args:
        embed: the model.
        index: the corpus.
        settings: the ranks that are looked at, the rules, and how many to take of what they leave.
        seed: of random choices.
        teacher: another model, which has to find a negative no nearer than the title, too; its
            vector of every text that it is asked for is kept in memory.

    Attributes:
        counts: how many candidates each rule left out, the first one that did; how many were left,
            and taken.
    """

    def __init__(
        self,
        embed: Embed,
        index: TextIndex,
        settings: IndexSettings,
        seed: int = 0,
        teacher: Optional[Embed] = None,
    ):
        self._embed, self._index, self._settings = embed, index, settings
        self._teacher = teacher
        self._of_teacher: dict[Side, dict[str, np.ndarray]] = {"query": {}, "title": {}}
        self._random = np.random.default_rng(seed)
        limits = {name: getattr(settings, name) for name in _RULES}
        self._limits = {name: limit for name, limit in limits.items() if limit is not None}
        reasons = [KNOWN, *self._limits, *[TEACHER] * bool(teacher), LEFT, TAKEN]
        self.counts = Counter(dict.fromkeys(reasons, 0))

    def of_pairs(self, pairs: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
        """Each pair followed by its negatives, nearest first; those of all pairs are known.

        Args:
            pairs: queries and titles, and the negatives that they have, which stay and count; a
                text that any of them pairs with a query is none of its negatives.
        """
        known: dict[str, set[str]] = {}
        for query, title, *_ in pairs:
            known.setdefault(query, {query}).add(title)
            known.setdefault(title, {title}).add(query)
        rows = []
        for chunk in Work("negatives", len(pairs), "pairs").over(pairs, _CHUNK):
            candidates = self._candidates(chunk, known)
            if self._teacher:
                candidates = self._agreed(self._teacher, chunk, candidates)
            rows += [(*pair, *self._chosen(pair, own)) for pair, own in zip(chunk, candidates)]
        return rows

    def _candidates(
        self, pairs: list[tuple[str, ...]], known: dict[str, set[str]]
    ) -> list[list[str]]:
        """For each pair the texts of the ranks asked for that no rule leaves out."""
        queries = self._embed([query for query, *_ in pairs], "query")
        titles = self._embed([title for _, title, *_ in pairs], "title")
        center = center_of(self._index.made_from)
        compared = (centred(embeddings, center) for embeddings in (queries, titles))
        positives = np.einsum("nd,nd->n", *compared).tolist()
        found = self._index.nearest(queries, self._settings.mine_to)
        kept = []
        for (query, _, *own), hits, positive in zip(pairs, found, positives):
            distinct = list({hit.text: hit for hit in hits}.values())  # one may have several ids
            hits = [hit for hit in distinct[self._settings.mine_from - 1 :] if hit.text not in own]
            reasons = [
                KNOWN if hit.text in known[query] else self._reason(hit.score, positive)
                for hit in hits
            ]
            self.counts.update(filter(None, reasons))
            kept.append([hit.text for hit, reason in zip(hits, reasons) if reason is None])
        return kept

    def _reason(self, score: float, positive: float) -> Optional[str]:
        """The rule that leaves a text out, if there is one, by its cosine and the title's."""
        for name, limit in self._limits.items():
            if _RULES[name](score, positive, limit):
                return name
        return None

    def _agreed(
        self, teacher: Embed, pairs: list[tuple[str, ...]], candidates: list[list[str]]
    ) -> list[list[str]]:
        """The candidates that the teacher finds no nearer to their query than the title."""
        rows = [(*pair[:2], *texts) for pair, texts in zip(pairs, candidates)]
        of_queries, of_titles = self._of_teacher["query"], self._of_teacher["title"]
        self._ask(teacher, "query", [query for query, *_ in rows])
        self._ask(teacher, "title", [text for _, *texts in rows for text in texts])
        agreed = []
        for query, title, *texts in rows:
            vector = of_queries[query]
            positive = vector @ of_titles[title]
            agreed.append([text for text in texts if vector @ of_titles[text] <= positive])
            self.counts[TEACHER] += len(texts) - len(agreed[-1])
        return agreed

    def _ask(self, teacher: Embed, side: Side, texts: list[str]) -> None:
        """Keep the teacher's vectors of texts; each is embedded once."""
        known = self._of_teacher[side]
        new = list(dict.fromkeys(text for text in texts if text not in known))
        if new:
            known.update(zip(new, teacher(new, side)))

    def _chosen(self, pair: tuple[str, ...], candidates: list[str]) -> list[str]:
        """As many as a pair lacks of those asked for: the first ones, or any, in their order."""
        n = min(max(0, self._settings.mine_per_pair + 2 - len(pair)), len(candidates))
        self.counts.update({LEFT: len(candidates), TAKEN: n})
        if self._settings.mine_sampling == "top":
            return candidates[:n]
        places = self._random.choice(len(candidates), n, replace=False) if n else []
        return [candidates[place] for place in sorted(places)]
