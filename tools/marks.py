"""Figures in documents stand between <!-- NAME --> and <!-- /NAME -->, where the tool that makes them puts them."""

import re
from pathlib import Path


def put(document: Path, name: str, text: str) -> None:
    """Replaces what stands between the marks called `name`; exits when they are not there exactly once."""
    old = document.read_text()
    places = re.findall(rf"<!-- {re.escape(name)} -->\n.*?<!-- /{re.escape(name)} -->", old, re.DOTALL)
    if len(places) != 1:
        raise SystemExit(f"{document}: <!-- {name} --> … <!-- /{name} --> stands there {len(places)} times, "
                         "expected once")
    document.write_text(old.replace(places[0], f"<!-- {name} -->\n{text}\n<!-- /{name} -->"))
