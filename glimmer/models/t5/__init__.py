"""T5 v1.1 blocks with T5's exact arithmetic (papers.md, 10)."""
