"""An explorer as one HTML file: the same stage.js and stage.css, and all runs of a small grid."""

import base64
import html
import json
import os
import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0; }}
.explorer {{ min-height: 100vh; }}
{css}</style>
</head>
<body>
<script type="module">
{script}
</script>
</body>
</html>
"""


def html_page(title, controls, defaults, runs, cursor):
    """The page's text; `runs` are (code, bytes) for every combination of the controls' values, the last control's fastest; `cursor` is where it opens."""
    state = {"title": title, "controls": controls, "defaults": defaults, "cursor": cursor,
             "runs": [{"code": code, "run": base64.b64encode(run).decode()} for code, run in runs]}
    stage = re.sub(r"^ *(//.*\n)?", "", (HERE / "stage.js").read_text(encoding="utf-8"), flags=re.MULTILINE)  # a page is smaller without comments and indents
    script = f"{stage}\nmount({{ model: staticModel({json.dumps(state)}), el: document.body }});"
    # What would end the script, or hide its end, is written so that only JavaScript reads it.
    script = re.sub(r"<(?=/script|!--)", r"\\x3c", script, flags=re.IGNORECASE)
    return PAGE.format(title=html.escape(title), css=(HERE / "stage.css").read_text(encoding="utf-8"), script=script)


def check_path(path):
    """TypeError if it is no path, ValueError if no file can be written there; the disk stays as it is."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path is {path!r}; it must be the name of a file")
    try:
        if os.path.lexists(path):
            Path(path).open("r+b").close()
        else:
            Path(path).touch(exist_ok=False)
            Path(path).unlink()
    except (OSError, ValueError) as problem:
        raise ValueError(f"path is {str(path)!r}; no file can be written there ({problem})") from problem
