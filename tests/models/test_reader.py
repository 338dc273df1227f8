"""The reader's options, each against what it stands for."""

import plain_t5
import pytest
import torch
from small_readers import small_batch, small_reader

from glimmer.models.reader import Reader
from glimmer.models.weights import assign_weights


def test_the_question_block_is_the_questions_own_encoding_before_the_passages() -> None:
    plain, reader, batch = small_reader(), small_reader(question_block=True), small_batch()
    (_, without), (_, fused) = plain.read(batch), reader.read(batch)
    w = plain_t5.weights_of(reader.encoder)
    length = batch.questions.ids.shape[1]
    assert torch.equal(fused.values[:, length:], without.values)
    assert torch.equal(fused.mask, torch.cat([batch.questions.mask, without.mask], 1))
    for found, ids, mask in zip(fused.values, batch.questions.ids, batch.questions.mask, strict=True):
        memory = plain_t5.encoder_layers(w, [0, 1], "memory_relative_attention_bias", w["embedding.weight"][ids[mask]])
        live = plain_t5.encoder_layers(w, [2, 3], "live_relative_attention_bias", memory)
        expected = plain_t5.norm(live, w["final_norm.weight"])
        torch.testing.assert_close(found[: len(expected)].double(), expected, atol=1e-4, rtol=1e-5)


def test_every_state_that_the_decoder_reads_knows_its_token() -> None:
    """Question, then passage, of every kept candidate in turn."""
    reader, batch = small_reader(question_block=True), small_batch()
    ranking, fused = reader.read(batch)
    for b, (ids, mask) in enumerate(zip(fused.ids, fused.mask, strict=True)):
        question = batch.questions.ids[b][batch.questions.mask[b]].tolist()
        expected = list(question)
        for slot in ranking.kept[b][ranking.kept[b] >= 0]:
            row = batch.index[b, slot]
            expected += question + batch.passages.ids[row][batch.passages.mask[row]].tolist()
        assert ids[mask].tolist() == expected


def logits(reader: Reader, training: bool) -> torch.Tensor:
    """``training``: the reader's own mode; its parts stay in evaluation, without dropout."""
    reader.training = training
    batch = small_batch()
    with torch.no_grad():
        return reader(batch).logits


def test_a_joint_batch_is_read_as_fid_reads_it_in_training_alone() -> None:
    reader, fid = small_reader(joint_probability=1.0), small_reader(live=4, rerank=0, reranker="none")
    weights = {name: p.detach() for name, p in reader.named_parameters()}
    assign_weights(fid, weights, "reader")
    torch.testing.assert_close(logits(reader, training=True), logits(fid, training=True), atol=1e-5, rtol=1e-5)
    apart = logits(small_reader(), training=True)
    assert torch.equal(logits(reader, training=False), apart)
    assert not torch.allclose(logits(reader, training=True), apart, atol=1e-2)


@pytest.mark.parametrize("probability", [0.0, 0.25])
def test_the_share_of_joint_batches_is_the_probability(probability: float) -> None:
    reader, batch = small_reader(joint_probability=probability).train(), small_batch((1,))
    alone = []
    reader.memory.register_forward_hook(lambda *_: alone.append(True))
    torch.manual_seed(0)
    with torch.no_grad():
        for _ in range(200):
            reader._join(batch)
    assert 1 - len(alone) / 200 == pytest.approx(probability, abs=0.06)
