"""What `engine.ports.Workbench` is on this machine: the policy file at hand, in processes of its own."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from aios_top.bundle.limits import BundleError
from aios_top.bundle.parameter_set import read_parameter_set
from aios_top.bundle.policy_file import policy_file
from aios_top.model.decision import Decision
from aios_top.model.errors import ActionRefusedError
from aios_top.model.simulation import SimulationPlan, SimulationReport
from aios_top.model.verification import PolicyFile
from aios_top.model.what_if import Question, WhatIf
from aios_top.shipped import shipped


class PolicyWorkbench:
    """Tries out the policy file that the operator named, else the one that is shipped."""

    def __init__(self, file: PolicyFile | None) -> None:
        self._file = file

    def parameters(self, named: str) -> Mapping[str, Any]:
        """Return a shipped set by its name, else the one in a file."""
        try:
            return read_parameter_set(named, shipped("policy") / "parameters").parameters
        except BundleError as error:
            raise ActionRefusedError(str(error)) from error

    def simulate(
        self, plans: Sequence[SimulationPlan], progress: Callable[[float], None]
    ) -> Sequence[SimulationReport]:
        """Run simulations."""
        from aios_top.cli.beside import SimulationJob, run_beside  # the simulator: a console starts without it

        return run_beside([SimulationJob(self._source(), plan) for plan in plans], progress)

    def what_if(self, decisions: Sequence[Decision], question: Question, progress: Callable[[float], None]) -> WhatIf:
        """Take decisions again."""
        from aios_top.cli.beside import WhatIfJob, run_beside

        plain = replace(question, changes=dict(question.changes), in_force=dict(question.in_force))
        (answer,) = run_beside([WhatIfJob(self._source(), tuple(decisions), plain)], progress)
        return answer

    def _source(self) -> bytes:
        return (self._file or policy_file()).source
