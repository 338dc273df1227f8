"""Search finds what exhaustive search finds, and does not depend on the batch."""

import itertools

import torch
from small_readers import VOCABULARY, small_batch, small_reader

from glimmer.models.generation import GenerationConfig, search


def test_greedy_takes_the_most_likely_token_at_each_step() -> None:
    reader = small_reader(seed=2)
    batch = small_batch((3, 2))
    answers = reader.generate(batch, GenerationConfig(max_tokens=5)).tokens
    with torch.no_grad():
        _, _, fused = reader._read(batch, every_passage=False)
        for row, answer in enumerate(answers):
            best = reader.decoder(torch.tensor([[*answer, 1][:5]] * 2), fused).argmax(-1)[row].tolist()
            assert best[: len(answer)] == answer


def test_a_full_beam_is_exhaustive_search() -> None:
    reader = small_reader(seed=3)
    batch = small_batch((2,))
    with torch.no_grad():
        _, _, fused = reader._read(batch, every_passage=False)
        config = GenerationConfig(max_tokens=2, beams=VOCABULARY, length_penalty=0.0)
        tokens, scores = search(reader.decoder, fused, config, eos=1)
        first = torch.log_softmax(reader.decoder(torch.zeros(1, 1, dtype=torch.long), fused), -1)[0, 0]
        best = float(first[1])
        for a, b in itertools.product(range(VOCABULARY), repeat=2):
            if a == 1:
                continue
            log_p = torch.log_softmax(reader.decoder(torch.tensor([[a, b]]), fused), -1)[0]
            best = max(best, float(log_p[0, a] + log_p[1, b]))
    assert abs(scores[0] - best) < 1e-4
    assert 1 not in tokens[0]


def test_beams_do_not_depend_on_the_batch() -> None:
    reader = small_reader(seed=4)
    config = GenerationConfig(max_tokens=6, beams=4)
    batch = small_batch((3, 3))
    with torch.no_grad():
        _, _, fused = reader._read(batch, every_passage=False)
        together, _ = search(reader.decoder, fused, config, eos=1)
        for row in range(2):
            alone = fused.rows(torch.tensor([row]))
            assert search(reader.decoder, alone, config, eos=1)[0] == [together[row]]
