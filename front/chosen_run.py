"""The run that a command line names. Must not know what is done with it."""

from front.arguments import Arguments
from front.refusal import Refusal
from records.workspace import RunNotFound, RunPaths, Workspace
from supervisors.exit_codes import ExitCode

__all__ = ["chosen_run"]


def chosen_run(arguments: Arguments) -> RunPaths | Refusal:
    """RUN as a run id, a path or ``latest``."""
    workspace = Workspace(arguments.workspace)
    run = workspace.find(arguments.run)
    if isinstance(run, RunNotFound):
        known = ", ".join(run.known[-3:]) or "none yet"
        return Refusal(ExitCode.USAGE, f"there is no run {run.asked!r}", where=str(workspace.runs.absolute()),
                       why=f"newest runs: {known}", fix="give a run id, the path of a run, or  latest")
    return run
