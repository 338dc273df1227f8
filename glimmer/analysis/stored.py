"""What stored memory takes on disk, by the codec that it is stored with."""

from glimmer.memory import CODECS, MEMORIES, Codec
from glimmer.registry import ComponentConfig


def codec_for(memory: ComponentConfig, width: int, given: ComponentConfig | None = None) -> Codec:
    """The codec of ``given``; None: the one that memory of these options is stored by, else raw.

    Raises:
        GlimmerError: it cannot store states of ``width`` dimensions.
    """
    config = given or MEMORIES[memory.name].component.codec_config(memory) or CODECS.configure("raw")
    return CODECS.build(config, width=width)


def passage_bytes(codec: Codec, tokens: int) -> int:
    """Bytes of a passage of so many tokens."""
    return codec.bytes_per_token * codec.stored_tokens(tokens)
