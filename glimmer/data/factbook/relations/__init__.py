"""All relations of the Factbook that are asked for."""

from glimmer.data.factbook.relations import economy, geography, government, politics, society
from glimmer.data.factbook.relations.base import Relation

RELATIONS: tuple[Relation, ...] = (
    *geography.RELATIONS,
    *society.RELATIONS,
    *government.RELATIONS,
    *politics.RELATIONS,
    *economy.RELATIONS,
)
