"""Brings golden/MANIFEST.json up to date for one folder of golden/."""

import hashlib
import json
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[2] / "golden"


def update(family: str) -> None:
    path = GOLDEN / "MANIFEST.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    inside = family + "/"
    files = {name: value for name, value in manifest["files"].items() if not name.startswith(inside)}
    listed = [case for case in manifest["cases"] if case["family"] != family]
    for file in sorted(p for p in (GOLDEN / family).rglob("*") if p.is_file()):
        name = file.relative_to(GOLDEN).as_posix()
        data = file.read_bytes()
        files[name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        if file.name == "case.json":
            about = json.loads(data)
            listed.append(
                {"folder": file.parent.relative_to(GOLDEN).as_posix()}
                | {key: about[key] for key in ("family", "case", "script", "versions", "seed")}
            )
    manifest["cases"] = sorted(listed, key=lambda case: case["folder"].split("/"))
    manifest["files"] = dict(sorted(files.items(), key=lambda file: file[0].split("/")))
    path.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
