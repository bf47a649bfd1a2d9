"""Every component: `from headrace_components.catalog import trainer`."""

from headrace_components.import_schema_gen.interface import import_schema_gen

__all__ = [
    "import_schema_gen",
]
