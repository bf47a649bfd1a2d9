"""Which edits of a module change the cache key of a task, and which do not."""

import random
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from headrace.targets.local.cache.reach.reached_code import WHOLE, reached

Files = Mapping[str, str]

MODULE = '''
"""A module for two tasks."""
import math
import numpy as np
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import pandas

SCALE = 2
NAMES = ["a", "b"]
KEYS = [f"{name}_xf" for name in NAMES]
EPOCHS = 3
STEPS = EPOCHS * 100

def _helper(x):
    return _deep(x) * SCALE

def _deep(x):
    return x + 1

def entry(x):
    """Does something."""
    return _helper(x)  # a comment

class Model:
    def call(self, x):
        return x

def other(x, y=EPOCHS):
    return Model().call(x) + STEPS

if __name__ == "__main__":
    print(other(1))
'''


def digest(source: str | Files, *names: str) -> str:
    files = {"m.py": source} if isinstance(source, str) else source
    return reached(files, next(iter(files)), names or ("entry",)).digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return Model().call(x) + STEPS", "return 7"),
        ("y=EPOCHS", "y=EPOCHS + 1"),
        ("EPOCHS = 3", "EPOCHS = 4"),
        ("EPOCHS * 100", "EPOCHS * 7"),
        ("        return x\n", "        return -x\n"),
        ("class Model:", "class Model(Exception):"),
        (
            "class Model:",
            "import dataclasses\n@dataclasses.dataclass\nclass Model:\n    n: int = 3",
        ),
        ("class Model:", "class Base:\n    pass\n\nclass Model(Base):"),
        ("import math", "import math\nimport json"),
        ("import math", "import math\nfrom tensorflow import keras"),
        ("    import pandas", "    import pandas\n    import polars"),
        ('    """Does something."""\n', ""),
        ('"""A module for two tasks."""', '"""A module."""'),
        ("  # a comment", "  # another"),
        ("return _helper(x)", "return (\n        _helper(x)\n    )"),
        ("print(other(1))", "print(other(2))"),
        ('["a", "b"]', '["a", "b", "c"]'),
        ("def other", "def third(v):\n    globals()['SCALE'] = v\n\ndef other"),
        ("def other", "def third(v):\n    global SCALE\n    SCALE = v\n\ndef other"),
        (
            "def other",
            "import tensorflow as tf\n@tf.function\ndef third(v):\n    return v\n\ndef other",
        ),
        ("def other", "F = lambda v: v\n\ndef other"),
        (
            "def other",
            "def third(v: list[int] | None = None) -> dict[str, 'Model']: ...\n\ndef other",
        ),
        ("def other", "import logging\nLOG = logging.getLogger(__name__)\n\ndef other"),
        ("def other", "ALIAS = dict[str, int] | None\nT = tuple[int, ...]\n\ndef other"),
        ("def other", "SPEC = {'a': Model, 'b': [len, math.pi]}\n\ndef other"),
    ],
)
def test_an_edit_of_code_that_is_not_reached_changes_nothing(old: str, new: str) -> None:
    assert old in MODULE
    edited = MODULE.replace(old, new)

    assert digest(edited) == digest(MODULE)
    assert WHOLE not in reached({"m.py": MODULE}, "m.py", ["entry"]).parts


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return x + 1", "return x + 2"),
        ("SCALE = 2", "SCALE = 3"),
        ("SCALE = 2", "SCALE = 2\nSCALE = 5"),
        ("SCALE = 2", "SCALE = 2\ndel SCALE"),
        ("return _helper(x)", "return _helper(x) + 1"),
        ("def entry(x)", "def entry(x, y=EPOCHS)"),
        ("def entry(x)", "def entry(x: float)"),
        ("def entry(x)", "@np.vectorize\ndef entry(x)"),
        ("def _deep", "def entry(x):\n    return 0\n\ndef _deep"),
        ("def other", "def _deep(x):\n    return x\n\ndef other"),
        ("def other", "_deep = math.sqrt\n\ndef other"),
        ("def other", "_deep.limit = 3\n\ndef other"),
        ("def other", "if STEPS > 2:\n    def _deep(x):\n        return x\n\ndef other"),
        ("def other", "try:\n    import fast\nexcept ImportError:\n    fast = None\n\ndef other"),
        ("def other", "for EPOCHS in range(3):\n    pass\n\ndef other"),
        ("def other", "math.floor = math.ceil\n\ndef other"),
        ("def other", "NAMES.append('c')\n\ndef other"),
        ("def other", "NAMES += ['c']\n\ndef other"),
        ("def other", "NAMES[0] = 'c'\n\ndef other"),
        ("def other", "exec('SCALE = 9')\n\ndef other"),
        ("def other", "VALUE = np.random.seed(3)\n\ndef other"),
        ("def other", "print('hello')\n\ndef other"),
        ("def other", "@print\ndef third(): ...\n\ndef other"),
        ("def other", "def third(v=print('hello')): ...\n\ndef other"),
        ("def other", "def third(v: print('hello')): ...\n\ndef other"),
        ("def other", "class Third:\n    print('hello')\n\ndef other"),
        ("def other", "class Third(Model, metaclass=type): ...\n\ndef other"),
        ("def other", "class Third(np.ndarray): ...\n\ndef other"),
        ("def other", "F = lambda v=print('hello'): v\n\ndef other"),
        ("def other", "Y = (SCALE := 7)\n\ndef other"),
        ("def other", "A, SCALE = [1, 2]\n\ndef other"),
        ("def other", "A, *SCALE = [1, 2]\n\ndef other"),
        ("def other", "from math import *\n\ndef other"),
        ("def other", "def __getattr__(name): ...\n\ndef other"),
        ("import math", "import math\nimport tensorflow_text"),
        ("import math", "from __future__ import annotations\nimport math"),
        ("class Model:", "class Base:\n    def __init_subclass__(cls): ...\n\nclass Model(Base):"),
        ("_deep(x) * SCALE", "globals()['_deep'](x) * SCALE"),
        ("_deep(x) * SCALE", "(lambda v: v)(x) * SCALE"),
    ],
)
def test_an_edit_of_code_that_may_be_reached_changes_the_key(old: str, new: str) -> None:
    assert old in MODULE

    assert digest(MODULE.replace(old, new)) != digest(MODULE)


