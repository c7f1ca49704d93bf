"""Puts the embedded AIOS together: sockets, stores, services, pods; and takes it apart again."""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Middleware
from msgspec import Struct, field

from aios_top.sim.pace import QUICK, Pace
from aios_top.sim.profile import PROFILES
from aios_top.sim.scenario import DEFAULT_SEED, Scenario, scenario
from aios_top.testbed.chaos.middleware import faults_for
from aios_top.testbed.chaos.schedule import Chaos
from aios_top.testbed.clock import Clock
from aios_top.testbed.creation import Creation
from aios_top.testbed.demo import demo_state
from aios_top.testbed.faults import Faults
from aios_top.testbed.identity import Names
from aios_top.testbed.inference import Inference
from aios_top.testbed.kubernetes.cluster import Cluster
from aios_top.testbed.kubernetes.daemon import NodeDaemon
from aios_top.testbed.kubernetes.incidents import CHECK_SECONDS, Incidents
from aios_top.testbed.ports import GRPC, bind_all, free_ports, url_of
from aios_top.testbed.services import (
    autoscaler,
    blocks,
    cluster_metrics,
    clusters,
    controller,
    discovery,
    files,
    gateway,
    global_metrics,
    inference,
    inference_grpc,
    mapping,
    nodes,
    parser,
    policies,
    updater,
    upload,
)
from aios_top.testbed.site import Site
from aios_top.testbed.state import State, with_addresses
from aios_top.testbed.stores.files import Files
from aios_top.testbed.stores.metrics import MetricStores
from aios_top.testbed.stores.records import BLOCK_FIELDS, Records
from aios_top.testbed.stores.registry import Registry
from aios_top.testbed.tasks import every, spawn
from aios_top.testbed.wire import MAX_BODY_BYTES, express_pages, flask_pages

SHUTDOWN_SECONDS = 0.1
"""How long an open request is waited for at the end; some wait forever by design."""
THREADS_CHECKS = 50
THREADS_CHECK_SECONDS = 0.01
"""An autoscaler's thread is waited for half a second at the end; a policy may hang."""


class Options(Struct, frozen=True):
    """What an embedded AIOS shall be."""

    scenario: str | Scenario | None = "spike"
    """The scenario that brings load and faults, or its name; None: neither comes by itself."""
    pace: Pace = QUICK
    seed: int = DEFAULT_SEED
    ports: Mapping[str, int] = field(default_factory=free_ports)
    state: State | None = None
    """None: the demo's."""
    ticking: bool = True
    """False: nothing happens by itself, though requests are answered."""
    chaos: bool = False
    """Whether the console's requests meet faults, by the seed."""
    fault_clock: Clock | None = None
    """What the scenario's faults go by; None: the time since the start, like everything else."""


class Running:
    """A running embedded AIOS."""

    def __init__(self, site: Site, state: State, session: aiohttp.ClientSession, chaos: Chaos | None = None) -> None:
        self.chaos = chaos
        self.urls = site.urls
        self.site = site
        self.blocks = Records(Names(f"{site.seed}/blocks"), BLOCK_FIELDS)
        self.clusters = Records(Names(f"{site.seed}/clusters"))
        self.registry = Registry()
        self.files = Files(site.folder / "files")
        self.cluster = Cluster(site, self.blocks)
        self.creation = Creation(
            site, self.cluster, self.blocks, self.clusters, {item.uri: item for item in state.components}
        )
        self.inference = Inference(self.cluster, site.seed)
        self.session = session
        self.grpc: inference_grpc.GrpcInference | None = None
        self.runners: list[web.AppRunner] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def until_loaded(self, seconds: float = 5.0) -> None:
        """Wait until every autoscaler has loaded its policy; raises TimeoutError with what the late ones logged."""
        late = {block_id: block.executor.autoscaler for block_id, block in self.cluster.deployed.items()}
        try:
            async with asyncio.timeout(seconds):
                while late := {  # noqa: ASYNC110 - threads load them
                    name: scaler for name, scaler in late.items() if scaler and not scaler.listens
                }:
                    await asyncio.sleep(0.01)
        except TimeoutError as error:
            said = {block_id: list(scaler.log) for block_id, scaler in late.items() if scaler}
            raise TimeoutError(f"not loaded: {said}") from error

    async def close(self) -> None:
        """Stop every pod and service and remove the folder."""
        for task in self.tasks:
            task.cancel()
        self.creation.stop()
        self.cluster.stop()
        await self._until_threads_end()
        if self.grpc is not None:
            await self.grpc.stop()
        await asyncio.gather(*(runner.cleanup() for runner in self.runners))
        await self.session.close()
        shutil.rmtree(self.site.folder, ignore_errors=True)

    async def _until_threads_end(self) -> None:
        """Let the autoscalers' last calls be answered; one that hangs is left behind."""
        scalers = [block.executor.autoscaler for block in self.cluster.deployed.values()]
        for _ in range(THREADS_CHECKS):
            if all(scaler is None or scaler.ended for scaler in scalers):
                return
            await asyncio.sleep(THREADS_CHECK_SECONDS)


