"""A group of commands whose options may stand before or behind the command's name.

`headrace lineage --target kubeflow run ID` and `headrace lineage run ID --target kubeflow` are the
same: nobody should have to know which of the two words has an option.
"""

from collections.abc import Iterable, Mapping, Sequence

import click


class FlexibleGroup(click.Group):
    """Hands each option to the group or to the command, whichever has it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parses the words behind the group's name."""
        end = args.index("--") if "--" in args else len(args)
        return super().parse_args(ctx, [*self._in_order(args[:end]), *args[end:]])

    def _in_order(self, words: Sequence[str]) -> Sequence[str]:
        commands = [each for command in self.commands.values() for each in command.params]
        items = _items(words, _options([*commands, *self.params]))
        place = next((n for n, item in enumerate(items) if not item[0].startswith("-")), None)
        if place is None or items[place][0] not in self.commands:
            return words
        own = _options(self.params).keys()
        others = [*items[:place], *items[place + 1 :]]
        before = [item for item in others if _name(item) in own]
        behind = [item for item in others if _name(item) not in own]
        return [word for item in (*before, items[place], *behind) for word in item]


def _options(params: Iterable[click.Parameter]) -> dict[str, int]:
    """Returns how many words follow each option."""
    return {
        name: 0 if param.is_flag or param.count else param.nargs
        for param in params
        if isinstance(param, click.Option)
        for name in (*param.opts, *param.secondary_opts)
    }


def _items(words: Sequence[str], options: Mapping[str, int]) -> list[Sequence[str]]:
    """Returns each option with its values, and every other word alone."""
    items = []
    while words:
        length = 1 + options.get(words[0], 0)
        items.append(words[:length])
        words = words[length:]
    return items


def _name(item: Sequence[str]) -> str:
    return item[0].partition("=")[0]
