"""Numbers that nets and losses share."""

# Added to a score, it is never the highest, and leaves nothing of its exponential.
NEVER = -1e9
