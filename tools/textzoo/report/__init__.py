"""A report of training runs as one HTML file that asks for nothing from anywhere."""

N_WRONG = 20  # wrong predictions that are shown, at most
