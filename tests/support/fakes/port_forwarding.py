"""A Kubernetes API server that forwards ports of pods, on this machine.

It has the WebSocket protocol `v4.channel.k8s.io` of `pods/portforward`: each message begins
with the number of a channel, an even one for data and an odd one for errors, and each channel
begins with the number of its port.
https://kubernetes.io/docs/reference/using-api/websockets
"""

import base64
import contextlib
import hashlib
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import websocket

from support.fakes.kubernetes_api import write_kubeconfig
from support.fakes.local_http import JsonHandler, serving

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455
_PATH = re.compile(
    r"/api/v1/namespaces/(?P<namespace>[^/]+)/(?P<kind>services|pods)"
    r"(?:/(?P<name>[^/]+))?(?:/(?P<verb>portforward))?"
)
_POD = "-x7k2p"


@dataclass
class Forwarding:
    """A cluster with services of one pod each.

    Attributes:
        kubeconfig: File that names the cluster.
        services: Ports of this machine that pods listen on, by the service's name.
        namespace: Where the services are.
        phase: The phase of the pods.
        forbidden: Whether this account has no permission.
        is_outside: Whether the services lead out of the cluster, without a selector.
        opened: Pods and ports that were forwarded.
        asked: The rights that the requests so far need: resource and verb.
    """

    kubeconfig: Path
    services: Mapping[str, int]
    namespace: str = "kubeflow"
    phase: str = "Running"
    forbidden: bool = False
    is_outside: bool = False
    opened: list[tuple[str, str]] = field(default_factory=list)
    asked: set[tuple[str, str]] = field(default_factory=set)
    tunnels: list[socket.socket] = field(default_factory=list)

    def drop(self) -> None:
        """Cuts all tunnels in the middle of a frame, like a restart of the API server."""
        for each in self.tunnels:
            with contextlib.suppress(OSError):
                each.sendall(b"\x82\x7e\x10")
                each.shutdown(socket.SHUT_RDWR)
        self.tunnels.clear()


class _Handler(JsonHandler):
    cluster: Forwarding

    def do_GET(self) -> None:  # noqa: N802  http.server's name
        parts = urlsplit(self.path)
        path = _PATH.fullmatch(parts.path)
        if path is not None:
            resource = "/".join(filter(None, [path["kind"], path["verb"]]))
            self.cluster.asked.add((resource, "get" if path["name"] else "list"))
        if self.cluster.forbidden:
            self.answer(403, {"kind": "Status", "message": "services is forbidden"})
        elif path is None or not self._is_there(path):
            self.answer(404, {"kind": "Status", "message": "not found"})
        elif path["verb"]:
            self._forward(str(path["name"]), parse_qs(parts.query)["ports"][0])
        elif path["kind"] == "services":
            # The pod's port by its name, as in manifests.
            ports = [{"port": port, "targetPort": "api"} for port in (8080, 8888)]
            selector = {} if self.cluster.is_outside else {"selector": {"app": path["name"]}}
            self.answer(200, {"spec": {**selector, "ports": ports}})
        else:
            name = parse_qs(parts.query)["labelSelector"][0].removeprefix("app=")
            container = {"name": "main", "ports": [{"name": "api", "containerPort": 8887}]}
            pod = {
                "metadata": {"name": f"{name}{_POD}"},
                "spec": {"containers": [container]},
                "status": {"phase": self.cluster.phase},
            }
            self.answer(200, {"items": [pod]})

    def _is_there(self, path: re.Match[str]) -> bool:
        is_known = path["kind"] == "pods" or path["name"] in self.cluster.services
        return is_known and path["namespace"] == self.cluster.namespace

    def _forward(self, pod: str, port: str) -> None:
        self.cluster.opened.append((pod, port))
        key = self.headers["Sec-WebSocket-Key"].encode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest()).decode()
        self.send_header("Sec-WebSocket-Accept", accept)
        self.send_header("Sec-WebSocket-Protocol", self.headers["Sec-WebSocket-Protocol"])
        self.end_headers()
        self.close_connection = True
        number = int(port).to_bytes(2, "little")
        for channel in (b"\0", b"\1"):
            self._message(channel + number)
        self.cluster.tunnels.append(self.connection)
        address = ("127.0.0.1", self.cluster.services[pod.removesuffix(_POD)])
        with contextlib.closing(socket.create_connection(address)) as near:
            back = threading.Thread(target=self._copy_back, args=(near,), daemon=True)
            back.start()
            frames = websocket._abnf.frame_buffer(self._receive, skip_utf8_validation=True)
            with contextlib.suppress(OSError):
                while (frame := frames.recv_frame()).opcode == websocket.ABNF.OPCODE_BINARY:
                    data: Any = frame.data
                    near.sendall(data[1:])
                near.shutdown(socket.SHUT_RDWR)
            back.join()

    def _receive(self, size: int) -> bytes:
        data = self.rfile.read(size)
        if not data:
            raise OSError("closed")
        return data

    def _copy_back(self, near: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := near.recv(1 << 16):
                self._message(b"\0" + data)
            self.connection.shutdown(socket.SHUT_RDWR)

    def _message(self, data: bytes) -> None:
        frame = websocket.ABNF.create_frame(data, websocket.ABNF.OPCODE_BINARY)
        frame.mask_value = 0  # a server does not mask its frames
        self.connection.sendall(frame.format())


@contextlib.contextmanager
def forwarding(folder: Path, services: Mapping[str, int]) -> Iterator[Forwarding]:
    """Serves a cluster whose pods are servers on ports of this machine.

    Args:
        folder: Where the kubeconfig is written.
        services: The ports, by the names of the services.
    """
    cluster = Forwarding(kubeconfig=folder / "kubeconfig", services=services)
    with serving(type("Handler", (_Handler,), {"cluster": cluster})) as port:
        write_kubeconfig(cluster.kubeconfig, f"http://127.0.0.1:{port}")
        yield cluster
