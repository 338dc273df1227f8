"""Memory: what a passage's encoding is before a question is known, computed now or read from a store."""

from glimmer.memory.base import MEMORIES, Memory, register_memory
from glimmer.memory.codecs import CODECS, Codec, register_codec
from glimmer.memory.online import OnlineMemory
from glimmer.memory.quantised import QuantisedMemory
from glimmer.memory.store import MemoryStore
from glimmer.memory.stored import StoredMemory

__all__ = [
    "CODECS",
    "MEMORIES",
    "Codec",
    "Memory",
    "MemoryStore",
    "OnlineMemory",
    "QuantisedMemory",
    "StoredMemory",
    "register_codec",
    "register_memory",
]
