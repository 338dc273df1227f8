"""The theorems of the design: what must be equal between FiD, LUMEN, GLIMMER and their stores."""

from dataclasses import replace
from pathlib import Path

import plain_t5
import pytest
import torch
from small_codecs import with_ids
from small_readers import VOCABULARY, WIDTH, small_batch, small_reader

from glimmer.data.values import Batch, States, Tokens
from glimmer.errors import StoreError
from glimmer.memory.codecs import CODECS
from glimmer.memory.writer import write_store
from glimmer.models.reader import Reader
from glimmer.models.weights import assign_weights


def tensors(reader: Reader) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in reader.named_parameters()}


def scored_logits(reader: Reader, batch: Batch) -> torch.Tensor:
    with torch.no_grad():
        return reader(batch).logits  # type: ignore[no-any-return]


def one_question(batch: Batch, row: int) -> Batch:
    """A question of a batch by itself, padded no further than it needs."""

    def tight(tokens: Tokens, rows: list[int]) -> Tokens:
        return Tokens.pad([tokens.ids[r][tokens.mask[r]].tolist() for r in rows])

    passages = [int(p) for p in batch.index[row] if p >= 0]
    count = len(passages)
    return Batch(
        (batch.ids[row],),
        (batch.tasks[row],),
        tight(batch.questions, [row]),
        tight(batch.passages, passages) if passages else Tokens.pad([[1]]),
        tuple(batch.passage_ids[p] for p in passages) or ("none",),
        torch.arange(count)[None] if count else torch.full((1, 1), -1),
        batch.retrieval_scores[row : row + 1, : max(count, 1)],
        batch.gold[row : row + 1, : max(count, 1)],
        tight(batch.targets, [row]),
    )


def test_no_memory_layers_and_keep_all_is_t5_on_the_joined_text() -> None:
    reader = small_reader(live=4, rerank=0, reranker="none")
    batch = small_batch((3,))
    question = batch.questions.ids[0][batch.questions.mask[0]].tolist()
    passages = [batch.passages.ids[p][batch.passages.mask[p]].tolist() for p in range(3)]
    joined = Tokens.pad([question + passage for passage in passages])
    with torch.no_grad():
        lengths = torch.full((3,), len(question))
        states = reader.encoder.finish(reader.encoder.run(reader.encoder.embed(joined), 0, 4, lengths))
        fused = States(states.values.flatten(0, 1)[None], states.mask.flatten()[None])
        expected = reader.decoder(batch.targets.ids, fused, batch.targets.mask)
        assert torch.equal(reader(batch).logits, expected)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_memory_from_a_raw_store_is_memory_encoded_now(tmp_path: Path, dtype: str) -> None:
    online = small_reader()
    batch = small_batch()
    with torch.no_grad():
        memory = online.encode_memory(batch.passages)
    ids, lengths = batch.passages.ids.tolist(), batch.passages.mask.sum(1).tolist()
    rows = [(i, ids[n][: lengths[n]], memory.values[n][memory.mask[n]]) for n, i in enumerate(batch.passage_ids)]
    codec = CODECS.build(CODECS.configure("raw", dtype=dtype), width=32)
    write_store(tmp_path / "store", rows, codec, online.memory_fingerprint())
    stored = small_reader(memory="stored", memory_options={"path": str(tmp_path / "store")})
    difference = (scored_logits(stored, batch) - scored_logits(online, batch)).abs().max()
    assert difference == 0 if dtype == "float32" else 0 < difference < 0.2

    other = small_reader(memory="stored", memory_options={"path": str(tmp_path / "store")}, seed=5)
    with pytest.raises(StoreError, match="encoder weights"):
        other(batch)


