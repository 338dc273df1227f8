"""Invented names: passages made from templates about subjects that do not exist (nothing can be remembered)."""

import random
from collections.abc import Sequence

from glimmer.data.values import Example, Passage
from glimmer.tasks.base import register_task
from glimmer.tasks.drill import EndlessDrill, EndlessDrillConfig
from glimmer.tasks.invention import invent_name, invent_names

RELATIONS = (
    "capital", "president", "currency", "largest city", "national anthem", "highest mountain", "longest river",
    "prime minister", "main port", "official language", "founder", "neighbor", "largest island", "main export",
    "national bird", "oldest university", "largest lake", "ruling party", "national hero", "former name",
    "central bank", "patron saint", "main airport", "lowest point", "majority religion", "largest company",
    "northernmost town", "author of the anthem", "head of the court", "biggest ethnic group", "national dish",
    "colonial power",
)  # fmt: skip
STATEMENTS = (
    "The {r} of {s} is {o}.",
    "{o} is the {r} of {s}.",
    "{s} has {o} as its {r}.",
    "Its {r} is {o}.",
    "{r}: {o}.",
    "In {s}, the {r} is called {o}.",
    "The {r} has been {o} for years.",
    "For a long time {o} has been the {r} there.",
    "{s} - {r}: {o}.",
    "Many know {o}, the {r} of {s}.",
)
QUESTIONS = (
    "question: what is the {r} of {s}?",
    "question: which is the {r} of {s}?",
    "question: what is the name of the {r} of {s}?",
    "question: name the {r} of {s}.",
    "question: in {s}, what is the {r}?",
    "question: {s} has which {r}?",
    "question: what is called the {r} in {s}?",
    "slot: {s} relation: {r}",
)
FACTS = (2, 6)
"""Statements of a passage."""


@register_task("invented_names", EndlessDrillConfig)
class InventedNames(EndlessDrill):
    """Find the object of a relation of an invented subject.

    Distractors say the same relation of other subjects, or other relations of the same subject, by turns.
    """

    alters_passages = True
    config: EndlessDrillConfig

    def example(self, split: str, index: int, rng: random.Random) -> Example:
        """Make an example from the generator alone."""
        about, relation, answer = invent_name(rng), rng.choice(RELATIONS), invent_names(rng, 2)
        others = [r for r in RELATIONS if r != relation]
        passages = [_passage(f"invented-{index}-0", about, {relation: answer}, others, rng)]
        for number in range(1, self.config.distractors + 1):
            if number % 2:
                facts, same = {relation: invent_names(rng, 2)}, _other_name(rng, about)
            else:
                facts, same = {}, about
            passages.append(_passage(f"invented-{index}-{number}", same, facts, others, rng))
        prompt = rng.choice(QUESTIONS).format(r=relation, s=about)
        return self.drilled(index, prompt, answer, passages[0], passages[1:])


def _passage(passage_id: str, about: str, facts: dict[str, str], others: Sequence[str], rng: random.Random) -> Passage:
    """State ``facts`` and some of the other relations of a subject, in random order."""
    facts = facts | {
        relation: invent_names(rng, 2) for relation in rng.sample(others, rng.randint(*FACTS) - len(facts))
    }
    pairs = list(facts.items())
    rng.shuffle(pairs)
    sentences = [_sentence(rng.choice(STATEMENTS).format(r=r, s=about, o=o)) for r, o in pairs]
    return Passage(
        passage_id, f"{about}: {rng.choice(('Overview', 'Geography', 'Government', 'People'))}", " ".join(sentences)
    )


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _other_name(rng: random.Random, name: str) -> str:
    while (other := invent_name(rng)) == name:
        pass
    return other
