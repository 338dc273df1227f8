"""Names that no text has, for drills in which only the passage can tell the answer."""

import random

_STARTS = """
al ar bel bor bran cal cas cor dal dar del dor el fal fen gal gar gor hal har hel il jan jar kal kan kel kor lan lar
lem lor mal mar mel mor nal nar nel nor or pal par pel por quin ral ran rel ros sal san sel sor tal tan tel tor ul val
van vel vor wal war wel yar yor zal zan zel zor
""".split()  # noqa: SIM905
_ENDS = """
a an ar as aven bar ben bia burg by da dan den dor dova eth far fell fia fin ford gan gar gia goth ia ik in is kan ko
la land len lia lin lo ma mar mia min mond na nar nia nor o os pol ra ran ria rin ro ros sa san sia son ta tan ter tia
ton tor tova ura va van vek via vin wick wood ya za zan zia
""".split()  # noqa: SIM905


def invent_name(rng: random.Random) -> str:
    """A capitalised name of two pieces."""
    return (rng.choice(_STARTS) + rng.choice(_ENDS)).capitalize()


def invent_names(rng: random.Random, most: int) -> str:
    """One to ``most`` names."""
    return " ".join(invent_name(rng) for _ in range(rng.randint(1, most)))
