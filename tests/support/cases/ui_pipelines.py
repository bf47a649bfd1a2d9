"""Pipelines whose runs the pages show: loops, conditions, groups, and names that are no friends."""

# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, disallow-untyped-calls=False
# kfp decorates without types, and reads the signatures of components and pipelines its own way.

from kfp import dsl

_PRELUDE = """
import pathlib, sys, time
def write(path, text):
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(path).write_text(text)
"""

ATTACK = "</pre></textarea><script>alert('run')</script><img src=x onerror=alert(1)>\"'"
"""Runs if it is shown as it is, in any place of a page."""


def _python(code: str) -> list[str]:
    return ["python3", "-c", _PRELUDE + code]


@dsl.container_component
def number(value: int, result: dsl.OutputPath(int), until: str = ""):  # type: ignore[valid-type]
    """Gives a number on, once a file is there."""
    return dsl.ContainerSpec(
        image="test",
        command=_python(
            "value, result, until = sys.argv[1:]\n"
            "print('begins', flush=True)\n"
            "while until and not pathlib.Path(until).exists():\n"
            "    time.sleep(0.05)\n"
            "print('ends', flush=True)\n"
            "write(result, value)\n"
        ),
        args=[value, result, until],
    )


@dsl.container_component
def check(value: int, forbidden: int):
    """Fails for one number, and says so in an unfriendly way."""
    return dsl.ContainerSpec(
        image="test",
        command=_python(
            f"attack = {ATTACK!r}\n"
            "print(attack, chr(27) + '[31mred' + chr(27) + '[0m')\n"
            "sys.exit(attack if sys.argv[1] == sys.argv[2] else 0)\n"
        ),
        args=[value, forbidden],
    )


@dsl.container_component
def report(text: str, page: dsl.Output[dsl.HTML]):
    """Makes an HTML page with a script of its own."""
    return dsl.ContainerSpec(
        image="test",
        command=_python(
            "write(sys.argv[1], '<h1>Report</h1><p id=out></p><script>'\n"
            "    \"out.textContent = 'drawn; cookies: ' + (() => { try { return document.cookie }"
            " catch { return 'refused' } })();"
            " fetch('/').catch(() => { out.textContent += '; network: refused' })\"\n"
            "    '</script>' + sys.argv[2])\n"
        ),
        args=[page.path, text],
    )


@dsl.pipeline
def inner(start: int = 1):
    """Two tasks, one after the other."""
    first = number(value=start)
    number(value=first.outputs["result"])


@dsl.pipeline(name="everything")
def everything(items: list = [1, 2, 3], forbidden: int = 0, text: str = ATTACK, until: str = ""):
    """Has a loop, conditions in each other, a sub-pipeline, and a report."""
    first = number(value=3, until=until)
    with dsl.ParallelFor(items, parallelism=2) as item:
        found = number(value=item)
        check(value=found.outputs["result"], forbidden=forbidden).set_display_name(ATTACK)
    with dsl.If(first.outputs["result"] > 2, name="large"):
        large = number(value=first.outputs["result"])
        with dsl.If(large.outputs["result"] > 100):
            number(value=100)
    below = inner(start=2)
    report(text=text).after(below)
