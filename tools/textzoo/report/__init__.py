"""A report of training runs as one HTML file that asks for nothing from anywhere."""
