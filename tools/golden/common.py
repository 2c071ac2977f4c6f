"""What every maker shares: where goldens go, how a case is written, random weights."""

import hashlib
import json
import platform
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "golden"

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
torch.set_grad_enabled(False)


def versions(*modules: str) -> dict[str, str]:
    """Versions of the packages a case depends on, by name."""
    from importlib.metadata import version

    found = {"python": platform.python_version()}
    for module in modules:
        found[module] = version(module)
    return found


def generator(seed: int) -> torch.Generator:
    """A CPU generator with this seed."""
    return torch.Generator().manual_seed(seed)


def normal(seed: int, *shape: int) -> torch.Tensor:
    """A standard normal f32 tensor that depends on the seed and shape alone."""
    return torch.randn(shape, generator=generator(seed))


def contiguous(tensors: dict) -> dict[str, torch.Tensor]:
    """Own, contiguous copies as safetensors wants them."""
    return {
        name: torch.as_tensor(value).detach().clone().contiguous()
        for name, value in tensors.items()
    }


def save_case(
    family: str,
    case: str,
    *,
    script: str,
    seed: int | None,
    tensors: dict,
    packages: tuple[str, ...] = ("torch",),
    config: dict | None = None,
    strings: list[str] | None = None,
    absolute: float = 0.0,
    relative: float = 0.0,
    where: Path | None = None,
) -> Path:
    """Writes <where or golden>/<family>/<case>/{case.json, io.safetensors}.

    `tensors` are named "input.*", "output.*" or "weight.*". The tolerance is what a comparison of
    the outputs should use: `absolute` + `relative` times the tensor's largest magnitude.
    """
    folder = (where or GOLDEN) / family / case if family else (where or GOLDEN) / case
    folder.mkdir(parents=True, exist_ok=True)
    description = {
        "family": family or "bundle",
        "case": case,
        "script": f"tools/golden/{script}",
        "versions": versions(*packages),
        "seed": seed,
        "tolerance": {"absolute": absolute, "relative": relative},
        "config": config or {},
    }
    if strings is not None:
        description["strings"] = strings
    (folder / "case.json").write_text(
        json.dumps(description, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    save_file(contiguous(tensors), folder / "io.safetensors")
    return folder


def fresh(*parts: str) -> Path:
    """An empty folder golden/<parts>: what an earlier run left there is removed."""
    folder = GOLDEN.joinpath(*parts)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def randomise(module: torch.nn.Module, seed: int, sharp: float = 1.2) -> torch.nn.Module:
    """Gives every parameter a random value that exercises it.

    Matrices and kernels are scaled to keep the size of what flows through; norm weights and biases,
    which fresh models leave at 1 and 0, are moved away from there. Queries and keys of
    cross-attention are `sharp` times larger; much more, and float32 itself would miss the
    tolerance.
    """
    source = generator(seed)
    for name, parameter in module.named_parameters():
        draw = torch.randn(parameter.shape, generator=source)
        if parameter.dim() > 1:
            fan_in = parameter[0].numel()
            gain = sharp if "attn2.to_q" in name or "attn2.to_k" in name else 1.0
            draw *= 1.0 if "embeddings" in name else gain / fan_in**0.5
        elif name.endswith(".weight"):
            draw = 1 + 0.2 * draw
        else:
            draw *= 0.1
        parameter.data.copy_(draw)
    return module.eval()


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_manifest() -> None:
    """Writes golden/MANIFEST.json: files with digests, cases with script, versions, seed."""
    cases, files = [], {}
    for path in sorted(p for p in GOLDEN.rglob("*") if p.is_file()):
        name = path.relative_to(GOLDEN).as_posix()
        if name in ("MANIFEST.json", "README.md"):
            continue
        files[name] = {"bytes": path.stat().st_size, "sha256": sha256(path)}
        if path.name == "case.json":
            about = json.loads(path.read_text(encoding="utf-8"))
            cases.append(
                {"folder": path.parent.relative_to(GOLDEN).as_posix()}
                | {key: about[key] for key in ("family", "case", "script", "versions", "seed")}
            )
    manifest = {"made_by": "tools/golden/make", "cases": cases, "files": files}
    (GOLDEN / "MANIFEST.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