FREE = [
    "    return globals()['hidden'](x)",
    "    return eval('hid' + 'den')(x)",
    "    import sys; return sys.modules[__name__].hidden(x)",
    "    from sys import modules as m; return m[__name__].hidden(x)",
    "    import importlib; return importlib.import_module(__name__).hidden(x)",
    "    import inspect; return len(inspect.getsource(hidden))",
    "    return entry.__globals__['hidden'](x)",
    "    import builtins as b; return b.eval('hidden(x)')",
    "    return vars(__import__(__name__))['hidden'](x)",
    "    return __doc__, x",
]


@pytest.mark.parametrize("line", FREE)
def test_code_that_may_reach_all_makes_all_count(line: str) -> None:
    source = f'"""One."""\ndef entry(x):\n{line}\n\ndef hidden(x):\n    return 1\n'

    for old, new in (("return 1", "return 2"), ("One.", "Two.")):
        assert digest(source.replace(old, new)) != digest(source)


DEFINITIONS = [
    ("def hidden(x):\n    return 1", "{}def entry(x):\n    return [f(x) for f in [hidden]]"),
    ("def hidden(x):\n    return 1", "{}TABLE = {{'a': hidden}}\ndef entry(x):\n    return TABLE"),
    ("def hidden(x):\n    return 1", "{}F = lambda x: hidden(x)\ndef entry(x):\n    return F(x)"),
    ("def hidden(x):\n    return 1", "{}def entry(x, f=hidden):\n    return f(x)"),
    ("def hidden(x):\n    return 1", "{}@hidden\ndef entry(x):\n    return x"),
    (
        "def hidden(x):\n    return 1",
        "{}class C:\n    v = hidden(1)\ndef entry(x):\n    return C.v",
    ),
    ("class H:\n    def f(self): return 1", "{}class C(H): ...\ndef entry(x):\n    return C().f()"),
    ("class H:\n    n: int = 1", "{}def entry(x: 'H'):\n    return x"),
    ("class H:\n    n: int = 1", "{}def entry(x: 'list[H] | None'):\n    return x"),
    (
        "class H:\n    n: int = 1",
        "{}def entry(x):\n    def inner():\n        return H()\n    return inner",
    ),
    (
        "N = 1",
        "{}def entry(x):\n    global N\n    N = 2\n    return other()\ndef other(): return N",
    ),
    ("N = 1", "{}def entry(x):\n    match x:\n        case [N.real, *_]:\n            return 1"),
    ("N = 1", "{}async def entry(x):\n    return await N"),
    ("N = 1", "{}def entry(x):\n    return f'{{x:{{N}}}}'"),
    ("N = 1", "{}entry = make(N)"),
    ("N = 1", "{}if N:\n    def entry(x): return 1\nelse:\n    def entry(x): return 2"),
    ("N = 1", "{}with open(N) as file:\n    M = file.read()\ndef entry(x):\n    return M"),
    ("N = 1", "{}M = [n + N for n in range(3)]\ndef entry(x):\n    return M"),
    ("N = 1", "{}M = X = N\ndef entry(x):\n    return X"),
    ("N = 1", "{}M, X = N, 2\ndef entry(x):\n    return X"),
    ("N = 1", "{}def entry(x, *, y: int = N): ..."),
    ("N = 1", "{}class entry:\n    FIELD: int = N"),
    ("N = 1", "{}L = []\nM = L\nM.append(N)\ndef entry(x):\n    return L"),
    ("N = 1", "{}L = []\ndef add(v): L.append(v)\nadd(N)\ndef entry(x):\n    return L"),
]


