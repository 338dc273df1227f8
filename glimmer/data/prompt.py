"""The texts that are encoded: a passage as its title, then its text; a question as its task poses it."""

from string import Formatter

from glimmer.errors import ConfigError

TEXT = "{text}"


def fields_of(template: str, key: str) -> list[str]:
    """The names in braces of the option ``key``.

    Raises:
        ConfigError: a brace has no counterpart.
    """
    try:
        return [name for _, name, _, _ in Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise ConfigError(f"{key}: {error} in {template!r}") from None


class PassageFormat:
    """A template such as ``title: {title} context: {text}``.

    What comes before the text is tokenised by itself, so that a long passage loses the end of its text and never its
    title. It is part of the stored memory; a question's prefix is not.

    Raises:
        ConfigError: the template has another field than title and text, or does not end in ``{text}``.
    """

    def __init__(self, template: str) -> None:
        fields = fields_of(template, "collator.passage_format")
        if not template.endswith(TEXT) or fields.count("text") != 1 or not set(fields) <= {"title", "text"}:
            raise ConfigError(
                f"collator.passage_format must end in {TEXT} and may have {{title}} before it, found {template!r}"
            )
        self._before = template.removesuffix(TEXT)

    def prefix(self, title: str) -> str:
        """What stands before the text."""
        return self._before.format(title=title)
