"""What the exercises of the lessons accept, and which mistake gives which wrong answer: a module for each lesson."""

from helpers import checks
from helpers.exercises import condensation, descent, escape, kkt, saddles, small_init
from helpers.exercises.condensation import merge_start, signs_data
from helpers.exercises.descent import tracked
from helpers.exercises.escape import mystery, quadratic_data
from helpers.exercises.kkt import fates_start
from helpers.exercises.saddles import waiting
from helpers.exercises.small_init import directions_data

__all__ = ["UNANSWERED", "directions_data", "fates_start", "judge", "merge_start", "mystery", "quadratic_data", "signs_data", "tracked", "waiting"]

UNANSWERED = object()
_JUDGES = {**small_init.JUDGES, **escape.JUDGES, **kkt.JUDGES, **saddles.JUDGES, **condensation.JUDGES, **descent.JUDGES}


def judge(exercise, answer):
    """None where the answer is right, `UNANSWERED` for the dots of the stub, else a hint in words."""
    accepted = _JUDGES[checks.one_of("exercise", exercise, _JUDGES)]
    return UNANSWERED if answer is ... else accepted(answer)