@pytest.mark.parametrize(("hidden", "source"), DEFINITIONS)
def test_what_a_function_reaches_counts_however_it_is_written(hidden: str, source: str) -> None:
    before = source.format(hidden + "\n")
    after = source.format(hidden.replace("1", "2") + "\n")

    assert before != after
    assert digest(before) != digest(after)


# A class tells its values, its bases and its members of itself when it is made.
CLASSES = [
    "class D:\n    def __set_name__(self, owner, name): self.name = name\nd = D()\n"
    "class Other:\n    x1 = d\ndef entry(): return d.name",
    "import dataclasses\nclass D:\n    def __set_name__(self, owner, name): self.name = name\n"
    "d = D()\n"
    "class Other:\n    x1: int = dataclasses.field(default=d)\ndef entry(): return d.name",
    "import enum\nSEEN = []\nclass E(enum.Enum):\n    RED = 1\n"
    "    def __init__(self, v): SEEN.append(v)\ndef entry(): return SEEN",
    "import enum\nSEEN = []\nclass M:\n    def __init__(self, v): SEEN.append(v)\n"
    "class E(M, enum.Enum):\n    RED = 1\ndef entry(): return SEEN",
    "import enum\nSEEN = []\nclass M(enum.Enum):\n    def __init__(self, v): SEEN.append(v)\n"
    "class E(M):\n    RED = 1\ndef entry(): return SEEN",
    "SEEN = []\nclass Base: ...\n"
    "Base.__init_subclass__ = classmethod(lambda cls: SEEN.append(cls.__name__))\n"
    "class Sub1(Base): ...\ndef entry(): return SEEN",
    "SEEN = []\n@classmethod\ndef hook(cls): SEEN.append(cls.__name__)\n"
    "class Base:\n    __init_subclass__ = hook\nclass Sub1(Base): ...\ndef entry(): return SEEN",
    "from typing import Generic\nclass Other(Generic[print(1)]): ...\ndef entry(): ...",
    "import os\nclass D:\n    def __fspath__(self): L.append(1)\nL = []\nd = D()\n"
    "P = os.path.join(d, '1')\ndef entry(): return L",
    "import functools\nclass D:\n    def __getattr__(self, name): L.append(name)\nL = []\nd = D()\n"
    "@functools.wraps(d)\ndef other(v=1): ...\ndef entry(): return L",
    "class D:\n    def __hash__(self): return 1\nSET1 = {D}\ndef entry(): ...",
]


@pytest.mark.parametrize("source", CLASSES)
def test_a_class_that_others_learn_of_counts(source: str) -> None:
    last = source.rindex("1")

    assert digest(source) != digest(f"{source[:last]}2{source[last + 1 :]}")


