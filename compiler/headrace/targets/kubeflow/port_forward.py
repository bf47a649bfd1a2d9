"""Connects to a service of the cluster through the Kubernetes API, like `kubectl port-forward`.

Each connection to the port on this machine becomes a WebSocket to a pod of the service, so a pod
that is replaced in the meantime costs no more than the connections it had.
"""

import contextlib
import functools
import os
import socket
import socketserver
import threading
from dataclasses import dataclass
from typing import Any

from headrace_components.contract.errors import InputError, PlatformError
from headrace_components.contract.texts import one_line

_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Purpose:
    """Why a port is forwarded, for messages.

    Attributes:
        because: The reason, as a clause.
        otherwise: The setting that makes it unnecessary.
    """

    because: str
    otherwise: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Service:
    """A service, and the port of it that is wanted."""

    namespace: str
    name: str
    port: int
    purpose: Purpose


def forwarded(
    name: str, port: int, namespaces: tuple[str, ...], purpose: Purpose
) -> tuple[int, str]:
    """Opens a port of this machine that leads to a service, for as long as this process lives.

    Args:
        name: Name of the service.
        port: Its port.
        namespaces: Where it may be, the likeliest first.
        purpose: Why the port is wanted.

    Returns:
        The port on 127.0.0.1, and the namespace that has the service.

    Raises:
        InputError: The service does not exist, or none of its pods runs.
        PlatformError: There is no kubeconfig, or the cluster refuses.
    """
    core = _core(purpose)
    service = _find(core, name, port, namespaces, purpose)
    _pod(core, service)
    server = _Server(service)
    threading.Thread(target=server.serve_forever, name=f"forward {name}", daemon=True).start()
    return server.server_address[1], service.namespace


def _core(purpose: Purpose) -> Any:
    """Returns a separate `CoreV1Api`, because forwarding changes its client."""
    from kubernetes import client, config

    configuration = client.Configuration()
    try:
        # Named here: the client reads the variable when it is imported, and never again.
        config.load_kube_config(
            config_file=os.environ.get("KUBECONFIG"), client_configuration=configuration
        )
    except (config.ConfigException, OSError) as error:
        raise PlatformError(
            f"kubeflow: {purpose.because}, and there is no cluster: {one_line(error, 300)}. Give "
            f"{purpose.otherwise}, or a kubeconfig whose current context is the cluster "
            "(`kubectl config use-context NAME`)."
        ) from error
    return client.CoreV1Api(client.ApiClient(configuration))


def _find(
    core: Any, name: str, port: int, namespaces: tuple[str, ...], purpose: Purpose
) -> _Service:
    for namespace in namespaces:
        if _asked(core, purpose, "read_namespaced_service", name, namespace) is not None:
            return _Service(namespace=namespace, name=name, port=port, purpose=purpose)
    raise InputError(
        f"kubeflow: there is no service {name!r} in namespace {' or '.join(namespaces)} of "
        f"{core.api_client.configuration.host}. Name the namespace of the installation as "
        "`namespace` in the table [kubeflow], or another cluster in your kubeconfig."
    )


def _pod(core: Any, service: _Service) -> tuple[str, int]:
    """Returns a pod that answers for the service, and the port it listens on."""
    ask = functools.partial(_asked, core, service.purpose)
    found = ask("read_namespaced_service", service.name, service.namespace)
    if not found.spec.selector:
        raise InputError(
            f"kubeflow: the service {service.name!r} in namespace {service.namespace!r} selects no "
            "pods: it leads to something outside of the cluster, to which no port can be "
            f"forwarded. See where with `kubectl -n {service.namespace} get endpoints "
            f"{service.name}`, and give {service.purpose.otherwise}."
        )
    selector = ",".join(f"{key}={value}" for key, value in sorted(found.spec.selector.items()))
    pods = ask("list_namespaced_pod", service.namespace, label_selector=selector)
    for pod in pods.items:
        if pod.status.phase == "Running" and pod.metadata.deletion_timestamp is None:
            wanted = next(each for each in found.spec.ports if each.port == service.port)
            return pod.metadata.name, _number(wanted.target_port or service.port, pod)
    raise PlatformError(
        f"kubeflow: no pod of service {service.name!r} in namespace {service.namespace!r} runs. "
        f"See why with `kubectl -n {service.namespace} get pods -l {selector}`."
    )


def _number(target: Any, pod: Any) -> int:
    """Returns a port's number; a service may know it by its name in the pod."""
    if str(target).isdigit():
        return int(target)
    ports = [port for each in pod.spec.containers for port in each.ports or []]
    return next(int(port.container_port) for port in ports if port.name == target)


def _asked(core: Any, purpose: Purpose, method: str, *arguments: Any, **options: Any) -> Any:
    """Asks the cluster, and returns None for objects that do not exist."""
    import urllib3
    from kubernetes.client import ApiException

    host = core.api_client.configuration.host
    try:
        return getattr(core, method)(*arguments, _request_timeout=30, **options)
    except ApiException as error:
        if error.status == 404:
            return None
        raise PlatformError(
            f"kubeflow: the cluster at {host} answered {error.status} {error.reason} to "
            f"{method}. To forward a port this account needs to get services, list pods and "
            f"create pods/portforward; or give {purpose.otherwise}."
        ) from error
    except urllib3.exceptions.HTTPError as error:
        raise PlatformError(
            f"kubeflow: the cluster at {host} cannot be reached: {one_line(error, 300)}. Check the "
            "current context of your kubeconfig, the network and the VPN."
        ) from error


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, service: _Service) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.service = service

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Prints nothing: the caller notices the end of the connection, and reports it."""


class _Connection(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server: Any = self.server
        core = _core(server.service.purpose)
        pod, port = _pod(core, server.service)
        tunnel = _tunnel(core, pod, server.service.namespace, port)
        far = tunnel.socket(port)
        back = threading.Thread(target=_copy, args=(far, self.request), daemon=True)
        back.start()
        _copy(self.request, far)
        far.close()
        back.join()


def _tunnel(core: Any, pod: str, namespace: str, port: int) -> Any:
    """Returns a `PortForward` to a pod that hangs up when the cluster does.

    The client's own one ends in its thread by a traceback on the terminal then, and leaves whoever
    uses the port to wait for an answer.
    """
    from kubernetes.stream import ws_client

    class Tunnel(ws_client.PortForward):  # type: ignore[misc]  # kubernetes has no types
        def _proxy(self) -> None:
            with contextlib.suppress(Exception):  # who uses the port sees the connection end
                super()._proxy()
            with contextlib.suppress(OSError):
                for each in self.local_ports.values():
                    each.python.close()

    def opened(_method: str, url: str, **options: Any) -> Any:
        configuration = core.api_client.configuration
        address = ws_client.get_websocket_url(url, options["query_params"])
        websocket = ws_client.create_websocket(configuration, address, options["headers"])
        return Tunnel(websocket, [port])

    core.api_client.request = opened  # the client is this connection's own
    return core.connect_get_namespaced_pod_portforward(
        pod, namespace, ports=str(port), _preload_content=False
    )


def _copy(source: Any, target: Any) -> None:
    with contextlib.suppress(OSError):  # one of the two has hung up
        while data := source.recv(_CHUNK_BYTES):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
