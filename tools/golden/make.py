"""Makes all of golden/, or the makers named on the command line, then golden/MANIFEST.json."""

import importlib
import logging
import sys
import time
import warnings

import common

MAKERS = [
    "checkpoints",
    "models",
    "noise",
    "schedules",
    "ssim",
    "maps",
    "mixture",
    "maskbox",
    "scores",
    "pictures",
    "token_ids",
    "runs",
    "ops",
]


def main() -> None:
    warnings.filterwarnings("ignore")
    import diffusers
    import transformers

    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    logging.disable(logging.WARNING)
    unknown = [name for name in sys.argv[1:] if name not in MAKERS]
    if unknown:
        sys.exit(f"make: no maker called {unknown[0]!r}; there are {', '.join(MAKERS)}")
    for name in sys.argv[1:] or MAKERS:
        start = time.time()
        importlib.import_module(name).make()
        print(f"{name}: {time.time() - start:.1f} s", flush=True)
    common.write_manifest()


if __name__ == "__main__":
    main()
