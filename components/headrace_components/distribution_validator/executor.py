"""Finds features whose distribution differs from a baseline."""

import json
import logging
from collections.abc import Sequence

from headrace_components.contract import reasons
from headrace_components.contract.errors import FindingsError
from headrace_components.contract.notices import announce
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Artifact, Task
from headrace_components.distribution_validator import comparators
from headrace_components.distribution_validator.comparison import compare
from headrace_components.distribution_validator.params import DistributionValidatorParams
from headrace_components.distribution_validator.report import (
    distributions_report,
    no_baseline_report,
)
from headrace_components.distribution_validator.verdicts import (
    metric_values,
    moved_features,
    pair_verdict,
)
from headrace_components.library.data import anomalies, split_pairs, splits, statistics
from headrace_components.library.data.anomalies import Anomaly

# The values of `blessed` for a split, as in TFX.
_NO_BASELINE = 2


def execute(task: Task) -> None:
    """Writes `SplitPair-<test>_<baseline>/SchemaDiff.pb` under `anomalies`, and the page `report`.

    Without a baseline this file does not exist, and `blessed` is 2 for every split.
    """
    params = read(DistributionValidatorParams, task.params, task.component)
    wanted = comparators.read(params.config)
    custom = comparators.read_custom(params.custom_validation_config)
    test = task.input("statistics")
    baseline = task.optional_input("baseline_statistics")
    output = task.output("anomalies")
    if baseline is None or not any(baseline.path.glob("Split-*")):
        _pass_unseen(test, task)
        return
    pairs = split_pairs.selected(test, baseline, params.include_split_pairs, same_name=True)
    found: dict[str, list[Anomaly]] = {}
    verdicts = []
    for pair in pairs:
        tested = statistics.read(splits.directory(test, pair.test))
        base = statistics.read(splits.directory(baseline, pair.baseline))
        diff = compare(tested, base, wanted, custom)
        anomalies.write(diff, pair.directory(output))
        found[pair.name] = anomalies.found(pair.name, diff)
        verdicts.append(pair_verdict(pair, tested, base, wanted, diff))
    splits.describe(test, output, list(found))
    output.metadata["blessed"] = json.dumps({name: int(not item) for name, item in found.items()})
    task.output("report").path.write_bytes(distributions_report(verdicts))
    task.output("metrics").metadata.update(metric_values(verdicts))
    if why := moved_features(verdicts):
        output.metadata[reasons.KEY] = reasons.to_text(why)
    _report([anomaly for items in found.values() for anomaly in items], list(found), params)


def _pass_unseen(test: Artifact, task: Task) -> None:
    names = splits.selected(test, ())
    output = task.output("anomalies")
    logging.warning("There is no baseline, so nothing was compared for the splits %s.", list(names))
    splits.describe(test, output, ())
    output.metadata["blessed"] = json.dumps(dict.fromkeys(names, _NO_BASELINE))
    task.output("report").path.write_bytes(no_baseline_report(names))


def _report(
    moved: Sequence[Anomaly], pairs: Sequence[str], params: DistributionValidatorParams
) -> None:
    if not moved:
        logging.info("No distribution has moved beyond its threshold: %s.", list(pairs))
        return
    logging.warning("Distributions have moved:\n%s", anomalies.table(moved))
    summary = (
        f"the data differs from its baseline in {len(moved)} "
        f"{'place' if len(moved) == 1 else 'places'}: {anomalies.listed(moved)}."
    )
    if params.fail_on_anomalies:
        raise FindingsError(
            f"{summary} Find out what changed in the source; or, if the change is right, raise the "
            "threshold in `config`; or record anomalies only, with `fail_on_anomalies` false."
        )
    announce("%s", summary)
