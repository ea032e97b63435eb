"""An HNSW index of faiss, for benchmark.py: facts in, figures out as JSON."""

import json
import sys
import time
from pathlib import Path

import faiss
import numpy as np


def main() -> None:
    """Index vectors of length 1, and search for the nearest of others by inner product."""
    facts = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    faiss.omp_set_num_threads(facts["threads"])
    vectors, queries = np.load(facts["vectors"]), np.load(facts["queries"])
    started = time.perf_counter()
    index = faiss.IndexHNSWFlat(vectors.shape[1], facts["hnsw_m"], faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = facts["ef_construction"]
    index.hnsw.efSearch = facts["ef"]
    index.add(vectors)
    build = time.perf_counter() - started
    started = time.perf_counter()
    places = index.search(queries, facts["k"])[1]
    seconds = time.perf_counter() - started
    print(json.dumps({"build": build, "search": seconds, "places": places.tolist()}))


if __name__ == "__main__":
    main()
