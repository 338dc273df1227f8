"""Evaluation: metrics, predictions and the object that answers questions."""
