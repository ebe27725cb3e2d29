"""How does a report look, on a screen and on paper? One style sheet, without fonts or pictures."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --line: #777; --bar: #1f5fa8; }
@media (prefers-color-scheme: dark) { :root { --bar: #7fb2ec; } }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { line-height: 1.2; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; }
caption { text-align: left; font-weight: bold; padding: .3rem 0; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .5rem; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; }
tbody th { font-weight: normal; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.blank { min-width: 12rem; border: 1px solid var(--line); }
dt { font-weight: bold; }
dd { margin: 0 0 .4rem 1rem; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--line); padding: .5rem; }
svg { width: 100%; max-width: 40rem; height: auto; }
svg text { font: 12px system-ui, sans-serif; text-anchor: middle; fill: currentColor; }
.certain { fill: var(--bar); }
.possible { fill: none; stroke: var(--bar); stroke-dasharray: 3 2; }
a:focus-visible { outline: 3px solid currentColor; outline-offset: 2px; }
.skip, .hidden { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap; }
.skip:focus { position: static; width: auto; height: auto; clip-path: none; }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  .skip { display: none; }
  section, article, tr, svg { break-inside: avoid; }
  section { break-inside: auto; }
  a { color: inherit; text-decoration: none; }
  details > pre { display: block; }
}
"""
