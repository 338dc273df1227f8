"""Joins: how question states and passage memory become pairs."""

from glimmer.models.joins.base import JOINS, Join, register_join
from glimmer.models.joins.marked import MarkedJoin
from glimmer.models.joins.prepend import PrependJoin

__all__ = ["JOINS", "Join", "MarkedJoin", "PrependJoin", "register_join"]
