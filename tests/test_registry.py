"""The registry: registering, finding, building, and the errors that a user can cause."""

from dataclasses import dataclass

import pytest

from glimmer.errors import ConfigError, RegistryError
from glimmer.options import option
from glimmer.registry import ComponentConfig, Registry


class Animal:
    def __init__(self, config: ComponentConfig, sound: str = "") -> None:
        self.config, self.sound = config, sound


@dataclass(kw_only=True)
class DogConfig(ComponentConfig):
    legs: int = option(4, "How many legs")
    toys: list[str] = option(["ball"], "What it plays with")

    def __post_init__(self) -> None:
        if self.legs < 0:
            raise ConfigError("animal.legs must be at least 0")


@pytest.fixture
def animals(monkeypatch: pytest.MonkeyPatch) -> Registry[Animal]:
    monkeypatch.setattr(Registry, "kinds", dict(Registry.kinds))
    registry: Registry[Animal] = Registry("animal", Animal)

    @registry.register("dog", DogConfig)
    class Dog(Animal):
        """Barks.

        More about it.
        """

    registry.register("cat")(type("Cat", (Animal,), {}))
    return registry


def test_a_component_is_built_from_the_configuration_that_names_it(animals: Registry[Animal]) -> None:
    config = animals.configure("dog", legs=3)
    dog = animals.build(config, sound="woof")
    assert (config.name, type(dog).__name__, dog.config.legs, dog.sound) == ("dog", "Dog", 3, "woof")  # type: ignore[attr-defined]


def test_defaults_are_not_shared(animals: Registry[Animal]) -> None:
    animals.configure("dog").toys.append("bone")
    assert animals.configure("dog").toys == ["ball"]


def test_the_configuration_checks_itself(animals: Registry[Animal]) -> None:
    with pytest.raises(ConfigError, match=r"animal\.legs"):
        animals.configure("dog", legs=-1)


def test_entries_are_listed_by_name_with_summary_and_source(animals: Registry[Animal]) -> None:
    assert [entry.name for entry in animals] == ["cat", "dog"]
    assert animals["dog"].summary == "Barks."
    assert "test_registry.py:" in animals["dog"].source


def test_a_duplicate_name_names_both_places(animals: Registry[Animal]) -> None:
    with pytest.raises(RegistryError, match=r"Dog .*Hound|Hound.*Dog") as caught:

        @animals.register("dog")
        class Hound(Animal):
            pass

    assert str(caught.value).count("test_registry.py:") == 2


def test_an_unknown_name_lists_what_exists_and_the_nearest(animals: Registry[Animal]) -> None:
    with pytest.raises(RegistryError, match=r"unknown animal 'dogg'; did you mean 'dog'\? Known: cat, dog"):
        animals["dogg"]


def test_a_component_of_another_kind_is_refused(animals: Registry[Animal]) -> None:
    with pytest.raises(RegistryError, match="must extend Animal"):
        animals.register("stone")(type("Stone", (), {}))


def test_a_configuration_that_is_no_dataclass_of_options_is_refused(animals: Registry[Animal]) -> None:
    with pytest.raises(RegistryError, match="must be a dataclass that extends ComponentConfig"):
        animals.register("fish", dict)(type("Fish", (Animal,), {}))  # type: ignore[arg-type]
