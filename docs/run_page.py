"""Runs the commands that a page shows, and puts what they said into it.

    run_page.py PAGE FOLDER [--check] [--part HEADING]

Commands are the blocks fenced as ```sh, of the whole page or of the part under a heading of the second level. They run in
FOLDER, in their order, as `bash -euo pipefail` runs them. Behind a block may stand

    <!-- output: NAME[; status N][; | FILTER] -->

and then its output, which is replaced: cut at 110 columns, after it went through the shell command FILTER. Its
status must be N, or 0. --check changes nothing: a command that fails, or says something else, is an error, but
for numbers, which may differ in their last digits from machine to machine.
"""

import re
import subprocess
import sys
from pathlib import Path

WIDTH = 110
BLOCK = re.compile(
    r"```sh\n(?P<commands>.*?)\n```\n"
    r"(?:\n<!-- output: (?P<name>[\w-]+)(?:; status (?P<status>\d))?(?:; \| (?P<filter>[^\n]*?))? -->\n"
    r"(?:\n?```text\n(?P<shown>.*?)\n```\n)?)?",
    flags=re.DOTALL,
)


def shown(output: str) -> str:
    lines = [line.rstrip() for line in output.strip("\n").split("\n")]
    return "\n".join(line if len(line) <= WIDTH else line[: WIDTH - 1] + "…" for line in lines)


def run(found: re.Match, folder: str) -> str:
    """The block and what it says now."""
    commands = found["commands"]
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != int(found["status"] or 0):
        sys.exit(f"run_page: status {done.returncode} of\n{commands}\n{done.stdout}")
    if not found["name"]:
        return found[0]
    output = done.stdout
    if found["filter"]:
        output = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", found["filter"]],
            input=output,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
    start = found[0].index("-->\n", len(commands)) + 4
    return found[0][:start] + "\n```text\n" + shown(output) + "\n```\n"


def plain(text: str) -> str:
    """Without numbers, and without what widths of columns depend on them."""
    return re.sub(r" +", " ", re.sub(r"\d+(\.\d+)?(e[-+]?\d+)?", "0", text))


def main() -> None:
    words = sys.argv[1:]
    check = "--check" in words
    words = [word for word in words if word != "--check"]
    heading = words[words.index("--part") + 1] if "--part" in words else None
    page, folder = Path(words[0]), words[1]
    text = page.read_text(encoding="utf-8")
    begin, end = 0, len(text)
    if heading:
        begin = text.index(f"\n## {heading}\n")
        end = text.find("\n## ", begin + 1) % (len(text) + 1)
    new = text[:begin] + BLOCK.sub(lambda found: run(found, folder), text[begin:end]) + text[end:]
    if not check:
        page.write_text(new, encoding="utf-8")
    elif plain(new) != plain(text):
        sys.exit(f"run_page: {page} does not show what the programs say; run it without --check")


if __name__ == "__main__":
    main()
