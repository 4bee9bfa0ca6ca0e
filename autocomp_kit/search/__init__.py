"""Beam search over kernels, as a pure ask/tell machine: no clock, no files, no calls to anybody.

One iteration: every member of the beam is a parent; every parent gets a number of plan calls, each with its own part
of the menu; every plan gets a number of code calls; the resulting candidates are evaluated. When the last answer of
the iteration is in, the fastest correct ones that beat their parents become the next beam.

>>> search = BeamSearch(config, menu, start=[member], roster=roster)           # doctest: +SKIP
>>> while proposals := search.ask():                                           # doctest: +SKIP
...     for proposal in proposals:
...         search.tell(proposal, carry_out(proposal))

Answers may be told in any order. The same settings and the same answers give the same search: every random choice is
a hash of the seed and of the place where it is made.
"""

from autocomp_kit.search._beam import BeamSearch, SearchError, check_fits
from autocomp_kit.search._parts import Member, Outcome, Proposal, Roster, Selection, code_seed, derive_seed

__all__ = [
    "BeamSearch",
    "Member",
    "Outcome",
    "Proposal",
    "Roster",
    "SearchError",
    "Selection",
    "check_fits",
    "code_seed",
    "derive_seed",
]