@pytest.mark.parametrize("subspaces", [1, 4, 32])
def test_a_codebook_that_holds_every_vector_is_raw_memory(tmp_path: Path, subspaces: int) -> None:
    online = small_reader()
    batch = small_batch()
    with torch.no_grad():
        memory = online.encode_memory(batch.passages)
    states = [memory.values[n][memory.mask[n]] for n in range(len(batch.passage_ids))]
    codec = CODECS.build(CODECS.configure("product", codes=256, subspaces=subspaces), width=32)
    codec.fit(with_ids(states))
    ids, lengths = batch.passages.ids.tolist(), batch.passages.mask.sum(1).tolist()
    rows = [(i, ids[n][: lengths[n]], states[n]) for n, i in enumerate(batch.passage_ids)]
    write_store(tmp_path / "store", rows, codec, online.memory_fingerprint())
    stored = small_reader(memory="stored", memory_options={"path": str(tmp_path / "store")})
    assert codec.bytes_per_token == subspaces < 4 * 32
    assert torch.equal(scored_logits(stored, batch), scored_logits(online, batch))


def test_glimmer_that_keeps_all_is_lumen() -> None:
    lumen = small_reader(rerank=0, reranker="none")
    glimmer = small_reader(rerank=1, reranker="first_token", selector="top_m", selector_options={"kept": 4})
    assign_weights(glimmer, tensors(lumen), "lumen")
    batch = small_batch()
    torch.testing.assert_close(scored_logits(glimmer, batch), scored_logits(lumen, batch), atol=1e-5, rtol=1e-5)


def test_output_depends_only_on_the_kept_passages() -> None:
    reader = small_reader(selector="top_m", selector_options={"kept": 2})
    batch = small_batch((4, 4))
    with torch.no_grad():
        before = reader(batch)
        dropped = int(before.ranking.order[0, -1])
        ids = batch.passages.ids.clone()
        ids[batch.index[0, dropped], 0] = (ids[batch.index[0, dropped], 0] + 1) % VOCABULARY
        after = reader(replace(batch, passages=Tokens(ids, batch.passages.mask)))
    assert after.ranking.scores[0, dropped] != before.ranking.scores[0, dropped]
    assert torch.equal(after.ranking.kept, before.ranking.kept)
    assert torch.equal(after.logits, before.logits)


def test_every_passage_changes_no_answer() -> None:
    reader = small_reader(selector="top_m", selector_options={"kept": 2})
    batch = small_batch()
    with torch.no_grad():
        kept, complete = reader(batch), reader(batch, every_passage=True)
    assert len(kept.pairs.question) == 6
    assert len(complete.pairs.question) == 9
    torch.testing.assert_close(kept.logits, complete.logits, atol=1e-5, rtol=1e-5)


def test_cross_attention_period_one_is_the_plain_decoder() -> None:
    reader, batch = small_reader(decoder_options={"cross_attention_period": 1}), small_batch()
    with torch.no_grad():
        _, fused = reader.read(batch)
        logits = reader.decoder(batch.targets.ids, fused).double()
    weights = plain_t5.weights_of(reader.decoder)
    for found, targets, source, mask in zip(logits, batch.targets.ids, fused.values.double(), fused.mask, strict=True):
        torch.testing.assert_close(found, plain_t5.decode(weights, targets, source[mask]), atol=1e-4, rtol=1e-5)


def test_logits_of_the_tokens_that_are_wanted_are_those_of_all() -> None:
    reader, batch = small_reader(), small_batch((3, 2, 1))
    mask = batch.targets.mask
    assert not mask.all()
    with torch.no_grad():
        _, fused = reader.read(batch)
        every, wanted = reader.decoder(batch.targets.ids, fused), reader.decoder(batch.targets.ids, fused, mask)
    assert wanted.shape == (int(mask.sum()), VOCABULARY)
    torch.testing.assert_close(wanted, every[mask], atol=1e-6, rtol=1e-6)


