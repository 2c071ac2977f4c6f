#!/usr/bin/env python3
"""Holds read_plumb.py to the fixtures: the valid files have the tensors of expected.json, every
malformed one is refused. Files of one's own may be given, whose contents are checked.

    check_fixtures.py [--write-expected] [FILE …]
"""

import hashlib, json, os, sys

from read_plumb import Plumb, Refused

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../formats/fixtures")


def tensors_of(path):
    plumb = Plumb(path)
    plumb.check_contents()
    return {t["name"]: {"type": t["type"], "shape": t["shape"],
                        "sha256": hashlib.sha256(plumb.tensor_bytes(t)).hexdigest()}
            for t in plumb.listed()}


def main():
    arguments = sys.argv[1:]
    valid = os.path.join(FOLDER, "valid/plumb")
    found = {name: tensors_of(os.path.join(valid, name))
             for name in sorted(os.listdir(valid)) if name.endswith(".plumb")}
    expected = os.path.join(valid, "expected.json")
    if "--write-expected" in arguments:
        with open(expected, "w") as file:
            json.dump(found, file, indent=1, ensure_ascii=False)
            file.write("\n")
    with open(expected) as file:
        failures = [] if json.load(file) == found else ["expected.json"]
    broken = os.path.join(FOLDER, "malformed/plumb")
    names = [name for name in sorted(os.listdir(broken)) if name.endswith(".plumb")]
    for name in names:
        try:
            tensors_of(os.path.join(broken, name))
            failures.append(f"{name} was read")
        except Refused as refusal:
            if "-v" in arguments:
                print(f"{name}: {refusal}")
    for path in arguments:
        if not path.startswith("-"):
            tensors_of(path)
    print(f"{len(found)} valid files, {len(names)} malformed ones")
    sys.exit("\n".join(failures) or 0)


if __name__ == "__main__":
    main()
