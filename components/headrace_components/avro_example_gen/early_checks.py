"""What is known of AvroExampleGen before a run."""

from headrace_components.library.sources.split_checks import check, splits_made

__all__ = ["check", "splits_made"]
