"""Every panel of the screen, by the name that layouts use."""

from collections.abc import Iterator
from threading import Event

from aios_top.console.keys import Key
from aios_top.console.widgets.banner import BannerPanel
from aios_top.console.widgets.block import BlockPanel
from aios_top.console.widgets.brief import BriefPanel
from aios_top.console.widgets.chart import ChartPanel
from aios_top.console.widgets.decisions import DecisionsPanel
from aios_top.console.widgets.events import EventsPanel
from aios_top.console.widgets.fleet import FleetPanel
from aios_top.console.widgets.footer import FooterPanel
from aios_top.console.widgets.header import HeaderPanel
from aios_top.console.widgets.instances import InstancesPanel
from aios_top.console.widgets.lines import Panel
from aios_top.console.widgets.load import LoadPanel
from aios_top.console.widgets.policy import PolicyPanel
from aios_top.console.widgets.timebar import TimebarPanel
from aios_top.console.widgets.verdict import VerdictPanel


def all_panels(keys: tuple[Key, ...], idle: Event) -> Iterator[Panel]:
    """Make one of each; what reads behind the screen does so while the console is `idle`."""
    yield HeaderPanel(id="header")
    yield VerdictPanel(id="verdict")
    yield BannerPanel(id="banner")
    yield TimebarPanel(id="timebar")
    yield FleetPanel(id="fleet")
    yield BlockPanel(id="block")
    yield InstancesPanel(id="instances")
    yield ChartPanel(id="chart")
    yield DecisionsPanel(id="decisions")
    yield BriefPanel(id="brief")
    yield LoadPanel(id="load")
    yield PolicyPanel(id="policy")
    yield EventsPanel(idle)
    yield FooterPanel(keys)
