"""What is known to change nothing for other code: names for `quiet_statements`."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


BUILTIN_CALLS = _words(
    """
    abs bool dict float frozenset int len list max min range round set sorted str sum tuple
    """
)
"""Builtins that change nothing when they are called with plain values."""

BUILTIN_CLASSES = _words(
    """
    ArithmeticError AssertionError AttributeError BaseException Exception ImportError
    IndexError KeyError LookupError None NotImplementedError OSError RuntimeError
    StopIteration TypeError ValueError bool bytes dict float frozenset int list object set
    str tuple type
    """
)
"""Builtin classes, from which others may be made, and which stand in types."""

QUIET_CALLS = _words(
    """
    collections.namedtuple dataclasses.field enum.auto logging.getLogger os.path.join
    re.compile tensorflow.TensorSpec tensorflow.io.FixedLenFeature
    tensorflow.io.VarLenFeature typing.NewType typing.ParamSpec typing.TypeVar
    """
)
"""Functions of packages that only make a value."""

QUIET_METHODS = _words(
    """
    count endswith format get index items join keys lower replace rstrip split startswith
    strip title upper values
    """
)
"""Methods of texts, lists and dicts that change nothing."""

QUIET_DECORATORS = _words(
    """
    abc.abstractmethod contextlib.contextmanager dataclasses.dataclass enum.unique
    functools.cache functools.cached_property functools.lru_cache functools.total_ordering
    functools.wraps kfp.dsl.component tensorflow.autograph.experimental.do_not_convert
    tensorflow.function tfx.dsl.component.experimental.decorators.component
    tfx.dsl.components.component tfx.v1.dsl.components.component typing.final
    typing.no_type_check typing.overload typing.runtime_checkable
    """
)
"""Decorators of packages that keep no list of what they decorate."""

BUILTIN_DECORATORS = _words(
    """
    classmethod property staticmethod
    """
)
"""Builtin decorators."""

PROPERTY_PARTS = _words(
    """
    deleter getter setter
    """
)
"""Decorators that a property has."""

QUIET_BASES = _words(
    """
    abc.ABC apache_beam.CombineFn apache_beam.DoFn apache_beam.PTransform enum. keras.
    tensorflow.Module tensorflow.keras. tf_keras. typing.Generic typing.NamedTuple
    typing.Protocol typing.TypedDict
    """
)
"""Classes that take no notice of classes made from them; with a dot at the end, a package."""

QUIET_MODULES = frozenset(
    name.rpartition(".")[0] for name in QUIET_CALLS | QUIET_DECORATORS | QUIET_BASES
)
"""Modules that have such names. Code that gets one whole could put others in their place."""

QUIET_INDEXED = _words(
    """
    collections numpy os tensorflow typing
    """
)
"""Packages in whose names `[...]` only looks up a type or a variable."""

QUIET_IMPORTS = _words(
    """
    absl apache_beam keras keras_tuner kfp numpy pandas pyarrow tensorflow
    tensorflow_data_validation tensorflow_metadata tensorflow_model_analysis
    tensorflow_transform tf_keras tfx tfx_bsl typing_extensions
    """
)
"""Packages whose import changes nothing for other code, beside the standard library."""

FREE_NAMES = _words(
    """
    __annotations__ __builtins__ __cached__ __dict__ __doc__ __file__ __import__ __loader__
    __path__ __spec__ builtins cloudpickle compile dill dir eval exec gc globals help importlib
    inspect linecache locals pickle runpy vars
    """
)
"""Code with these names may reach any other code, or sees its own text."""

FREE_ATTRIBUTES = _words(
    """
    __builtins__ __cached__ __code__ __doc__ __file__ __globals__ __import__ __loader__ __path__
    __spec__ __subclasses__ _current_frames _getframe ag_frame cr_frame currentframe eval f_back
    f_code f_globals f_lineno f_locals getsource gi_code gi_frame import_module meta_path modules
    path_hooks query read_pickle setprofile settrace tb_frame tb_lineno
    """
)
"""Attributes with which code does so. pandas looks up names of the caller of `query` and `eval`."""

FREE_TEXTS = FREE_ATTRIBUTES - {"eval", "query"} | {
    name for name in FREE_NAMES if name.startswith("__")
}
"""Texts that name such an attribute. "eval" is also the name of a split."""

FREE_MODULES = _words(
    """
    code codeop ctypes doctest duckdb imp joblib jsonpickle marshal modulefinder numexpr pandasql
    pdb pkgutil profile pydoc shelve trace traceback unittest zipimport
    """
)
"""Packages whose functions do so; variables may have the same names."""
