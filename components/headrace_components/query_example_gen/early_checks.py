"""What is known of QueryExampleGen before a run."""

from headrace_components.library.sources.split_checks import splits_made

__all__ = ["splits_made"]
