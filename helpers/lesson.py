"""The pieces that every lesson is made of: figures with their text, facts (predicted beside measured), and exercises with checks.

A lesson that imports this takes one numerical thread; see helpers.threads.
"""

import html
import math

from IPython.display import HTML, display

from helpers import checks, exercises, threads

threads.limit()
_facts = {}


def show(figure):
    """Shows a plotly figure and, below it, the text that says what there is to see (its alt text)."""
    if not (getattr(getattr(figure, "layout", None), "meta", None) or {}).get("alt"):
        raise TypeError(f"figure must be one of helpers.figures, with its alt text in layout.meta, got {type(figure).__name__}")
    display(figure)
    display(HTML(f"<p><small>{html.escape(figure.layout.meta['alt'])}</small></p>"))


def fact(name, what, predicted, measured, rel=None, abs=None):
    """Prints a prediction beside its measurement, says whether they agree, and keeps both for `facts()`.

    `name` is the claim's name in tests/claims.toml; they agree when |measured − predicted| is at most `rel`·|predicted|, or at most `abs`.
    The measurement is printed to about a tenth of that: digits beyond belong to the integrator and the processor.
    """
    if (rel is None) == (abs is None):
        raise ValueError("give one tolerance, rel or abs")
    for argument, words in (("name", name), ("what", what)):
        if not isinstance(words, str):
            raise TypeError(f"{argument} must be a string, got {words!r}")
    predicted, measured = checks.real("predicted", predicted), checks.real("measured", measured)
    rel, abs = (None if bound is None else checks.positive(argument, bound, zero=True) for argument, bound in (("rel", rel), ("abs", abs)))
    distance = math.fabs(measured - predicted)
    allowed = abs if rel is None else rel * math.fabs(predicted)
    tolerance = f"{100 * rel:g} %" if abs is None else f"{abs:g}" if abs else "exact"
    agrees = distance <= allowed
    if allowed:
        measured = round(measured, 1 - round(math.log10(allowed))) + 0.0  # no −0
    _facts[name] = (what, predicted, measured, tolerance, agrees)
    print(f"{'✓' if agrees else '✗'} {name}: {what}: predicted {predicted:.4g}, measured {measured:.4g} "
          f"({'agrees' if agrees else 'does NOT agree'}; tolerance {tolerance})")


def facts():
    """Prints the table of all facts of the lesson so far."""
    if not _facts:
        print("No fact yet: run the cells above.")
        return
    width = max(len(what) for what, *_ in _facts.values())
    print(f"  {'what':<{width}}  {'predicted':>10}  {'measured':>10}  tolerance")
    for what, predicted, measured, tolerance, agrees in _facts.values():
        print(f"{'✓' if agrees else '✗'} {what:<{width}}  {predicted:>10.4g}  {measured:>10.4g}  {tolerance}")


def check(exercise, answer):
    """Says whether the answer to an exercise ("1.2") is right and, if not, which mistake gives such an answer."""
    verdict = exercises.judge(exercise, answer)
    if verdict is exercises.UNANSWERED:
        print(f"Exercise {exercise}: put your answer in place of the dots, then run this cell.")
    elif verdict is None:
        print(f"✓ Exercise {exercise}: right.")
    else:
        print(f"✗ Exercise {exercise}: not yet. {verdict}")
