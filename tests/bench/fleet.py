"""An AIOS of any size for measuring: documents as a live cluster sends them, pushed every 30 seconds, no autoscaler.

    python tests/bench/fleet.py INSTANCES BLOCKS

prints the base URL of its one port and serves until its standard input closes. Half of the instances are busy.
"""

import json
import random
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PUSH_SECONDS = 30.0
SERVICES = ("metrics", "cluster_metrics", "blocks", "clusters", "policies", "gateway", "updater", "autoscaler")


class Fleet:
    """All documents as one JSON text, made anew only when an instance has pushed since."""

    def __init__(self, instances: int, blocks: int) -> None:
        self.blocks = [f"block-{number:04d}" for number in range(blocks)]
        per_block = instances // blocks
        chance = random.Random(1)
        self._rows = [
            (block, [(f"in-{number:05d}", chance.random() * PUSH_SECONDS, chance.random() < 0.5)
                     for number in range(place * per_block, (place + 1) * per_block)])
            for place, block in enumerate(self.blocks)
        ]  # fmt: skip
        self._texts: dict[str, tuple[int, str]] = {}
        self._started = time.time()

    def answer(self, projected: bool) -> bytes:
        now = time.time()
        rows = [self._block(block, members, now, projected) for block, members in self._rows]
        return ('{"success":true,"data":[' + ",".join(rows) + "]}").encode()

    def _block(self, block: str, members: list[tuple[str, float, bool]], now: float, projected: bool) -> str:
        texts = [self._document(block, *member, now, projected) for member in members]
        executor = {"blockId": block, "instanceId": "executor", "type": "app", "uptime": now - self._started,
                    "tasks_processed": {"tasks_processed_total": (now - self._started) * 2}}  # fmt: skip
        return f'{{"blockId":"{block}","instances":[{",".join([*texts, json.dumps(executor)])}]}}'

    def _document(self, block: str, name: str, phase: float, busy: bool, now: float, projected: bool) -> str:
        push = int((now - self._started + phase) // PUSH_SECONDS)
        made = self._texts.get(name)
        if made is None or made[0] != push:
            at = self._started - phase + push * PUSH_SECONDS
            made = (
                push,
                json.dumps(document(block, name, at, push * 12_000.0 if busy else 0.0, push, whole=not projected)),
            )
            self._texts[name] = made
        return made[1]


def document(block: str, name: str, at: float, tokens: float, push: int, *, whole: bool) -> dict[str, Any]:
    """Return one instance's document; whole ones have everything that an LLM block sends, about 2.9 kB."""
    size = 300.0 + (push * 37) % 400 if tokens else 0.0
    rolling = {"current": size, "average_1m": size, "average_5m": size * 0.9, "average_15m": size * 0.8}
    counters = {
        "llm_prompts_total": tokens / 500, "llm_prompt_tokens_total": tokens, "llm_tokens_generated_total": tokens / 3,
        "llm_inference_errors_total": 0.0, "llm_active_sessions": 2.0, "llm_tokens_per_second": 27.6,
    }  # fmt: skip
    histograms = {
        f"llm_{kind}_seconds_{part}": tokens / 500 * (9.07 if part == "sum" else 1)
        for kind in ("inference_duration", "time_to_first_token", "time_per_output_token")
        for part in ("bucket", "count", "sum")
    }
    needed = {
        "blockId": block, "instanceId": name, "nodeId": "node-1", "type": "app", "timestamp": at, "queue_length": rolling,
        "llm_input_tokens_per_minute_rolling": rolling, "llm_output_tokens_per_minute_rolling": rolling,
        **counters, **histograms,
    }  # fmt: skip
    if not whole:
        return needed
    gauges = ("latency", "fps", "tasks_processed", "llm_tps_rolling", "llm_ttft_rolling", "llm_tpot_rolling",
              "llm_inference_duration_rolling", "llm_active_sessions_rolling", "llm_cpu_utilization_rolling",
              "llm_gpu_utilization_rolling", "llm_memory_usage_rolling")  # fmt: skip
    hardware = {"cpu": {"load1m": 1.5, "load5m": 1.2, "load15m": 1.0, "percent": 40.0},
                "memory": {"usedMem": 30_000, "totalMem": 64_000, "averageUtil": 46.9},
                "gpus": [{"id": 0, "utilization": 71, "usedMem": 60_000, "freeMem": 20_000, "totalMem": 80_000}]}  # fmt: skip
    return needed | dict.fromkeys(gauges, rolling) | {"hardware": hardware, "nodeKey": f"{name}__{block}"}


def handler(fleet: Fleet) -> type[BaseHTTPRequestHandler]:
    records = [
        {"id": block, "cluster": {"id": "cluster-1"}, "minInstances": 1, "maxInstances": 20, "policies": {}}
        for block in fleet.blocks
    ]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._answer()

        def _answer(self) -> None:
            service, _, path = self.path.strip("/").partition("/")
            if service in {"metrics", "cluster_metrics"}:
                body = fleet.answer(projected=path.endswith("aggregate"))
            elif service == "blocks":
                body = json.dumps(records).encode()
            else:
                body = b'{"success":true,"data":[]}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def main() -> None:
    fleet = Fleet(int(sys.argv[1]), int(sys.argv[2]))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(fleet))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