# The code finds these by a text, by its frames, or in its files.
HIDDEN = [
    "import pandas as pd\ndef entry(x): return x.query('a > @hidden')",
    "import pandas as pd\ndef entry(x): return getattr(x, 'query')('a > @hid' + x)",
    "import pandas as pd\ndef entry(x): return pd.eval(x)",
    "import sys\ndef entry(x): return getattr(getattr(sys, 'modules')[__name__], x)",
    "from operator import attrgetter as a\ndef entry(x): return a('__globals__')(entry)[x]",
    "def entry(x: \"dict[str, 'hidden']\"): ...",
    "def entry(x: 'Annotated[int, (hidden, 3)]'): ...",
    "NAMES = dir()\ndef entry(x): return NAMES",
    "import re\nL = []\nre.compile = L.append\nX = re.compile('hidden')\ndef entry(x): return L",
    "import re\nL = []\nr = re\nr.compile = L.append\ndef entry(x): return L",
    "import re\nL = []\ndef set(m): m.compile = L.append\nset(re)\ndef entry(x): return L",
    "import re\nL = []\nre.__dict__.update(compile=L.append)\ndef entry(x): return L",
    "import re\nL = []\nsetattr(re, 'compile', L.append)\ndef entry(x): return L",
    "import pkgutil\ndef entry(x): return pkgutil.resolve_name(x)",
    "import pydoc as p\ndef entry(x): return p.locate(x)",
    "def entry(x):\n    try: x()\n    except E as e: return e.__traceback__.tb_frame",
    "import sys, pathlib\ndef entry(x): return pathlib.Path(sys.path[0], x).read_text()",
    "from sys import path as p\ndef entry(x): return open(p[0] + x).read()",
    "_C__hidden = 0\nclass C:\n    def f(self): return __hidden\ndef entry(x): return C().f()",
]


@pytest.mark.parametrize("source", HIDDEN)
def test_what_no_name_in_the_code_shows_counts(source: str) -> None:
    hidden = "\n_C__hidden = hidden = 1"

    assert digest(source + hidden) != digest(source + hidden.replace("1", "2"))


@pytest.mark.parametrize(
    "source",
    [
        "import helpers\ndef entry(x): return helpers.__dict__[x]",
        "from helpers import __dict__ as d\ndef entry(x): return d[x]",
        "import helpers\ndef entry(x): return helpers.__getattribute__(x)",
        "import helpers\ndef entry(x): return open(helpers.__file__).read()",
        "from tools import find\ndef entry(x): return find('helpers.hidden')",
        "from tools import find\ndef entry(x): return find('helpers', x)",
        "OK = 1\ntry:\n    import helpers\nexcept Exception:\n    OK = 0\ndef entry(x): return OK",
        "import pkg.sub\ndef entry(x): return getattr(pkg, x).hidden",
    ],
)
def test_what_no_name_shows_counts_in_other_files_too(source: str) -> None:
    def of(text: str) -> str:
        files = {
            "m.py": source,
            "helpers.py": text,
            "tools.py": "find = 1",
            "pkg/__init__.py": "",
            "pkg/sub.py": text,
        }
        return reached(files, "m.py", ["entry"]).digest

    assert of("hidden = 1\n") != of("hidden = 2\n")


def test_a_file_that_was_not_there_before_counts() -> None:
    source = "def entry(x):\n    import settings\n"

    with_file = {"m.py": source, "settings.py": "UNUSED = 1\n"}
    assert digest(with_file) != digest({"m.py": source})


def test_the_name_of_a_split_frees_nothing() -> None:
    source = "def entry(x): return x['eval']\ndef other(x): return 1"

    assert digest(source) == digest(source.replace("1", "2"))


PACKAGE: Files = {
    "models/entry.py": "from . import features as f\nfrom .shared import scale\n"
    "import models.deep\n"
    "def entry(x):\n    return scale(f.cross(x)) + models.deep.depth(x)\n"
    "def other(x):\n    return f.unused(x)\n",
    "models/__init__.py": "VERSION = 1\n",
    "models/features.py": "from .constants import BASE, UNUSED\n"
    "def cross(x):\n    return x * BASE\n"
    "def unused(x):\n    return x\n",
    "models/constants.py": "BASE = 1\nUNUSED = 5\n",
    "models/shared.py": "from models.shapes import scale, turn\n",
    "models/shapes.py": "def scale(x):\n    return 1\ndef turn(x):\n    return 2\n",
    "models/deep.py": "def depth(x):\n    return 3\ndef height(x):\n    return 4\n",
}


def edited(name: str, old: str, new: str) -> Files:
    assert old in PACKAGE[name]
    return {**PACKAGE, name: PACKAGE[name].replace(old, new)}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("models/constants.py", "BASE = 1", "BASE = 2"),
        ("models/features.py", "x * BASE", "x + BASE"),
        ("models/shapes.py", "return 1", "return 5"),
        ("models/deep.py", "return 3", "return 5"),
        ("models/__init__.py", "VERSION = 1", "print('hello')"),
        ("models/constants.py", "UNUSED = 5", "UNUSED = print(5)"),
        ("models/shapes.py", "def turn", "@print\ndef turn"),
        ("models/shared.py", "import scale, turn", "import scale as turn, turn as scale"),
        ("models/entry.py", "import features as f", "import shapes as f"),
    ],
)
def test_code_that_is_reached_in_another_file_counts(name: str, old: str, new: str) -> None:
    assert digest(edited(name, old, new)) != digest(PACKAGE)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("models/constants.py", "UNUSED = 5", "UNUSED = 6"),
        ("models/features.py", "return x\n", "return -x\n"),
        ("models/shapes.py", "return 2", "return 5"),
        ("models/deep.py", "return 4", "return 5"),
        ("models/__init__.py", "VERSION = 1", "VERSION = 2"),
        ("models/shared.py", "import scale, turn", "import scale"),
        ("models/entry.py", "f.unused(x)", "f.cross(x)"),
    ],
)
def test_code_that_is_not_reached_in_another_file_does_not_count(
    name: str, old: str, new: str
) -> None:
    assert digest(edited(name, old, new)) == digest(PACKAGE)


