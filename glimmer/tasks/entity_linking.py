"""Entity linking: the title of the page that a marked mention means (KILT: AIDA CoNLL-YAGO, WNED-WIKI, WNED-CWEB)."""

from dataclasses import dataclass

from glimmer.data.kilt_sets import MENTION
from glimmer.errors import DataError
from glimmer.options import option
from glimmer.tasks.base import register_task
from glimmer.tasks.supervised import SupervisedConfig, SupervisedTask


@dataclass(kw_only=True)
class EntityLinkingConfig(SupervisedConfig):
    """Options of entity linking."""

    words: int = option(16, "Words of the text kept on each side of the mention", least=0)


@register_task("entity_linking", EntityLinkingConfig)
class EntityLinking(SupervisedTask):
    """Name the page that ``[START_ENT] mention [END_ENT]`` means; of a long text only what stands near it is kept."""

    template = "entity: {input}"
    metrics = ("accuracy", "exact_match")
    config: EntityLinkingConfig

    def parts(self, question: str) -> dict[str, str]:
        """``… [START_ENT] mention [END_ENT] …``.

        Raises:
            DataError: the input has no mention between the marks.
        """
        start, end = MENTION
        before, opened, rest = question.partition(start)
        mention, closed, after = rest.partition(end)
        if not (opened and closed and mention.strip()):
            raise DataError(
                f"task {self.key}: expected a text with '{start} mention {end}' as input, found {question!r:.80}"
            )
        near = before.split()[-self.config.words :] if self.config.words else []
        far = after.split()[: self.config.words]
        return {"input": " ".join([*near, start, *mention.split(), end, *far])}
