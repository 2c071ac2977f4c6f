"""Runs plumb with failing system calls (faults.c); started by tools/faults/test.

What must come of a fault: either all goes well and the result is the one without a fault, or plumb
ends with status 2 and one sentence, the file that was to be replaced is as it was, and nothing lies
beside it. One that is interrupted or terminated leaves no trace either. One that is killed, or ended by the
Swift runtime for want of memory, may leave a hidden temporary, which the next conversion removes.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLUMB = os.environ["PLUMB"]
FAULTS = os.environ["FAULTS"]
CHECKPOINT = ROOT / "golden/checkpoints/sd1-tiny"
PICTURE = ROOT / "golden/images/radiograph.jpg"
BUNDLE = ROOT / "golden/run/sd1-10-steps"
OLD = b"what was there before"

# Which faults each call gets. Those of SAME must make no difference.
KINDS = {
    "open": ["EMFILE", "EIO"],
    "fstat": ["EIO"],
    "read": ["EIO", "EINTR", "short"],
    "mmap": ["ENOMEM", "truncate"],
    "write": ["ENOSPC", "EIO", "EDQUOT", "EINTR", "short", "kill", "killed", "interrupt",
              "terminate"],
    "fsync": ["EIO", "ENOSPC", "kill", "killed", "interrupt", "terminated"],
    "link": ["EIO", "EACCES", "kill", "killed", "interrupt", "interrupted", "terminated"],
    "rename": ["EIO", "EROFS", "kill", "killed", "interrupt", "interrupted", "terminate"],
    "close": ["EIO", "EINTR"],
    "unlink": ["EIO"],
    "mkdir": ["ENOSPC", "EACCES"],
    "malloc": ["ENOMEM"],
}
ENDS = {"interrupt": signal.SIGINT, "interrupted": signal.SIGINT,
        "terminate": signal.SIGTERM, "terminated": signal.SIGTERM}
SAME = {("read", "EINTR"), ("read", "short"), ("write", "EINTR"), ("write", "short")}


def plumb(arguments, call=None, at=0, kind="", count=None, wait=True, **more):
    environment = dict(os.environ) | more
    if call:
        environment |= {"LD_PRELOAD": FAULTS, "FAULT_CALL": call, "FAULT_AT": str(at),
                        "FAULT_KIND": kind}
        if count:
            environment["FAULT_COUNT"] = str(count)
    process = subprocess.Popen([PLUMB, *map(str, arguments)], env=environment,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return finished(process) if wait else process


def finished(process):
    out, error = process.communicate(timeout=300)
    return process.returncode, out, error


def content(folder):
    """The files of a folder with their bytes, below it too."""
    return {str(p.relative_to(folder)): p.read_bytes()
            for p in sorted(folder.rglob("*")) if p.is_file()}


class Findings:
    def __init__(self):
        self.list, self.outcomes = [], Counter()

    def require(self, condition, case, sentence):
        if not condition:
            self.list.append(f"{case}: {sentence}")
            print(f"faults: {case}: {sentence}", file=sys.stderr)


class Convert:
    """A conversion over a file that is there already."""

    name = "convert"
    environment = {}
    options = []

    def __init__(self, work):
        self.folder = work / self.name
        self.folder.mkdir()
        self.out = self.folder / "m.plumb"
        self.arguments = ["convert", CHECKPOINT, "-o", self.out, *self.options]
        self.begin()
        status, _, error = plumb(self.arguments)
        assert status == 0, error
        self.right = self.out.read_bytes()

    def begin(self):
        for path in self.folder.iterdir():
            path.unlink()
        self.out.write_bytes(OLD)

    def check(self, findings, case, good, killed):
        files = content(self.folder)
        found = files.pop("m.plumb", None)
        if good:
            findings.require(found == self.right, case, "the file is not the one it should be")
        else:
            findings.require(found in (OLD, self.right), case, "the old file is damaged")
        if killed and files:
            findings.require(
                len(files) == 1 and all(n.startswith(".m.plumb.plumb-") for n in files), case,
                f"there is {sorted(files)}")
            status, _, error = plumb(self.arguments)
            files = content(self.folder)
            findings.require(
                status == 0 and files == {"m.plumb": self.right}, case,
                f"the next conversion leaves {sorted(files)} {error}")
        else:
            findings.require(not files, case, f"left behind: {sorted(files)}")


class ConvertNamed(Convert):
    """The same on a file system that has no nameless files."""

    name = "convert-named"
    environment = {"FAULT_NAMED": "1"}


class ConvertVerify(Convert):
    """A conversion that runs what it wrote before it gets its name."""

    name = "convert-verify"
    options = ["--verify", BUNDLE / "text_encoder", "--low-memory"]


class Ground:
    """Grounding, which writes four files, result.json last."""

    name = "ground"
    environment = {}

    def __init__(self, work):
        self.folder = work / "ground"
        self.folder.mkdir()
        self.model = work / "m.plumb"
        status, _, error = plumb(["convert", CHECKPOINT, "-o", self.model])
        assert status == 0, error
        self.bytes = self.model.read_bytes()
        self.arguments = [
            "ground", self.model, "--image", PICTURE, "--phrase", "effusion", "--steps", "3",
            "--last", "2", "--cache", self.folder / "cache", "-o", self.folder / "out"]
        status, _, error = plumb(self.arguments)
        assert status == 0, error
        self.right = self.results()

    def results(self):
        """All but the JSON, which has times."""
        return {n: b for n, b in content(self.folder).items() if not n.endswith(".json")}

    def begin(self):
        if self.model.read_bytes() != self.bytes:
            self.model.write_bytes(self.bytes)
        for path in sorted(self.folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()

    def check(self, findings, case, good, killed):
        results = self.results()
        if good:
            # A cache that cannot be written costs a warning, a font that cannot be read the labels
            # in the picture.
            free = ("cache", "out/overlay.png")
            findings.require("out/overlay.png" in results, case, "no picture")
            results = {n: b for n, b in results.items() if not n.startswith(free)}
            right = {n: b for n, b in self.right.items() if not n.startswith(free)}
            findings.require(results == right, case, "the results are not those they should be")
            findings.require((self.folder / "out/result.json").exists(), case, "no result.json")
        else:
            for name, found in results.items():
                if name == "out/overlay.png":
                    continue
                temporary = killed and "/." in "/" + name
                findings.require(found == self.right.get(name) or temporary, case,
                                 f"{name} is not whole")
            complete = set(self.right) <= set(results)
            findings.require(complete or not (self.folder / "out/result.json").exists(), case,
                             "result.json says that all is there")
        if not killed:
            findings.require(not [n for n in content(self.folder) if "/." in "/" + n], case,
                             "left behind a temporary")


class Verify(Ground):
    """A proof, which writes nothing."""

    name = "verify"

    def __init__(self, work):
        self.folder = work / "verify"
        self.folder.mkdir()
        self.model = work / "v.plumb"
        status, _, error = plumb(["convert", CHECKPOINT, "-o", self.model])
        assert status == 0, error
        self.bytes = self.model.read_bytes()
        self.arguments = ["verify", self.model, BUNDLE / "text_encoder"]
        status, _, error = plumb(self.arguments)
        assert status == 0, error

    def check(self, findings, case, good, killed):
        findings.require(not content(self.folder), case, "it wrote something")


def sample(count, most):
    if count <= most:
        return range(1, count + 1)
    return sorted({1 + round(i * (count - 1) / (most - 1)) for i in range(most)})


def inject(scenario, findings, work, everything):
    for call, kinds in KINDS.items():
        count_file = work / "count"
        count_file.unlink(missing_ok=True)
        scenario.begin()
        plumb(scenario.arguments, call, 0, "", count_file, **scenario.environment)
        count = int(count_file.read_text())
        if call == "malloc":
            most = 40 if not everything else 2000
        else:
            most = (16 if isinstance(scenario, Convert) else 6) if not everything else 10**6
        for kind in kinds:
            for at in sample(count, most):
                case = f"{scenario.name}: {call} {at} of {count}: {kind}"
                if (call, kind) == ("mmap", "truncate") and isinstance(scenario, Convert):
                    continue  # It would cut the goldens; see `cut_short`.
                if (call, kind) == ("mmap", "truncate") and at > 1:
                    continue  # The model is mapped first.
                scenario.begin()
                status, _, error = plumb(
                    scenario.arguments, call, at, kind, **scenario.environment)
                killed = kind in ("kill", "killed") and status == -signal.SIGKILL
                judge(findings, case, call, kind, status, error, killed)
                # Who gets no memory is ended by the Swift runtime: as dead as by a kill.
                starved = call == "malloc" and status not in (0, 2)
                scenario.check(findings, case, status == 0, killed or starved)
                findings.outcomes[
                    "as without a fault" if status == 0 else "killed" if killed
                    else "interrupted" if status == -ENDS.get(kind, 0)
                    else "one sentence, status 2" if status == 2 else "out of memory"] += 1


def judge(findings, case, call, kind, status, error, killed):
    """Whether a program ended as it may."""
    lines = [line for line in error.splitlines() if line.strip()]
    if (call, kind) in SAME:
        findings.require(status == 0, case, f"status {status}: {error[:300]}")
    elif kind in ENDS:
        # A signal may come when all is done.
        findings.require(status in (0, -ENDS[kind]) and not lines, case,
                         f"status {status}: {error[:300]}")
    elif call == "malloc":
        # The Swift runtime ends a program that gets no memory, as C++'s does.
        findings.require(status in (0, 2) or status < 0 or "memory" in error, case,
                         f"status {status}: {error[:300]}")
    elif status == 2:
        findings.require(len(lines) == 1 and lines[0].startswith("plumb"), case,
                         f"not one sentence: {error[:300]}")
    else:
        findings.require(status == 0 or killed, case, f"status {status}: {error[:300]}")


def cut_short(findings, work):
    """The source of a conversion loses its bytes while it is mapped."""
    import shutil
    source, folder = work / "source", work / "cut"
    folder.mkdir()
    out = folder / "m.plumb"
    for at in range(1, 40):
        shutil.rmtree(source, ignore_errors=True)
        shutil.copytree(CHECKPOINT, source)
        out.write_bytes(OLD)
        status, _, error = plumb(["convert", source, "-o", out], "mmap", at, "truncate")
        if status == 0 and all(p.stat().st_size for p in source.rglob("*") if p.is_file()):
            break
        case = f"convert: mapped file {at} cut short"
        lines = error.splitlines()
        findings.require(
            status == 0 or status == 2 and len(lines) == 1 and lines[0].startswith("plumb"), case,
            f"status {status}: {error[:300]}")
        findings.require(status == 0 or content(folder) == {"m.plumb": OLD}, case,
                         "the old file is damaged")
        findings.outcomes["one sentence, status 2" if status else "as without a fault"] += 1


def interrupted(findings, work):
    """Ctrl-C at some moments of a conversion that verifies: at most a temporary of its own is left where
    files without a name are not to be had."""
    scenario = ConvertVerify(work / "interrupted")
    start = time.monotonic()
    plumb(scenario.arguments)
    whole = time.monotonic() - start
    for turn in range(20):
        scenario.begin()
        process = plumb(scenario.arguments, wait=False)
        time.sleep(whole * (turn + 0.5) / 20)
        process.send_signal(signal.SIGINT)
        status, _, error = finished(process)
        case = f"{scenario.name}: interrupted, turn {turn} of 20"
        findings.require(status in (0, -signal.SIGINT), case, f"status {status}: {error[:300]}")
        scenario.check(findings, case, status == 0, False)
        findings.outcomes["as without a fault" if status == 0 else "interrupted"] += 1


def together(findings, work):
    """Several conversions to one name; several groundings with one cache."""
    folder = work / "together"
    folder.mkdir()
    out = folder / "m.plumb"
    ways = [["--level", "1"], ["--level", "19"], ["--weights", "f16"], []]
    right = []
    for way in ways:
        assert plumb(["convert", CHECKPOINT, "-o", out, *way])[0] == 0
        right.append(out.read_bytes())
    for turn in range(6):
        processes = [plumb(["convert", CHECKPOINT, "-o", out, *w], wait=False) for w in ways]
        ends = [finished(p) for p in processes]
        case = f"four conversions at once, turn {turn}"
        for status, _, error in ends:
            findings.require(status == 0, case, f"status {status}: {error[:300]}")
        files = content(folder)
        findings.require(set(files) == {"m.plumb"} and files["m.plumb"] in right, case,
                         f"there is {sorted(files)}, or the file is none of the four")
        findings.outcomes["as without a fault"] += len(ends)
    assert plumb(["convert", CHECKPOINT, "-o", out])[0] == 0
    caches = work / "shared"
    common = ["ground", out, "--image", PICTURE, "--phrase", "effusion", "--steps", "3",
              "--last", "2", "--cache", caches / "cache"]
    for turn in range(3):
        processes = [plumb([*common, "-o", caches / f"out{i}"], wait=False) for i in range(3)]
        ends = [finished(p) for p in processes]
        case = f"three groundings with one cache, turn {turn}"
        for status, _, error in ends:
            findings.require(status == 0 and "warning" not in error, case,
                             f"status {status}: {error[:300]}")
        maps = {(caches / f"out{i}/map.npy").read_bytes() for i in range(3)}
        findings.require(len(maps) == 1, case, "the maps differ")
        cached = content(caches / "cache")
        findings.require(len(cached) == 1, case, f"the cache holds {sorted(cached)}")
        findings.outcomes["as without a fault"] += len(ends)
        for path in (caches / "cache").iterdir():
            path.unlink()


def main():
    # Programs that are started get signals as a terminal would send them.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    work, arguments = Path(sys.argv[1]), sys.argv[2:]
    everything = "--all" in arguments
    names = [a for a in arguments if a != "--all"]
    findings = Findings()
    for scenario in (Convert, ConvertNamed, ConvertVerify, Ground, Verify):
        if not names or scenario.name in names:
            inject(scenario(work), findings, work, everything)
    if not names or "cut" in names:
        cut_short(findings, work)
    if not names or "interrupted" in names:
        (work / "interrupted").mkdir()
        interrupted(findings, work)
    if not names or "together" in names:
        together(findings, work)
    total = sum(findings.outcomes.values())
    print(f"faults: {total} faults:", ", ".join(f"{n} {k}" for k, n in findings.outcomes.items()))
    if findings.list:
        sys.exit(f"faults: {len(findings.list)} findings")
    print("faults: no finding")


if __name__ == "__main__":
    main()