async def serve(options: Options) -> Running:
    """Start an embedded AIOS on loopback and return when every service answers; raises PortBusyError."""
    told = options.scenario
    if isinstance(told, str):
        told = scenario(told, options.seed, options.pace)
    state = demo_state(options.pace) if options.state is None else options.state
    sockets = bind_all(options.ports)
    urls = {service: url_of(bound) for service, bound in sockets.items()}
    clock = Clock()
    site = Site(
        urls=urls,
        pace=options.pace,
        clock=clock,
        folder=Path(tempfile.mkdtemp(prefix="aios-top-testbed-")),
        metrics=MetricStores(),
        seed=options.seed,
        faults=Faults(told, options.fault_clock or clock),
        ticking=options.ticking,
    )
    chaos = Chaos(options.seed) if options.chaos else None
    running = Running(site, state, aiohttp.ClientSession(trust_env=False), chaos)
    try:
        _store(running, state)
        await _listen(running, sockets)
        await _listen_grpc(running, options.ports[GRPC])
        _deploy(running, state, told)
    except BaseException:
        await running.close()
        for bound in sockets.values():
            bound.close()
        raise
    return running


def _store(running: Running, state: State) -> None:
    """Fill the stores."""
    for cluster in state.clusters:
        running.clusters.insert(with_addresses(cluster, running.urls))
    for block in state.blocks:
        running.blocks.insert(with_addresses(block.record, running.urls))
    for policy in state.policies:
        running.registry.create(with_addresses(policy, running.urls))
    for name, content in state.files.items():
        running.files.write(".", name, content)
    for document in state.documents:
        running.site.metrics.push(document)
    for document in state.global_blocks:
        running.site.metrics.put_global(document)
    for document in state.nodes:
        running.site.metrics.push_node(document)


def _applications(running: Running) -> dict[str, web.Application]:
    """Make every service's application."""
    site, cluster, session = running.site, running.cluster, running.session
    metrics = site.metrics

    def flask(routes: list[web.RouteDef]) -> web.Application:
        return _application(routes, flask_pages)

    return {
        "metrics": flask(global_metrics.routes(metrics)),
        "cluster_metrics": flask(cluster_metrics.routes(metrics)),
        "blocks": _application(blocks.routes(running.blocks), express_pages),
        "clusters": _application(clusters.routes(running.clusters), express_pages),
        "policies": _application(policies.routes(running.registry), policies.outage(site.faults), flask_pages),
        "upload": flask(upload.routes(running.files)),
        "files": _application(files.routes(running.files), files.http_server_pages),
        "gateway": flask(gateway.routes(site, session)),
        "controller": flask(controller.routes(site, cluster, session)),
        "updater": flask(updater.routes(site, cluster, session)),
        "parser": flask(parser.routes(site, running.creation, session)),
        "autoscaler": flask(autoscaler.routes(cluster)),
        "mapping": flask(mapping.routes(cluster)),
        "nodes": flask(nodes.routes(running.clusters)),
        "discovery": flask(discovery.routes(cluster)),
        "inference": flask(inference.routes(running.inference)),
    }


def _application(routes: list[web.RouteDef], *middlewares: Middleware) -> web.Application:
    application = web.Application(middlewares=middlewares, client_max_size=MAX_BODY_BYTES)
    application.add_routes(routes)
    return application


async def _listen(running: Running, sockets: dict[str, socket.socket]) -> None:
    """Let every service listen on its socket."""
    for service, application in _applications(running).items():
        if running.chaos is not None:
            application.middlewares.insert(0, faults_for(service, running.chaos, running.site.clock))
        # Flask finishes what a client began and gave up. Inference must not: it would wait forever.
        runner = web.AppRunner(
            application,
            access_log=None,
            handler_cancellation=service == "inference",
            shutdown_timeout=SHUTDOWN_SECONDS,
        )
        running.runners.append(runner)
        await runner.setup()
        await web.SockSite(runner, sockets[service]).start()


async def _listen_grpc(running: Running, port: int) -> None:
    """Serve gRPC too when its packages are installed; otherwise the address is not among the urls."""
    if inference_grpc.AVAILABLE:
        running.grpc = inference_grpc.GrpcInference(running.inference)
        running.urls[GRPC] = await running.grpc.start(port)


def _deploy(running: Running, state: State, told: Scenario | None) -> None:
    """Start all pods, ready at once, and what happens to them."""
    site, cluster = running.site, running.cluster
    for block_state in state.blocks:
        block_id = block_state.record["id"]
        make_workload = None if told is None else told.workloads.get(block_id)
        workload = None if make_workload is None else make_workload(site.clock.now())
        block = cluster.deploy(block_id, PROFILES[block_state.profile], workload)
        wanted = block_state.instances
        for instance_id in [None] * wanted if isinstance(wanted, int) else wanted:
            block.add_instance(cluster.least_loaded_node(block_id), 0.0, instance_id)
        block.start_executor(cluster.nodes(block_id)[0], 0.0)
    if site.ticking:
        wipe = site.pace.wipe_seconds
        daemon = NodeDaemon(site, cluster, running.clusters)
        incidents = Incidents(site, cluster)
        # The node daemon and the pod scan have the same period in AIOS: 20 s.
        running.tasks.append(spawn(every(site.pace.pod_list_seconds, daemon.report), "node daemon"))
        running.tasks.append(spawn(every(CHECK_SECONDS, incidents.check), "incidents"))
        running.tasks.append(spawn(every(wipe, site.metrics.wipe, first_after_seconds=wipe), "metrics wipe"))