def test_with_cross_attention_period_two_every_second_layer_reads_the_source() -> None:
    decoder = small_reader(decoder_options={"cross_attention_period": 2}).decoder
    outputs: list[torch.Tensor] = []
    for block in decoder.blocks:
        block.register_forward_hook(lambda *call: outputs.append(call[-1]))
    for source in torch.randn(2, 1, 5, WIDTH, generator=torch.Generator().manual_seed(1)):
        with torch.no_grad():
            outputs.append(decoder(torch.tensor([[3, 4, 1]]), States(source, torch.ones(1, 5, dtype=torch.bool))))
    layers_and_logits = zip(outputs[:3], outputs[3:], strict=True)
    assert [torch.equal(one, other) for one, other in layers_and_logits] == [True, False, False]


@pytest.mark.parametrize("decoder", [{}, {"key_value_heads": 1, "cross_attention_period": 2}, {"width": 48}])
def test_incremental_decoding_is_teacher_forcing(decoder: dict[str, int]) -> None:
    reader = small_reader(decoder_options=decoder)
    batch = small_batch((3, 2))
    with torch.no_grad():
        _, _, fused = reader._read(batch, every_passage=False)
        targets = torch.randint(3, VOCABULARY, (2, 7), generator=torch.Generator().manual_seed(3))
        forced = reader.decoder(targets, fused)
        cache = reader.decoder.start(fused, beams=1)
        token = torch.full((2,), reader.decoder.start_id)
        for step in range(7):
            torch.testing.assert_close(reader.decoder.step(token, cache), forced[:, step], atol=1e-5, rtol=1e-5)
            token = targets[:, step]


def test_batched_is_one_at_a_time_whatever_the_padding() -> None:
    reader = small_reader(selector="top_m", selector_options={"kept": 2})
    batch = small_batch((4, 1, 3))
    with torch.no_grad():
        together = reader(batch)
        for row in range(3):
            alone = reader(one_question(batch, row))
            own = together.logits[batch.targets.mask.nonzero()[:, 0] == row]
            torch.testing.assert_close(alone.logits, own, atol=1e-5, rtol=1e-5)


def test_passage_order_changes_nothing_but_float_noise() -> None:
    reader = small_reader()
    batch = small_batch((4,))
    turned = replace(batch, index=batch.index.flip(1), retrieval_scores=batch.retrieval_scores.flip(1))
    torch.testing.assert_close(scored_logits(reader, turned), scored_logits(reader, batch), atol=1e-5, rtol=1e-5)


def test_questions_without_passages_are_ordinary_input() -> None:
    reader = small_reader(selector="top_m", selector_options={"kept": 2})
    batch = small_batch((3, 0))
    with torch.no_grad():
        output = reader(batch)
    assert output.logits.isfinite().all()
    assert output.ranking.kept[1].tolist() == [-1, -1]
    with torch.no_grad():
        alone = reader(one_question(batch, 1)).logits
    torch.testing.assert_close(alone, output.logits[-len(alone) :], atol=1e-5, rtol=1e-5)


def test_questions_without_passages_train_in_bf16() -> None:
    reader, batch = small_reader().train(), small_batch((3, 0))
    with torch.autocast("cpu", torch.bfloat16):
        logits = reader(batch).logits
    logits.float().square().sum().backward()
    assert logits.isfinite().all()
    assert all(p.grad.isfinite().all() for p in reader.parameters() if p.grad is not None)


def test_log_likelihood_of_a_passage_is_that_of_reading_it_alone() -> None:
    reader = small_reader(selector="top_m", selector_options={"kept": 1})
    batch = small_batch((3,))
    with torch.no_grad():
        together = reader.passage_log_likelihood(reader(batch, every_passage=True), batch)
        for slot in range(3):
            single = replace(batch, index=batch.index[:, slot : slot + 1], retrieval_scores=torch.ones(1, 1))
            log_p = torch.log_softmax(reader(single).logits, -1)
            alone = log_p.gather(-1, batch.targets.ids[batch.targets.mask][:, None]).sum()
            torch.testing.assert_close(together[slot], alone, atol=1e-4, rtol=1e-5)
