"""Runs the cells of docs/notebook.md against a service: each must print what the page shows.

With `--write`, puts what they print into the page instead.
"""

import contextlib
import io
import re
import sys

from figures import URL, done

page, *options = sys.argv[1:]
with open(page) as file:
    text = file.read()
names = {}
CELL = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)


def run(cell):
    code, shown = cell.groups()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code.replace("http://127.0.0.1:8080", URL), names)
    printed = printed.getvalue()
    if not options:
        assert printed == shown, f"{code}\nprints\n{printed}\nand the page shows\n{shown}"
    return f"```python\n{code}```\n\n```text\n{printed}```"


written = CELL.sub(run, text)
cells = len(CELL.findall(text))
assert cells == text.count("```python"), "a cell shows no output"
if options:
    with open(page, "w") as file:
        file.write(written)
done(f"{cells} cells agree")
