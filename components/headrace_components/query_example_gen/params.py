"""Parameters of QueryExampleGen."""

import re
from dataclasses import dataclass
from typing import ClassVar

from headrace_components.contract.errors import InputError
from headrace_components.library.sources.query_params import QueryParams

# `user:password@`, and the forms that drivers accept in the query of a URL.
_SECRETS = re.compile(
    r"://[^/?#:@]*:(?P<password>[^?#]*)@|[?&][^=&]*(?:password|secret|token)[^=&]*=(?P<value>[^&]*)",
    re.IGNORECASE,
)
_VARIABLE = re.compile(r"\$\{\w+\}")


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryExampleGenParams(QueryParams):
    """Parameters that a pipeline author may set beyond `QueryParams`.

    Attributes:
        url: URL of the database, in SQLAlchemy's format. `${NAME}` stands for an environment
            variable of the task, or of the workers on Beam. Put the password or the whole URL into
            such a variable: a password in the parameter itself is refused.
    """

    component: ClassVar[str] = "query_example_gen"

    url: str

    def __post_init__(self) -> None:
        """Rejects values that would fail in every run."""
        _check_url(self.url)
        # `slots` makes another class of this one, which super() without arguments does not know.
        QueryParams.__post_init__(self)


def _check_url(url: str) -> None:
    if "://" not in url and not _VARIABLE.fullmatch(url):
        # The message does not have the value: it may be a password in the wrong place.
        raise InputError(
            "`url` has no scheme, expected the URL of a database, for example "
            "'sqlite:////data/rides.db' or 'postgresql://reader:${PASSWORD}@host/rides', or "
            "'${NAME}' for an environment variable that holds it. Give one of these."
        )
    for match in _SECRETS.finditer(url):
        secret = match["password"] or match["value"]
        if secret and not _VARIABLE.fullmatch(secret):
            raise InputError(
                "`url` holds a password, expected none, since parameters are "
                "shown and recorded. Put '${NAME}' in its place, and the password into the "
                "environment variable NAME of the task, as from a Kubernetes secret. Change the "
                "password: it may have been recorded already."
            )
