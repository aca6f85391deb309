"""Run folders, the only thing that training hands on: written safely, checked when read."""

from fittingroom.runs.checkpoints import Checkpoint, read_checkpoint
from fittingroom.runs.environment import available_processors, describe_environment, differences
from fittingroom.runs.files import make_folder, only_here, resolved, write_file
from fittingroom.runs.folder import LEARNING, Run, Summary, open_run, run_name
from fittingroom.runs.history import Ending, Epoch, best_epoch, ending
from fittingroom.runs.listing import Listed, find_begun, find_run, list_runs
from fittingroom.runs.outputs import add_to_output, open_output, replace_output
from fittingroom.runs.testlog import (
    Opening,
    add_plan,
    log_opening,
    read_openings,
    read_plans,
    unplanned,
)
from fittingroom.runs.writer import RunWriter
