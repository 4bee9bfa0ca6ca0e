"""Views for notebooks: explore a run, see where cycles go, edit, and go on.

Each widget is one line, such as ``BeamStepper(run)``. It keeps its data in the kernel and its page asks for what it
shows; a saved notebook shows a summary without a kernel. Selections are traits, so that Python code can read and set
them.
"""

from autocomp_kit.widgets._beam_stepper import BeamStepper
from autocomp_kit.widgets._bounds_view import BoundsView
from autocomp_kit.widgets._kernel_lab import KernelLab
from autocomp_kit.widgets._linked import linked
from autocomp_kit.widgets._live_run import LiveRun
from autocomp_kit.widgets._menu_editor import MenuEditor
from autocomp_kit.widgets._scratchpad_view import ScratchpadView
from autocomp_kit.widgets._timeline_view import TimelineView

__all__ = [
    "BeamStepper",
    "BoundsView",
    "KernelLab",
    "LiveRun",
    "MenuEditor",
    "ScratchpadView",
    "TimelineView",
    "linked",
]
