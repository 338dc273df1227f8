"""glimmer: retrieval-augmented readers with late interaction (FiD, LUMEN, GLIMMER: arXiv 2306.10231)."""

__version__ = "0.1.0"
