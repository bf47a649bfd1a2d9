"""Finds the API of Kubeflow Pipelines, and the credentials for it."""

import ipaddress
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click

from headrace.profiles.profile import Profile
from headrace.targets.kubeflow.settings import Kubeflow
from headrace_components.contract.errors import InputError, PlatformError

TOKEN_VARIABLE = "HEADRACE_KFP_TOKEN"
COOKIES_VARIABLE = "HEADRACE_KFP_COOKIES"

SERVICE = "ml-pipeline"
_PORT = 8888
# Installations put the service here, even if every user has a namespace.
_INSTALLATION_NAMESPACE = "kubeflow"

# https://www.kubeflow.org/docs/components/pipelines/user-guides/core-functions/connect-api/
_POD_TOKEN = "/var/run/secrets/kubeflow/pipelines/token"
_POD_TOKEN_VARIABLE = "KF_PIPELINES_SA_TOKEN_PATH"
_UI_PORT = 8080


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """The address of the API, and the credentials.

    Attributes:
        host: URL of the API, without a final slash.
        namespace: The namespace of runs, if every user has a namespace.
        token: A bearer token; empty without one.
        token_file: File of a pod with a token that the cluster renews; empty outside of pods.
        cookies: Cookies for a gateway; empty without one.
        certificates: File of the authorities that may vouch for the host; empty for the usual.
        ui: URL of the web pages; empty if they cannot be reached from here.
        service_namespace: Namespace of the service itself, if it was looked up in the cluster.
    """

    host: str
    namespace: str
    token: str = ""
    token_file: str = ""
    cookies: str = ""
    certificates: str = ""
    ui: str = ""
    service_namespace: str = ""

    @property
    def how_to_sign_in(self) -> str:
        """A sentence about how to get access."""
        held = [
            name
            for name, value in ((TOKEN_VARIABLE, self.token), (COOKIES_VARIABLE, self.cookies))
            if value
        ]
        if held:
            return f"What {held[0]} holds has run out or is of another cluster: set a new one."
        return (
            f"Set {TOKEN_VARIABLE} to a token of the cluster, or {COOKIES_VARIABLE} to the cookies "
            "of a browser that is signed in."
        )

    def link(self, page: str) -> str:
        """Returns the link to a page for people, such as `runs/details/<id>`."""
        if self.ui:
            return f"{self.ui}/#/{page}"
        forward = (
            f"kubectl -n {self.service_namespace or self.namespace} port-forward "
            f"svc/ml-pipeline-ui {_UI_PORT}:80"
        )
        return f"http://localhost:{_UI_PORT}/#/{page} after `{forward}`"


def address_of(profile: Profile, environment: Mapping[str, str] | None = None) -> Address:
    """Finds the API: at `host` of the profile, inside the cluster, or by a forwarded port.

    Args:
        profile: Its table [kubeflow] may name `host` and `namespace`.
        environment: Environment variables; by default those of this process.

    Raises:
        InputError: The host would get a token without encryption.
        PlatformError: There is no host, this process is not in a pod, and there is no cluster.
    """
    variables = os.environ if environment is None else environment
    settings = profile.table_of(Kubeflow)
    common = {
        "namespace": settings.namespace,
        "token": variables.get(TOKEN_VARIABLE, ""),
        "cookies": variables.get(COOKIES_VARIABLE, ""),
        "certificates": variables.get("SSL_CERT_FILE", ""),
    }
    # kfp's own name for it, which notebooks of Kubeflow have.
    host = (settings.host or variables.get("KF_PIPELINES_ENDPOINT", "")).rstrip("/")
    if host:
        ui = variables.get("KF_PIPELINES_UI_ENDPOINT", host).rstrip("/")
        _check_encryption(host, has_secret=bool(common["token"] or common["cookies"]))
        return Address(host=host, ui=ui, **common)
    if "KUBERNETES_SERVICE_HOST" in variables:
        token_file = variables.get(_POD_TOKEN_VARIABLE, _POD_TOKEN)
        return Address(
            host=_in_cluster(settings.namespace),
            token_file=token_file if Path(token_file).is_file() and not common["token"] else "",
            **common,
        )
    # Import late: it needs the Kubernetes client, which a host does not need.
    from headrace.targets.kubeflow.port_forward import Purpose, forwarded

    namespaces = dict.fromkeys((settings.namespace, _INSTALLATION_NAMESPACE))
    purpose = Purpose(
        because="there is no `host` in the table [kubeflow]",
        otherwise="the URL of the API as `host`",
    )
    port, namespace = forwarded(SERVICE, _PORT, tuple(namespaces), purpose)
    return Address(host=f"http://127.0.0.1:{port}", service_namespace=namespace, **common)


def _check_encryption(host: str, *, has_secret: bool) -> None:
    name = urlsplit(host).hostname or ""
    if not host.startswith("http://") or _stays_inside(name):
        return
    if has_secret:
        raise InputError(
            f"kubeflow: `host` is {host!r}, and {TOKEN_VARIABLE} or {COOKIES_VARIABLE} is set: "
            "anybody on the way could read it. Give an https:// URL, or leave out `host` to go "
            "through the cluster's own API."
        )
    click.echo(f"kubeflow: {host} is not encrypted; pipelines go there as they are.", err=True)


def _stays_inside(name: str) -> bool:
    """Returns whether a host is this machine, or a service of the cluster around this pod."""
    if name == "localhost" or name.endswith((".svc", ".svc.cluster.local")):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return "." not in name


def _in_cluster(namespace: str) -> str:
    names = [
        f"{SERVICE}.{each}.svc.cluster.local"
        for each in dict.fromkeys((namespace, _INSTALLATION_NAMESPACE))
    ]
    for name in names:
        try:
            socket.getaddrinfo(name, _PORT)
        except OSError:
            continue
        return f"http://{name}:{_PORT}"
    raise PlatformError(
        f"kubeflow: this pod finds no service {' or '.join(names)}. Name the namespace of the "
        "installation as `namespace`, or its URL as `host`, in the table [kubeflow]."
    )
