"""The type of a sparse matrix."""

from typing import Any

SparseRows = Any  # scipy.sparse.csr_matrix of float32: SciPy brings no types
