"""A process that holds one peer and answers on standard output in lines of JSON.

    python worker.py PEER --what unet --checkpoint DIR --folder DIR --batch N --threads N
        [--export | --probe | --variant NAME]

Reads lines: `run N` (evaluates so many times, answers the seconds of each), `output FILE` (writes
the last output as .npy, answers the largest resident memory). `--export` only makes the file that the peer
loads, `--probe` only says how long each variant of the peer takes.
"""

import argparse
import json
import logging
import os
import shutil
import sys
import time
import warnings
from pathlib import Path

from graphs import GRAPHS

VARIANTS = {
    ("pytorch", "unet"): ("plain", "channels_last"),
    ("pytorch", "vae"): ("plain", "channels_last"),
}


def exported(folder: str, peer: str, what: str) -> Path:
    """What the peer loads."""
    suffix = {"onnxruntime": "onnx", "openvino": "xml"}[peer]
    return Path(folder) / peer / what / f"model.{suffix}"


def pytorch(arguments, graph, given):
    import torch

    torch.set_num_threads(arguments.threads)
    model = graph.module()
    given = [torch.from_numpy(array) for array in given.values()]
    if arguments.variant == "channels_last":
        model = model.to(memory_format=torch.channels_last)
        given = [
            g.contiguous(memory_format=torch.channels_last) if g.dim() == 4 else g for g in given
        ]

    def run():
        with torch.inference_mode():
            return model(*given).numpy()

    return run, torch.__version__


def onnxruntime(arguments, graph, given):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    options.add_free_dimension_override_by_name("batch", arguments.batch)
    options.log_severity_level = 3
    path = exported(arguments.folder, "onnxruntime", arguments.what)
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, given)[0], ort.__version__


def openvino(arguments, graph, given):
    import openvino as ov

    core = ov.Core()
    model = core.read_model(str(exported(arguments.folder, "openvino", arguments.what)))
    arrays = list(given.values())
    model.reshape({i: list(array.shape) for i, array in enumerate(arrays)})
    compiled = core.compile_model(
        model,
        "CPU",
        {
            "INFERENCE_NUM_THREADS": arguments.threads,
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
        },
    )
    request = compiled.create_infer_request()
    return lambda: list(request.infer(arrays).values())[0], ov.__version__


PEERS = {"openvino": openvino, "onnxruntime": onnxruntime, "pytorch": pytorch}


def export(arguments, graph) -> None:
    """Makes what the peer loads, with an open batch, whole or not at all."""
    import torch

    path = exported(arguments.folder, arguments.peer, arguments.what)
    part = path.parent.with_name(path.parent.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    model, given = graph.module(), graph.inputs(2)
    tensors = tuple(torch.from_numpy(array) for array in given.values())
    with torch.inference_mode():
        if arguments.peer == "openvino":
            import openvino as ov

            shapes = [[-1, *array.shape[1:]] for array in given.values()]
            converted = ov.convert_model(model, example_input=tensors, input=shapes)
            ov.save_model(converted, str(part / path.name), compress_to_fp16=False)
        else:
            batch = torch.export.Dim("batch", min=1, max=256)
            torch.onnx.export(
                model, tensors, str(part / path.name), input_names=list(given),
                output_names=["output"], dynamo=True, external_data=True,
                dynamic_shapes=[{0: batch} for _ in given], verbose=False,
            )
    os.replace(part, path.parent)


def peak_memory() -> int:
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def timed(run, count: int):
    seconds, cpu, output = [], time.process_time(), None
    for _ in range(count):
        start = time.perf_counter()
        output = run()
        seconds.append(time.perf_counter() - start)
    return seconds, (time.process_time() - cpu) / count, output


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("peer", choices=PEERS)
    for name in ("what", "checkpoint", "folder", "variant"):
        parser.add_argument(f"--{name}")
    for name in ("batch", "threads"):
        parser.add_argument(f"--{name}", type=int, default=1)
    for name in ("export", "probe"):
        parser.add_argument(f"--{name}", action="store_true")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    # Libraries print as they like; answers alone go to the real standard output.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(**facts) -> None:
        print(json.dumps(facts), file=answers, flush=True)

    graph = GRAPHS[arguments.what](Path(arguments.checkpoint))
    if arguments.export:
        return export(arguments, graph)
    given = graph.inputs(arguments.batch)
    if arguments.probe:
        found = {}
        for variant in VARIANTS.get((arguments.peer, arguments.what), ()):
            arguments.variant = variant
            run, _ = PEERS[arguments.peer](arguments, graph, given)
            timed(run, 1)
            found[variant] = min(timed(run, 2)[0])
            del run
        return answer(**found)
    run, version = PEERS[arguments.peer](arguments, graph, given)
    timed(run, 1)
    answer(version=version, estimate=timed(run, 1)[0][0])
    output = None
    for line in sys.stdin:
        command, value = line.split()
        if command == "run":
            seconds, cpu, output = timed(run, int(value))
            answer(seconds=seconds, cpu_seconds=cpu)
        else:
            import numpy

            numpy.save(value, output)
            answer(peak_memory_bytes=peak_memory())


if __name__ == "__main__":
    main()
