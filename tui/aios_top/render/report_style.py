"""How the post-mortem looks: light, dark and on paper; colours never alone say what something is."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #ffffff; --panel: #f6f7f9; --text: #1b1f24; --dim: #59636e; --line: #d1d7de; --grid: #e7eaee;
  --input: #0a5fb4; --output: #8a3ab9; --up: #b35900; --down: #1a7f37; --bad: #c4232e; --warn: #8f5b00;
  --act: #1b1f24; --cool: #0a5fb41f; --unseen: #59636e26; --desired: #b35900;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1318; --panel: #171c23; --text: #e5e9ee; --dim: #9aa5b1; --line: #303842; --grid: #232a33;
    --input: #6cb2ff; --output: #d09bff; --up: #ffb066; --down: #5fd07f; --bad: #ff7b80; --warn: #e8b450;
    --act: #e5e9ee; --cool: #6cb2ff26; --unseen: #9aa5b12b; --desired: #ffb066;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 76rem; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
}
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 2.25rem 0 .5rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.25rem 0 .4rem; }
h1, h2, h3, p, li, dt, dd, figure { overflow-wrap: anywhere; }
td, th { overflow-wrap: break-word; max-width: 32rem; }
p { margin: .4rem 0; }
ul { margin: .4rem 0; padding-left: 1.25rem; }
a { color: inherit; }
.dim, .legend { color: var(--dim); }
.banner { padding: .5rem .75rem; border: 1px solid var(--warn); border-left-width: 6px; border-radius: 4px; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; background: var(--panel); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .9rem; }
caption { text-align: left; padding: .5rem .6rem; color: var(--dim); }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--dim); font-weight: 600; }
td.number, th.number { text-align: right; white-space: nowrap; }
.wide { min-width: 14rem; }
.time, .word { white-space: nowrap; overflow-wrap: normal; }
.up { color: var(--up); } .down { color: var(--down); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.strong { font-weight: 600; }
code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .92em; overflow-wrap: anywhere; }
figure { margin: .75rem 0; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--dim); font-size: 12px; font-family: inherit; }
svg .head { fill: var(--text); font-weight: 600; }
svg .end { text-anchor: end; } svg .middle { text-anchor: middle; }
.frame { fill: none; stroke: var(--line); } .grid { stroke: var(--grid); }
.curve { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.curve.input { stroke: var(--input); } .curve.output { stroke: var(--output); }
.dot.input { fill: var(--input); } .dot.output { fill: var(--output); }
.limit { fill: none; stroke-width: 1.3; stroke-dasharray: 6 4; }
.limit.up { stroke: var(--up); } .limit.down { stroke: var(--down); }
svg text.up { fill: var(--up); } svg text.down { fill: var(--down); }
.reporting { fill: none; stroke: var(--text); stroke-width: 2; }
.desired { fill: none; stroke: var(--desired); stroke-width: 1.5; stroke-dasharray: 5 3; }
.bound { fill: none; stroke: var(--dim); stroke-dasharray: 2 3; }
.cool { fill: var(--cool); } .unseen { fill: var(--unseen); }
.rule { stroke: var(--line); stroke-dasharray: 1 3; }
.mark.up { fill: var(--up); } .mark.down { fill: var(--down); } .mark.error, .mark.alert { fill: var(--bad); }
.mark.action { fill: var(--act); } .mark.outside { fill: var(--warn); } .mark.load { fill: var(--input); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; padding: 0; font-size: .85rem; }
.legend svg { display: inline-block; width: 26px; height: 12px; vertical-align: -1px; margin-right: .35rem; }
dl { display: grid; grid-template-columns: fit-content(16rem) minmax(0, 1fr); gap: .15rem 1rem; margin: .5rem 0; }
dt { color: var(--dim); } dd { margin: 0; }
@media (max-width: 50rem) { dl { grid-template-columns: minmax(0, 1fr); gap: 0; } dd { margin: 0 0 .4rem; } }
@media print {
  :root {
    color-scheme: light;
    --page: #fff; --panel: #fff; --text: #000; --dim: #444; --line: #bbb; --grid: #e5e5e5; --input: #0a5fb4;
    --output: #8a3ab9; --up: #b35900; --down: #1a7f37; --bad: #c4232e; --warn: #8f5b00; --act: #000; --desired: #b35900;
    --cool: #0a5fb41f; --unseen: #59636e26;
  }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .scroll { overflow: visible; }
  figure, tr, li { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  thead { display: table-header-group; }
}
"""