def test_a_file_that_only_another_task_imports_does_not_count() -> None:
    source = "def entry(x):\n    return x\ndef other(x):\n    import heavy\n    return heavy.f(x)\n"
    used = source.replace(
        "def entry(x):\n", "def entry(x):\n    import heavy\n    x = heavy.f(x)\n"
    )
    light = {"heavy.py": "def f(x): return 1\n", "m.py": source}
    heavy = {"heavy.py": "def f(x): return 2\n", "m.py": source}

    def of(files: Files) -> str:
        return reached(files, "m.py", ["entry"]).digest

    assert of(light) == of(heavy)
    assert of({**light, "m.py": used}) != of({**heavy, "m.py": used})


@pytest.mark.parametrize("use", ["g(helpers)", "getattr(helpers, name)", "helpers", "dir(helpers)"])
def test_a_module_that_is_passed_on_counts_whole(use: str) -> None:
    source = f"import helpers\ndef entry(g, name=''):\n    return {use}\n"

    def of(text: str) -> str:
        return reached({"m.py": source, "helpers.py": text}, "m.py", ["entry"]).digest

    assert of("def f(): return 1\n") != of("def f(): return 2\n")


def test_a_name_that_the_component_looks_up_counts_as_soon_as_it_is_there() -> None:
    more = MODULE + "\ndef stats_options_updater_fn(kind, options):\n    return options\n"
    names = ("entry", "stats_options_updater_fn")

    assert digest(more, *names) != digest(MODULE, *names)
    assert digest(more, "entry") == digest(MODULE, "entry")


def test_the_parts_say_which_function_has_changed() -> None:
    before = reached({"m.py": MODULE}, "m.py", ["entry"]).parts
    after = reached({"m.py": MODULE.replace("x + 1", "x + 2")}, "m.py", ["entry"]).parts

    assert sorted(before) == ["m.py: SCALE", "m.py: _deep", "m.py: _helper", "m.py: entry"]
    assert {name for name in before if before[name] != after[name]} == {"m.py: _deep"}


def test_a_component_that_looks_up_no_known_names_has_all_files_in_its_key() -> None:
    files = {"m.py": "A = 1\n", "n.py": "B = 1\n"}

    assert reached(files, "m.py", None).parts.keys() == {WHOLE, "m.py", "n.py"}
    assert reached(files, "m.py", None).digest != reached(files, "n.py", None).digest


@pytest.mark.parametrize("example", ["penguins", "digits", "flights"])
def test_an_edit_of_run_fn_in_an_example_does_not_run_transform_again(example: str) -> None:
    file = Path(__file__).parents[2] / "examples" / example / "module.py"
    source = file.read_text("utf-8")
    edited = re.sub(r"(def run_fn\(.*\n)", r"\1    print('edited')\n", source)
    names = ("preprocessing_fn", "stats_options_updater_fn")

    assert edited != source
    assert digest(edited, *names) == digest(source, *names)
    assert digest(edited, "run_fn") != digest(source, "run_fn")


@pytest.mark.parametrize("lines", [100, 50_000])
def test_of_code_that_a_program_has_written_all_counts(lines: int) -> None:
    source = MODULE + "".join(f"N{number} = {number}\n" for number in range(lines))

    assert (WHOLE in reached({"m.py": source}, "m.py", ["entry"]).parts) == (lines > 100)


