"""Hostile texts by name: everything that a name, a reason or a message of AIOS could carry."""

from typing import Any

_C0 = {f"c0_{code:02x}": f"a{chr(code)}b" for code in range(0x20)}
_C1 = {f"c1_{code:02x}": f"a{chr(code)}b" for code in (0x84, 0x85, 0x8D, 0x90, 0x98, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F)}

SEQUENCES = {
    "csi_clear": "\x1b[2J\x1b[3J\x1b[H",
    "csi_colour": "\x1b[31;1mred",
    "csi_query": "\x1b[6n",
    "csi_da": "\x1b[c",
    "csi_da2": "\x1b[>c",
    "csi_window": "\x1b[21t\x1b[18t",
    "csi_alternate": "\x1b[?1049l",
    "csi_mouse": "\x1b[?1000h\x1b[?1003h",
    "csi_paste": "\x1b[?2004l",
    "csi_c1": "\x9b31m\x9b2J",
    "osc_title": "\x1b]0;PWNED\x07",
    "osc_title_st": "\x1b]2;PWNED\x1b\\",
    "osc_clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "osc_clipboard_read": "\x1b]52;c;?\x07",
    "osc_link": "\x1b]8;;http://evil.example\x07here\x1b]8;;\x07",
    "osc_palette": "\x1b]4;1;?\x07",
    "osc_c1": "\x9d0;PWNED\x9c",
    "osc_notify": "\x1b]9;PWNED\x07",
    "dcs_decrqss": "\x1bP$q\x22p\x1b\\",
    "dcs_xtgettcap": "\x1bP+q544e\x1b\\",
    "dcs_sixel": "\x1bPq#0;2;0;0;0\x1b\\",
    "apc_kitty": "\x1b_Ga=T;AAAA\x1b\\",
    "pm": "\x1b^private\x1b\\",
    "ris": "\x1bc",
    "charset": "\x1b(0lqqk",
    "shift_out": "\x0elqqk",
    "unterminated_osc": "\x1b]0;never ends",
    "unterminated_dcs": "\x1bPnever ends",
    "esc_alone": "\x1b",
    "esc_bracket": "\x1b[",
    "tab_bs": "a\b\b\bevil\t\tx",
    "crlf_log": 'in-a\r\n{"seq":99,"kind":"outcome"}',
    "cr_overwrite": "in-bad\rin-good",
    "line_separators": "a\u2028b\u2029c\x85d",
}
TWINS = {
    "zwsp": "in-\u200bab",
    "shy": "in-\u00adab",
    "word_joiner": "in-\u2060ab",
    "bom": "\ufeffin-ab",
    "homoglyph": "in-\u0430b",
    "fullwidth": "\uff49\uff4e-ab",
    "nfc": "in-\u00e4b",
    "nfd": "in-a\u0308b",
    "rlo": "in-\u202eba",
    "isolate": "in-\u2066ab\u2069",
    "tags": "in-ab\U000e0041\U000e0042",
    "variation": "in-ab\ufe0f",
    "private": "in-\ue000ab",
    "noncharacter": "in-\uffffab",
}
"""Ids that a reader could take for `in-ab`, or for each other."""
WIDE = {
    "zalgo": "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324a\u0328\u0337l\u0335\u0338g\u0321\u0334o",
    "wide": "\u6771\u4eac\u90fd\u6e2f\u533a" * 20,
    "emoji": "\U0001f600\U0001f4a3",
    "emoji_zwj": "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "flag": "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7",
    "skin_tone": "\U0001f44d\U0001f3ff",
    "halfwidth": "\uff76\uff9e",
    "arabic": "\u0645\u0631\u062d\u0628\u0627",
    "thai": "\u0e01\u0e33\u0e49\u0e49\u0e49\u0e49",
    "blocks": "\u2588\u2580\u2584",
}
MARKUP = {
    "mk_close": "[/]",
    "mk_close_named": "A[/nope]B",
    "mk_open": "[red",
    "mk_unclosed": "[bold red]x",
    "mk_half_close": "[/",
    "mk_action": "[@click=app.quit]quit[/]",
    "mk_link": "[link=http://evil.example]x[/link]",
    "mk_style": "[on red]x[/on red]",
    "mk_escape": "\\[x\\",
    "mk_variable": "[$primary]x[/]",
    "mk_nested": "[[[[]]]]",
    "mk_rich_close": "[/red][/bold]",
    "mk_emoji": ":skull: :warning:",
    "mk_percent": "%s %(x)s {0} {x!r:>9999}",
}
NAMES = {
    "css_id": "#fleet .row > *",
    "digit_id": "1234",
    "empty": "",
    "spaces": "   ",
    "path": "../../../etc/passwd",
    "absolute": "/etc/shadow",
    "null_name": "null",
    "dash": "--yes",
    "shell": "$(touch /tmp/pwned);`id`|sh",
    "sql": "'; DROP TABLE polls; --",
    "csv_formula": "=cmd|'/c calc'!A0",
    "csv_at": "@SUM(1+1)",
    "csv_plus": "+1+1",
    "csv_minus": "-2+3",
    "csv_tab": "\t=1+1",
    "csv_quote": 'a"b,c;d',
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "svg": "</text><script>alert(1)</script>",
    "md": "[x](javascript:alert(1)) `rm -rf` | cell | # head",
    "id_10k": "x" * 10_000,
    "surrogate": "in-\ud800x",
}

STRINGS: dict[str, str] = {**_C0, **_C1, **SEQUENCES, **TWINS, **WIDE, **MARKUP, **NAMES}


def as_json_text(text: str) -> str:
    """Return a text as a JSON document holds it, a lone surrogate included."""
    import json

    return json.dumps(text)


def every(make: Any) -> list[Any]:
    """Return `make(name, text)` for each text."""
    return [make(name, text) for name, text in STRINGS.items()]
