"""The one table of keys: bindings, footer, help page and command palette are made of it."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace


class Key(Struct, frozen=True):
    """One action and the key that starts it."""

    action: str
    """Stable id: the name in a `[keys]` table and in the command palette."""
    keys: tuple[str, ...]
    """Textual key names, e.g. `w`, `upper_c`, `enter`."""
    label: str
    """One or two words for the footer."""
    help: str
    """One sentence for the help page and the palette."""
    group: str
    writes: bool = False
    """It changes the cluster: upper case, behind the write gate, absent when read-only."""
    footer: int = 0
    """Order in the footer, 0 for not there."""

    @property
    def shown(self) -> str:
        """The key as printed on a keyboard."""
        return _PRINTED.get(self.keys[0], self.keys[0])


_PRINTED = {
    "enter": "\u23ce", "escape": "esc", "question_mark": "?", "slash": "/", "colon": ":", "plus": "+", "minus": "-",
    "left_curly_bracket": "{", "right_curly_bracket": "}", "left_square_bracket": "[", "right_square_bracket": "]",
    "at": "@", "space": "space", "f2": "F2", "f12": "F12", "greater_than_sign": ">", "shift+tab": "shift-tab",
}  # fmt: skip

KEYS: tuple[Key, ...] = (
    Key("down", ("j", "down"), "down", "Select the next row.", "Move"),
    Key("up", ("k", "up"), "up", "Select the previous row.", "Move"),
    Key("page_down", ("pagedown",), "page down", "Go one page down.", "Move"),
    Key("page_up", ("pageup",), "page up", "Go one page up.", "Move"),
    Key("first", ("g", "home"), "first", "Go to the first row.", "Move"),
    Key("last", ("G", "end"), "last", "Go to the last row.", "Move"),
    Key("open", ("enter",), "open", "Open the selected block.", "Move", footer=1),
    Key("back", ("escape",), "back", "Go back: close, unmaximise, clear the filter, to the fleet.", "Move", footer=2),
    Key("next_panel", ("tab",), "next panel", "Move the focus to the next panel.", "Move"),
    Key("previous_panel", ("shift+tab",), "previous panel", "Move the focus to the previous panel.", "Move"),
    Key("fleet", ("1",), "fleet", "All blocks, the newest decisions.", "Views"),
    Key("block", ("2",), "block", "One block: instances, averages, decisions, time.", "Views"),
    Key("load", ("3",), "load", "The load test.", "Views"),
    Key("policy", ("4",), "policy", "The policy: what is registered, bound and running; its deploy.", "Views"),
    Key("events", ("5",), "events", "Decisions, data problems and every action of an operator.", "Views"),
    Key("filter", ("slash",), "filter", "Show only blocks that match (regex, !inverse, -f fuzzy).", "Look", footer=4),
    Key("next_match", ("n",), "next match", "Select the next matching block.", "Look"),
    Key("previous_match", ("N",), "previous match", "Select the previous matching block.", "Look"),
    Key("sort", ("s",), "sort", "Sort the fleet by the next column.", "Look", footer=5),
    Key("reverse", ("S",), "reverse", "Reverse the order.", "Look"),
    Key("mark", ("space",), "mark", "Mark or unmark the selected block.", "Look"),
    Key("window", ("w",), "window", "Averaging window: 1m, 5m, 15m.", "Look", footer=6),
    Key("zoom", ("z",), "zoom", "Length of the time axis: 5, 15, 30 minutes.", "Look", footer=7),
    Key("maximise", ("m",), "maximise", "Give the focused panel the whole screen.", "Look"),
    Key("pause", ("p",), "pause", "Hold the display; polling goes on. In the past: play and stop.", "Look", footer=8),
    Key(
        "slower",
        ("minus",),
        "slower",
        "Poll less often; in the past play slower; on the page of a running load test send more slowly.",
        "Look",
    ),
    Key(
        "faster",
        ("plus",),
        "faster",
        "Poll more often; in the past play faster; on the page of a running load test send faster.",
        "Look",
    ),
    Key("refresh", ("r",), "refresh", "Poll now.", "Look"),
    Key("copy", ("c",), "copy", "Copy the selected id to the clipboard.", "Look"),
    Key("what_if", ("i",), "what if", "Ask what other parameters would have decided.", "Look"),
    Key("simulate", ("t",), "try out", "Simulate a day of load with a policy's parameters.", "Look"),
    Key("previous_sample", ("left_square_bracket",), "step back", "Go one poll back into the past.", "Time", footer=17),
    Key("next_sample", ("right_square_bracket",), "step on", "Go one poll on.", "Time"),
    Key(
        "previous_decision",
        ("left_curly_bracket",),
        "older decision",
        "Go back to the scaling decision before.",
        "Time",
        footer=18,
    ),
    Key("next_decision", ("right_curly_bracket",), "newer decision", "Go on to the next scaling decision.", "Time"),
    Key("go_to_time", ("at",), "go to time", 'Go to a time: "3m ago", "14:02", a date.', "Time"),
    Key("live", ("L",), "live", "Back to the present.", "Time"),
    Key("record", ("R",), "record", "End or begin recording.", "Time"),
    Key(
        "export",
        ("E",),
        "capsule",
        "Write this incident as one file; on the load page: where the load test's report is kept.",
        "Time",
    ),
    Key(
        "explain", ("x",), "explain", "Say why the selected decision was taken; enter in the log too.", "Look", footer=9
    ),
    Key("shadow", ("o",), "shadow", "Let a draft decide beside the running policy; nothing is sent.", "Look"),
    Key("reset_cooldown", ("C",), "cooldown", "Reset the block's cooldown.", "Change", writes=True, footer=10),
    Key(
        "load_test",
        ("T",),
        "load test",
        "Send load to the block: a burst, a rate, or enough to scale it up.",
        "Change",
        writes=True,
        footer=11,
    ),
    Key("next_stage", ("greater_than_sign",), "next stage", "Load test: go on to the next stage.", "Change"),
    Key("hold", ("h",), "hold", "Load test: stay at the present rate, or go on.", "Change"),
    Key("stop_load", ("X",), "stop load", "Stop the load test now.", "Change", footer=15),
    Key("deploy", ("D",), "deploy", "Deploy the policy: inspect, confirm, follow.", "Change", writes=True, footer=12),
    Key(
        "roll_back",
        ("B",),
        "roll back",
        "Bind another registered policy to the block.",
        "Change",
        writes=True,
        footer=14,
    ),
    Key("edit_draft", ("e",), "edit", "Edit a draft of the policy's parameters; nothing is sent.", "Look"),
    Key("diff", ("d",), "diff", "Compare running and declared parameters, served and local code.", "Look"),
    Key("send_draft", ("U",), "send draft", "Set the draft's parameters while the policy runs.", "Change", writes=True),
    Key(
        "pause_policy",
        ("P",),
        "pause scaling",
        "Pause the block's scaling for a while, or resume it.",
        "Change",
        writes=True,
    ),
    Key("force_scale", ("F",), "force", "Let the policy scale at its next evaluation.", "Change", writes=True),
    Key("scale", ("A",), "replicas", "Add or remove replicas by hand.", "Change", writes=True, footer=13),
    Key("write_mode", ("W",), "write mode", "Open or close the write gate.", "Change", footer=16),
    Key("command", ("colon", "ctrl+p"), "cmd", "Type a command.", "Program", footer=20),
    Key("config", ("f12",), "config", "Show the settings in force and where each comes from.", "Program"),
    Key("guide", ("f2",), "guide", "Read the guide: first steps, what the figures mean, how to act.", "Program"),
    Key("help", ("question_mark", "f1"), "help", "Show all keys.", "Program", footer=21),
    Key("suspend", ("ctrl+z",), "suspend", "Put the program in the background.", "Program"),
    Key("quit", ("q", "ctrl+c"), "quit", "Quit; asks only while a load test runs.", "Program", footer=22),
)


class KeyTableError(ValueError):
    """A `[keys]` table that cannot be used; the message names the entry and the next step."""


def bound(rebinding: Mapping[str, str] | None = None) -> tuple[Key, ...]:
    """Return the table with the operator's own keys; raises KeyTableError for an unknown action or a key used twice."""
    wanted = dict(rebinding or {})
    table = tuple(replace(key, keys=(wanted.pop(key.action),)) if key.action in wanted else key for key in KEYS)
    if wanted:
        known = ", ".join(key.action for key in KEYS)
        raise KeyTableError(f"[keys] has no action {min(wanted)!r}; the actions are {known}")
    owners: dict[str, str] = {}
    for key in table:
        for name in key.keys:
            if not name:
                raise KeyTableError(f'[keys] {key.action} is empty; name a key, e.g. {key.action} = "w"')
            if name in owners:
                raise KeyTableError(f"[keys] {name!r} is bound to {owners[name]} and to {key.action}; rebind one")
            owners[name] = key.action
    return table


def of(action: str, table: tuple[Key, ...] = KEYS) -> Key:
    """Return the entry of an action."""
    return next(key for key in table if key.action == action)
