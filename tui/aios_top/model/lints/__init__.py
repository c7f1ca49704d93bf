"""What is looked for in the autoscaling of a block: one small rule per thing that can be wrong, all of them pure."""

from collections.abc import Callable, Iterator

from aios_top.model.lint import Finding, Level, LintReport, NotChecked
from aios_top.model.lint_facts import Facts
from aios_top.model.lints import code, limits, names, registry, signal, timing

Rule = Callable[[Facts], Iterator[Finding | NotChecked]]
RULES: tuple[Rule, ...] = (*limits.RULES, *signal.RULES, *timing.RULES, *names.RULES, *registry.RULES, *code.RULES)
_ORDER = {level: place for place, level in enumerate(Level)}


def lint(facts: Facts, at: float) -> LintReport:
    """Apply every rule; the worst findings come first, those of one level in the order of the rules."""
    results = [result for rule in RULES for result in rule(facts)]
    findings = sorted((entry for entry in results if isinstance(entry, Finding)), key=lambda entry: _ORDER[entry.level])
    skipped = tuple(entry for entry in results if isinstance(entry, NotChecked))
    return LintReport(str(facts.block.block_id), at, tuple(findings), skipped)
