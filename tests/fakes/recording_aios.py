"""An AIOS of one block on a loopback socket that writes down every request; its policy is the real one.

For what leaves a command's process. How AIOS itself behaves is tested against the embedded one.
"""

import importlib.util
import json
import re
import sys
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from aios_top.shipped import shipped

BLOCK = "gemma"
CLUSTER = "cluster-1"
POLICY = "tokenautoscaler-explained:1.0-stable"
EXECUTOR_POD = f"{BLOCK}-executor-7d9f-x2k4p"
SERVICES = (
    "metrics", "cluster_metrics", "blocks", "clusters", "policies", "files", "upload", "gateway", "controller",
    "updater", "parser", "inference", "mapping", "autoscaler",
)  # fmt: skip
QUESTIONS = {"get_state", "get_decisions", "get_parameters", "dry_run"}


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    service: str
    method: str
    path: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def changes(self) -> bool:
        """Whether it would change something in AIOS."""
        if self.method == "GET" or self.path.endswith(("/query", "/aggregate")):
            return False
        if self.path.endswith("/mgmt"):
            asked = self.json
            return asked.get("action", asked.get("mgmt_action")) not in QUESTIONS
        return True


class _Server(ThreadingHTTPServer):
    """A client that hangs up in the middle of an answer is no error worth printing: it may have had enough."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class RecordingAios:
    """Serves each service below its own path of one port; `options` are the command line's to reach it."""

    def __init__(self, *, sizes: float = 900.0, instances: int = 2, parameters: dict[str, Any] | None = None) -> None:
        self.requests: list[Request] = []
        self.answers: dict[tuple[str, str], tuple[int, Any]] = {}
        """Answers that replace the usual ones, by service and path; None as the body closes without an answer."""
        self.hold: set[tuple[str, str]] = set()
        """Services and paths that take a request and never answer."""
        self._ended = threading.Event()
        self.instance_ids = [f"in-aa{number:02d}" for number in range(1, instances + 1)]
        self.bound = POLICY
        """The autoscaler policy that the block's record names."""
        self.files: dict[str, bytes] = {}
        self.registry: dict[str, dict[str, Any]] = {POLICY: {**_registration(), "policy_rule_uri": POLICY}}
        self.parameters = dict(parameters or {})
        """The block's own for its policy, which reads them when it is loaded."""
        self._sizes = sizes
        self._policy = self._load_policy()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def options(self) -> list[str]:
        return [word for name in SERVICES for word in ("--url", f"{name}={self.base}/{name}{self._block(name)}")]

    @property
    def changes(self) -> list[Request]:
        """The requests that would change something, in order."""
        return [request for request in self.requests if request.changes]

    def evaluate(self) -> None:
        """Let the policy decide once."""
        self._policy.eval(
            {}, {"current_instances": list(self.instance_ids), "block_data": {}, "cluster_data": {}}, None
        )

    def restart(self) -> None:
        """Load the policy anew, as a restart of the executor does."""
        self._policy = self._load_policy()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, request: Request) -> tuple[int, Any]:
        """Return status and body for one request."""
        special = self.answers.get((request.service, request.path))
        return special if special is not None else self._usual(request)

    def _usual(self, request: Request) -> tuple[int, Any]:
        match request.service, request.method, request.path:
            case "metrics", _, "/block/aggregate" | "/block/query":
                return 200, {"success": True, "data": [{"blockId": BLOCK, "instances": self.documents()}]}
            case "blocks", "GET", "/blocks":
                return 200, [self.record()]
            case "blocks", method, path if path == f"/blocks/{BLOCK}":
                if method == "PUT":
                    self.bound = request.json["$set"]["policies.autoscaler.policyRuleURI"]
                return 200, self.record()
            case "policies", "POST", "/policy/query":
                return 200, {"success": True, "data": list(self.registry.values())}
            case "policies", "GET", path:
                found = self.registry.get(path.removeprefix("/policy/"))
                return 200, {"success": True, "data": found} if found else {
                    "success": False,
                    "message": "Policy not found.",
                }
            case "policies", "POST", "/policy":
                return 200, {"success": True, "data": "Policy created successfully."}
            case "policies", "PUT", _:
                return 200, {"success": True, "data": "Policy updated successfully."}
            case "upload", "POST", _:
                name, content = _form_file(request.body)
                self.files[name] = content
                return 200, {"success": True}
            case "files", _, path:
                return (200, self.files[path[1:]]) if path[1:] in self.files else (404, "<html>not found</html>")
            case "gateway", "POST", "/blocks/mgmt":
                asked = request.json
                return 200, {"success": True, "data": self._policy.management(asked["action"], asked["payload"])}
            case "autoscaler", "POST", "/mgmt":
                asked = request.json
                return 200, {"success": True, "data": self._policy.management(asked["mgmt_action"], asked["mgmt_data"])}
            case "gateway", "POST", path if path.startswith("/controller/"):
                return 200, {"success": True, "data": {"success": True, "data": "scaled instances"}}
            case "controller", "POST", _:
                return 200, {"success": True, "data": "removed"}
            case "mapping", "GET", "/getInstances":
                pods = [_pod(f"{BLOCK}-{name}-5c6d", name) for name in self.instance_ids]
                return 200, {"success": True, "data": [_pod(EXECUTOR_POD, "executor"), *pods]}
            case "inference", "POST", "/v1/infer":
                asked = request.json
                reply = {key: asked[key] for key in ("model", "session_id", "seq_no")}
                return 200, {**reply, "ts": time.time(), "data": "a reply of five words"}
        return 404, "<html>not found</html>"

    def documents(self) -> list[dict[str, Any]]:
        """Return the block's metric documents as AIOS keeps them."""
        size = {
            "current": self._sizes,
            "average_1m": self._sizes,
            "average_5m": self._sizes,
            "average_15m": self._sizes,
        }
        now = time.time()
        rows: list[dict[str, Any]] = [
            {
                "blockId": BLOCK, "instanceId": name, "nodeKey": f"{name}__{BLOCK}", "nodeId": "n1", "type": "app",
                "timestamp": now - 1.0, "llm_prompts_total": 3.0, "llm_prompt_tokens_total": 2700.0,
                "llm_tokens_generated_total": 300.0, "llm_inference_errors_total": 0.0,
                "llm_input_tokens_per_minute_rolling": size, "llm_output_tokens_per_minute_rolling": size,
            }
            for name in self.instance_ids
        ]  # fmt: skip
        executor = {"blockId": BLOCK, "instanceId": "executor", "type": "app", "uptime": 100.0}
        return [*rows, {**executor, "tasks_processed": {"tasks_processed_total": 6.0}}]

    def record(self) -> dict[str, Any]:
        """Return the block's record."""
        return {
            "_id": "1", "id": BLOCK, "minInstances": 1, "maxInstances": 4, "cluster": {"id": CLUSTER},
            "policies": {"autoscaler": {"policyRuleURI": self.bound, "parameters": self.parameters}},
        }  # fmt: skip

    def _load_policy(self) -> Any:
        spec = importlib.util.spec_from_file_location("recorded_policy", shipped("policy") / "code" / "function.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module.AIOSv1PolicyRule(
            "", {"get_metrics": lambda: {"block_metrics": self.documents()}}, dict(self.parameters)
        )

    @staticmethod
    def _block(name: str) -> str:
        return "/{block}" if name in {"mapping", "autoscaler"} else ""

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        aios = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                _, service, *rest = self.path.split("/")
                if service in {"mapping", "autoscaler"}:
                    rest = rest[1:]
                request = Request(service, self.command, "/" + "/".join(rest), body)
                aios.requests.append(request)
                if (service, request.path) in aios.hold:
                    aios._ended.wait()
                status, answer = aios.answer(request)
                if answer is None:
                    self.close_connection = True
                    return
                self._send(status, answer)

            def _send(self, status: int, answer: Any) -> None:
                kind, content = "application/json", answer
                if isinstance(answer, str):
                    kind, content = "text/html", answer.encode()
                elif not isinstance(answer, bytes):
                    content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815 (names of http.server)

            def log_message(self, *_: Any) -> None:
                """Keep quiet."""

        return Handler


def _registration() -> dict[str, Any]:
    return dict(json.loads((shipped("policy") / "registration.json").read_text()))


def _pod(name: str, instance_id: str) -> dict[str, Any]:
    labels = {"blockID": BLOCK, "instanceID": instance_id}
    return {"metadata": {"name": name, "namespace": "blocks", "labels": labels}, "status": {"phase": "Running"}}


def _form_file(body: bytes) -> tuple[str, bytes]:
    """Return name and content of the form field `file`."""
    boundary = body[: body.index(b"\r\n")]
    for part in body.split(boundary):
        head, _, content = part.partition(b"\r\n\r\n")
        named = re.search(rb'name="file"; filename="([^"]+)"', head)
        if named:
            return named[1].decode(), content.removesuffix(b"\r\n")
    raise AssertionError("no file in the form")
