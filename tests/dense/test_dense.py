"""Dense retrieval finds what sorting all products finds, and keeps vectors for all that decides them and no longer."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from bert_folders import MINILM, needs_minilm
from text_encoder_folders import PASSAGES, TEXTS, bert_folder, gtr_folder
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import T5EncoderModel

from glimmer.config.load import load_component
from glimmer.data.tokenizers import TOKENIZERS, load_tokenizer
from glimmer.data.values import Passage, Record, States
from glimmer.dense import Dense
from glimmer.errors import CheckpointError, ConfigError, GlimmerError
from glimmer.models.encoders import ENCODERS, T5Encoder, T5EncoderConfig
from glimmer.models.weights import save_weights
from glimmer.retrieval import RETRIEVERS, vectors

KNOWLEDGE = {
    "Photosynthesis": "Plants turn light, water and carbon dioxide into sugar and oxygen.",
    "Magellan": "His ships were the first to sail round the world, though he died on the way.",
    "Insulin": "A hormone of the pancreas that lets cells take up glucose from the blood.",
    "Volcano": "Molten rock, ash and gas break through the crust of a planet.",
    "Chess": "A game for two on a board of sixty-four squares; it ends when a king cannot flee.",
    "Penicillin": "Fleming saw that a mould kept bacteria from growing on his plate.",
    "Mozart": "Born in Salzburg, he wrote his first symphony as a child.",
    "Everest": "Its summit is higher above the sea than that of any other mountain.",
    "Honey": "Bees make it of nectar and store it in combs of wax.",
    "Inflation": "Prices rise, and money buys less than it did a year before.",
    "Glacier": "Snow that does not melt is pressed into ice and flows slowly downhill.",
    "Printing press": "Gutenberg set movable letters of metal and printed a Bible.",
    "Migraine": "A headache, often on one side, that light and noise make worse.",
}
ASKED = {
    "How do leaves make food from the sun?": "Photosynthesis",
    "Who led the first voyage around the globe?": "Magellan",
    "Which substance controls blood sugar?": "Insulin",
    "What do bees produce?": "Honey",
    "Who discovered the first antibiotic?": "Penicillin",
    "What is the highest peak on earth?": "Everest",
}
QUESTIONS = ["How deep is the lake?", "salt", ""]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "SHARD_ROWS", 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return gtr_folder(tmp_path_factory.mktemp("gtr"))


def dense(folder: Path, cache: Path | None = None, passages: Sequence[Passage] = PASSAGES, **options: Any) -> Dense:
    made = RETRIEVERS.build(RETRIEVERS.configure("dense", weights=str(folder), **options), passages, cache)
    assert isinstance(made, Dense)
    return made


def alone(folder: Path, texts: Sequence[str]) -> Tensor:
    """What transformers makes of every text alone, pooled and projected by hand."""
    tokenizer = load_tokenizer(TOKENIZERS.configure("huggingface", file=str(folder)))
    model = T5EncoderModel.from_pretrained(folder).eval()
    weight = torch.load(folder / "2_Dense" / "pytorch_model.bin")["linear.weight"]
    rows = []
    for text in texts:
        with torch.no_grad():
            states = model(input_ids=torch.tensor([[*tokenizer.encode(text), tokenizer.eos_id]])).last_hidden_state
        rows.append(F.normalize(weight @ states[0].mean(0), dim=0))
    return torch.stack(rows)


@pytest.mark.parametrize("tokens_at_once", [1, 40, None])
def test_scores_are_the_products_of_texts_encoded_alone(folder: Path, tokens_at_once: int | None) -> None:
    texts = [f"{p.title} {p.text}".strip() for p in PASSAGES]
    products = alone(folder, QUESTIONS) @ alone(folder, texts).T
    for hits, row in zip(dense(folder, tokens_at_once=tokens_at_once).retrieve(QUESTIONS, 4), products, strict=True):
        best = row.sort(descending=True)
        assert [place for place, _ in hits] == best.indices[:4].tolist()
        assert [score for _, score in hits] == pytest.approx(best.values[:4].tolist(), abs=1e-3)


def test_a_stopped_embedding_goes_on_to_the_same_bytes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dense(folder, tmp_path / "whole").retrieve(QUESTIONS, 1)
    stopped = dense(folder, tmp_path / "stopped")
    embed = stopped._embed

    def stop(start: int, stop: int, advance: vectors.Advance) -> Tensor:
        if start == 3:
            raise KeyboardInterrupt
        return embed(start, stop, advance)

    monkeypatch.setattr(stopped, "_embed", stop)
    with pytest.raises(KeyboardInterrupt):
        stopped.retrieve(QUESTIONS, 1)
    assert [path.suffix for path in (tmp_path / "stopped").iterdir()] == [".partial"]
    dense(folder, tmp_path / "stopped").retrieve(QUESTIONS, 1)
    files = {path.relative_to(tmp_path / "whole"): path for path in (tmp_path / "whole").rglob("*.*")}
    assert len(files) == 4
    for name, path in files.items():
        assert (tmp_path / "stopped" / name).read_bytes() == path.read_bytes()


def test_vectors_are_kept_for_all_that_decides_them(folder: Path, tmp_path: Path) -> None:
    """One folder of vectors for each, and the same one for what changes nothing in a passage's vector."""
    other = gtr_folder(tmp_path / "other", seed=1)
    copied = gtr_folder(tmp_path / "copied")
    kept: list[int] = []
    for made in (
        dense(folder, tmp_path / "cache"),
        dense(copied, tmp_path / "cache", question_format="ask: {question}", question_tokens=5, tokens_at_once=9),
        dense(other, tmp_path / "cache"),
        dense(folder, tmp_path / "cache", passage_format="{text}"),
        dense(folder, tmp_path / "cache", passage_tokens=6),
        dense(folder, tmp_path / "cache", pooling="first"),
        dense(folder, tmp_path / "cache", normalise=False),
        dense(folder, tmp_path / "cache", precision="bf16"),
        dense(folder, tmp_path / "cache", [*PASSAGES[:-1], replace(PASSAGES[-1], text="Another")]),
        dense(folder, tmp_path / "cache", PASSAGES[::-1]),
    ):
        made.retrieve(["salt"], 1)
        kept.append(len(list((tmp_path / "cache").iterdir())))
    assert kept == [1, 1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_kept_vectors_are_not_made_again(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = dense(folder, tmp_path).retrieve(QUESTIONS, 3)
    again = dense(folder, tmp_path)
    monkeypatch.setattr(again, "_embed", None)
    assert again.retrieve(QUESTIONS, 3) == found
    assert dense(folder).retrieve(QUESTIONS, 3) == found, "nothing is kept without a cache"


def test_candidates_are_told_apart_by_weights_and_options(folder: Path, tmp_path: Path) -> None:
    copied = gtr_folder(tmp_path / "weights")
    before = dense(copied).fingerprint("nq-dev")
    assert before == dense(copied).fingerprint("nq-dev")
    assert before != dense(copied, question_format="ask: {question}").fingerprint("nq-dev")
    gtr_folder(tmp_path / "weights", seed=1)
    assert before != dense(copied).fingerprint("nq-dev")


def test_the_cut_and_the_format_are_those_asked_for(folder: Path) -> None:
    short = Passage("a", "", TEXTS[0])
    asked = dense(folder, None, [short], passage_format="{text}", passage_tokens=5)
    tokenizer = asked._checkpoint.tokenizer
    assert asked._embedder.ids(TEXTS[0], 5) == [*tokenizer.encode(TEXTS[0])[:4], tokenizer.eos_id]
    assert (
        dense(folder, None, [replace(short, title="T")], passage_format="{title}: {text}")._text(
            replace(short, title="T")
        )
        == f"T: {TEXTS[0]}"
    )


def test_a_text_is_cut_to_the_encoders_positions(tmp_path: Path) -> None:
    short = bert_folder(tmp_path / "bert", positions=12)
    hits = dense(short).retrieve([" ".join(TEXTS)], 1)
    assert len(hits[0]) == 1
    with pytest.raises(
        ConfigError, match=r"dense retriever's passage_tokens = 13 is more than the 12 positions of its"
    ):
        dense(short, passage_tokens=13).check()


@pytest.mark.parametrize("search", ["exact", "faiss"])
def test_no_passages_and_more_than_there_are(folder: Path, tmp_path: Path, search: str) -> None:
    if search == "faiss":
        pytest.importorskip("faiss", reason="the extra 'faiss' is not installed")
    found = dense(folder, tmp_path, search=search).retrieve(QUESTIONS, 99)
    assert [sorted(row for row, _ in hits) for hits in found] == [list(range(len(PASSAGES)))] * 3
    assert dense(folder, tmp_path, [], search=search).retrieve(QUESTIONS, 3) == [[], [], []]
    assert dense(folder, tmp_path, search=search).retrieve([], 3) == []


def test_faiss_finds_what_an_exact_search_finds(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("faiss", reason="the extra 'faiss' is not installed")
    exact, near = (dense(folder, tmp_path, search=search) for search in ("exact", "faiss"))
    for one, other in zip(exact.retrieve(QUESTIONS, 4), near.retrieve(QUESTIONS, 4), strict=True):
        assert [row for row, _ in one] == [row for row, _ in other]
    assert exact.fingerprint("nq-dev") != near.fingerprint("nq-dev")


def test_what_is_missing_is_told_before_a_search(folder: Path, tmp_path: Path) -> None:
    of = {"words": RETRIEVERS.configure("bm25"), "vectors": RETRIEVERS.configure("dense", weights=str(tmp_path / "no"))}
    with pytest.raises(CheckpointError, match=r"no: no such folder"):
        RETRIEVERS.build(RETRIEVERS.configure("fusion", of=of), PASSAGES).check()
    dense(folder).check()
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="device is cuda, but torch finds no CUDA device here"):
            dense(folder, device="cuda").check()


def test_records_are_searched_for_like_questions(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = dense(folder)
    records = [Record(str(i), question, ()) for i, question in enumerate(QUESTIONS)]
    hits = list(made.retrieve_records(records, "nq-dev", 2))
    assert hits == dense(folder).retrieve(QUESTIONS, 2)
    assert "_checkpoint" not in vars(made), "the weights are let go of"
    monkeypatch.setattr(made, "_embed", None)
    assert made.retrieve(QUESTIONS, 2) == hits, "the vectors are not"


def test_a_registered_encoder_makes_the_vectors(folder: Path, tmp_path: Path) -> None:
    """One from outside, with weights under our names, configured as a run's YAML does it."""

    class Bag(T5Encoder):
        """Its layers do nothing: a text is the mean of its tokens' embeddings."""

        def run(self, states: States, start: int, stop: int, question_lengths: Tensor | None) -> States:
            return states

        def finish(self, states: States) -> States:
            return states

    ENCODERS.register("bag", T5EncoderConfig)(Bag)
    try:
        tokenizer = {"name": "huggingface", "file": str(folder)}
        sizes = {"layers": 1, "width": 16, "heads": 2, "head_width": 8, "feed_forward": 24}
        made = ENCODERS.build(ENCODERS.configure("bag", **sizes), 81, 0)
        with torch.no_grad():
            made.embedding.weight.normal_(generator=torch.Generator().manual_seed(0))
        reader = nn.Module()
        reader.encoder = made
        save_weights(reader, tmp_path / "weights.safetensors")
        options = {"name": "dense", "encoder": {"name": "bag", **sizes}, "tokenizer": tokenizer}
        config = load_component(RETRIEVERS, {**options, "weights": str(tmp_path), "normalise": False}, "retriever")
        assert load_component(RETRIEVERS, asdict(config), "retriever") == config, "a run's own file says the same"
        (hits,) = RETRIEVERS.build(config, PASSAGES).retrieve(["salt"], 7)
    finally:
        del ENCODERS._entries["bag"]
    ids = load_tokenizer(TOKENIZERS.configure("huggingface", file=str(folder)))

    def bag(text: str) -> Tensor:
        return made.embedding.weight[[*ids.encode(text), ids.eos_id]].mean(0)

    products = torch.stack([bag("salt") @ bag(f"{p.title} {p.text}".strip()) for p in PASSAGES])
    assert [row for row, _ in hits] == products.argsort(descending=True).tolist()
    assert [score for _, score in hits] == pytest.approx(products.sort(descending=True).values.tolist(), abs=1e-3)


@needs_minilm
def test_minilm_finds_the_passage_that_answers() -> None:
    collection = [*PASSAGES, *(Passage(title, title, text) for title, text in KNOWLEDGE.items())]
    made = dense(Path(MINILM), None, collection)
    found = made.retrieve(list(ASKED), 1)
    assert [collection[hits[0][0]].title for hits in found] == list(ASKED.values())
    assert made._checkpoint.tokens == 256


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"default\.weights must be a checkpoint's folder, hf:OWNER/NAME or installed:PACKAGE, found ''"),
        ({"weights": "w", "pooling": "max"}, r"default\.pooling has no choice 'max'; did you mean 'mean'"),
        (
            {"weights": "w", "question_format": "{q}"},
            r"default\.question_format must be a text with \{question\}, and no field but \{question\}, f",
        ),
        (
            {"weights": "w", "passage_format": "{title}"},
            r"default\.passage_format must be a text with \{text\}, and no field but \{text\} and \{title\}",
        ),
        ({"weights": "w", "passage_format": "{text"}, r"default\.passage_format must be"),
        ({"weights": "w", "passage_format": "{text:d}"}, r"default\.passage_format must be"),
        ({"weights": "w", "encoder": {"name": "t6"}}, r"default\.encoder: unknown encoder 't6'; did you mean 't5'"),
        (
            {"weights": "w", "encoder": {"name": "t5", "widht": 8}},
            r"unknown key .*default\.encoder\.widht; did you mean",
        ),
        ({"weights": "w", "encoder": {"name": "t5"}}, r"default\.tokenizer must be given where encoder is, found None"),
    ],
)
def test_options_that_cannot_work(options: dict[str, object], message: str) -> None:
    with pytest.raises(GlimmerError, match=message):
        load_component(RETRIEVERS, {"name": "dense", **options}, "data.retrievers.default")
