"""Infers a schema that the data of every split satisfies."""

import logging

import tensorflow_data_validation as tfdv

from headrace_components.contract.errors import InputError
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.library.data import schemas, splits, statistics
from headrace_components.library.data.split_types import note_differences
from headrace_components.schema_gen.params import SchemaGenParams


def execute(task: Task) -> None:
    """Writes `schema.pbtxt` under the `schema` output."""
    params = read(SchemaGenParams, task.params, task.component)
    source = task.input("statistics")
    names = splits.selected(source, params.exclude_splits)
    schema = None
    by_split = {}
    for name in names:
        split = statistics.read(splits.directory(source, name))
        by_split[name] = split
        if not split.datasets[0].features:
            # A split without rows has no information. If it came first, no feature would get a
            # shape: TFDV gives shapes to the features that it infers, but not to those that an
            # update adds.
            logging.warning("The statistics of split %r hold no features.", name)
        elif schema is None:
            schema = tfdv.infer_schema(split, params.infer_feature_shape)
        else:
            schema = tfdv.update_schema(schema, split, params.infer_feature_shape)
    if schema is None:
        raise InputError(
            f"the statistics of the splits {list(names)} hold no features, so there is "
            "nothing to infer a schema from. Check that the examples have rows."
        )
    for feature, has in note_differences(schema, by_split).items():
        logging.warning(
            "schema_gen: feature %r has %s, which no schema describes, so it is marked DEPRECATED: "
            "later components leave it out. Give it values of one type in all splits, leave a "
            "split out by `exclude_splits`, or write its type into the schema and bring that in "
            "with import_schema_gen.",
            feature,
            has,
        )
    schemas.write(schema, task.output("schema").path)
    logging.info("Inferred %d features from the splits %s.", len(schema.feature), list(names))
