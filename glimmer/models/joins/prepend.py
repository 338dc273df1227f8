"""H_i = [MemEnc(Q) ; MemEnc(P_i)] (GLIMMER, section 1.2 of the facts; LUMEN, section 2)."""

import torch
from torch import Tensor
from torch.nn import functional as F

from glimmer.data.values import States
from glimmer.models.joins.base import Join, register_join
from glimmer.models.values import Pairs


@register_join("prepend")
class PrependJoin(Join):
    """Question states in front of the passage's, packed: no padding between them, so positions are true."""

    def forward(self, questions: States, passages: States, index: Tensor) -> Pairs:
        """Gather every pair from one table of all tokens (an embedding look-up: its backward pass is fast)."""
        question, slot = (index >= 0).nonzero(as_tuple=True)
        passage = index[question, slot]
        question_lengths, passage_lengths = questions.mask.sum(1), passages.mask.sum(1)
        first, second = question_lengths[question], passage_lengths[passage]
        length = int((first + second).max()) if len(question) else 1
        position = torch.arange(length, device=index.device)[None, :]
        offset = questions.mask.numel()
        from_question = question[:, None] * questions.mask.shape[1] + position
        from_passage = offset + passage[:, None] * passages.mask.shape[1] + position - first[:, None]
        mask = position < (first + second)[:, None]
        row = torch.where(position < first[:, None], from_question, from_passage).masked_fill(~mask, 0)
        table = torch.cat([questions.values.flatten(0, 1), passages.values.flatten(0, 1)])
        return Pairs(States(F.embedding(row, table), mask), question, slot, first)