# A random module is edited at random. If the edit changes what the function returns, the key must
# change, too. The edits reach the function through aliases, defaults, decorators and mutation.
STATEMENTS = [
    "{a} = {n}",
    "{a} = [{n}]",
    "{a} = {b}",
    "{a} = [{b}]",
    "{a} = {b}, {c}",
    "{a}, {b} = {c}, {n}",
    "{a} = [[{n}], {b}]",
    "{a} = {a} if {n} % 2 else {b}",
    "{a} = f'{{{b}}}{n}'",
    "{a} = [each for each in [{b}, {n}]]",
    "{a} = str({b})",
    "{a} = lambda v=None: value({b})",
    "{a} = lambda v=value({b}): v",
    "def {a}(v={n}, w={b}):\n    return value(v), value(w), {n}",
    "def {a}(v=None):\n    global {b}\n    {b} = {n}\n    return {n}",
    "def {a}(v=None):\n    return value({b})",
    "def {a}(v=None):\n    {c} = {n}\n    return {c}",
    "class {a}:\n    field = {b}\n    def get(self):\n        return {n}",
    "class {a}:\n    field = value({b})",
    "@deco\ndef {a}(v=None):\n    return value({b})",
    "try:\n    {a} = {b} + {n}\nexcept Exception:\n    {a} = {n}",
    "if value({b}) == {n}:\n    {a} = {n}",
    "grow({a}, {n})",
    "value({b})",
    "{a} = value({b})",
    "if __name__ == '__main__':\n    {a} = {n}",
    "for {a} in range({n}):\n    pass",
    "from helpers import {a}",
    "import helpers\n{a} = helpers.{b}",
    "import helpers as {a}_m\n{b} = {a}_m.{a}",
    "import helpers\nhelpers.{a} = {n}",
    "import helpers\ngrow(helpers.{a}, {n})",
    "SEEN.append({n})",
    "SEEN += [{n}]",
    "{a}_seen = SEEN\n{a}_seen.append({n})",
]
PRELUDE = """
SEEN = []
def value(v):
    if isinstance(v, (int, str)):
        return v
    if isinstance(v, (list, tuple)):
        return [value(each) for each in v[:3]]
    if isinstance(v, type):
        return value(v.field)
    return v() if callable(v) and depth(1) else repr(type(v))
LEVEL = [0]
def depth(n):
    LEVEL[0] += n
    return LEVEL[0] < 40
def deco(f):
    SEEN.append(f.__name__)
    return f
def grow(v, n):
    if isinstance(v, list):
        v.append(n)
"""
NAMES = ["a", "b", "c", "d", "e"]


def random_module(rng: random.Random, statements: list[str], prelude: str) -> list[str]:
    start = [f"{name} = {number}" for number, name in enumerate(NAMES)]
    return [prelude, *start, *(statement(rng, statements) for _ in range(rng.randint(2, 9)))]


def statement(rng: random.Random, statements: list[str]) -> str:
    first, second, third = rng.sample(NAMES, 3)
    return rng.choice(statements).format(a=first, b=second, c=third, n=rng.randint(0, 3))


def outcome(files: Files) -> Any:
    """Returns what the function returns, as a component would see it."""
    helpers = ModuleType("helpers")
    sys.modules["helpers"] = helpers
    try:
        exec(files["helpers.py"], helpers.__dict__)
        space: dict[str, Any] = {"__name__": "user_module"}
        exec(files["m.py"], space)
        return re.sub("0x[0-9a-f]+", "", repr(space["entry"]()))
    except Exception as error:
        return error
    finally:
        del sys.modules["helpers"]


@pytest.mark.parametrize("seed", range(10))
def test_an_edit_that_changes_a_result_changes_the_key(seed: int) -> None:
    rng = random.Random(seed)
    inner = [each for each in STATEMENTS if "helpers" not in each]
    kept = 0
    for _ in range(40):
        helpers = random_module(rng, inner, PRELUDE)
        module = random_module(rng, STATEMENTS, PRELUDE)
        end = f"def entry():\n    return value({rng.choice(NAMES)}), SEEN"
        before = {"helpers.py": "\n".join(helpers), "m.py": "\n".join([*module, end])}
        place = rng.choice([helpers, module])
        number = rng.randrange(1, len(place))
        place[number] = statement(rng, inner)
        after = {"helpers.py": "\n".join(helpers), "m.py": "\n".join([*module, end])}
        results = [outcome(files) for files in (before, after)]
        keys = [reached(files, "m.py", ["entry"]).digest for files in (before, after)]
        if isinstance(results[0], Exception) or isinstance(results[1], Exception):
            continue  # a run that fails leaves no result for the cache
        if results[0] != results[1]:
            assert keys[0] != keys[1], (before, after, results)
        kept += keys[0] == keys[1] and before != after
    assert kept, "no edit was found not to matter"
