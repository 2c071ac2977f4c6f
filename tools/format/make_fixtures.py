#!/usr/bin/env python3
"""Makes formats/fixtures/{valid,malformed}/plumb: a writer made from formats/plumb.md, and a file
that breaks each rule. Needs the package zstandard. What each malformed file must give is in
errors.json beside them, which is kept by hand.

    make_fixtures.py [FOLDER]     FOLDER: formats/fixtures
"""

import copy, hashlib, itertools, json, os, struct, sys, zlib

import zstandard

from read_plumb import BITS, LANES, MAGIC, WIDTH, digest_of, product, xxh64

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../formats/fixtures")


def frame(content, checksum=True, size=True):
    return zstandard.ZstdCompressor(
        level=19, write_checksum=checksum, write_content_size=size).compress(content)


def coded(content, frequencies=None, checksum=None, word=None):
    """A coded part. Others than those that fit may be given; `word` is a word too many."""
    counts = [content.count(s) for s in range(256)]
    if frequencies is None:
        frequencies = [c and max(1, c * 4096 // len(content)) for c in counts]
        most = max(range(256), key=frequencies.__getitem__)
        frequencies[most] += 4096 - sum(frequencies)
    before = [sum(frequencies[:s]) for s in range(256)]
    states, words = [1 << 16] * LANES, []
    for i in reversed(range(len(content))):
        x, f = states[i % LANES], frequencies[content[i]]
        if x >= f << 32 - BITS:
            words.append(x & 65535)
            x >>= 16
        states[i % LANES] = (x // f << BITS) + x % f + before[content[i]]
    words = words[::-1] + ([] if word is None else [word])
    checksum = xxh64(content) % 2**32 if checksum is None else checksum
    return (b"\1" + struct.pack("<I", checksum) + table_of(frequencies)
            + struct.pack(f"<{LANES}I", *states) + struct.pack(f"<{len(words)}H", *words))


def table_of(frequencies):
    table, symbol = bytearray(), 0
    while symbol < 256:
        f = frequencies[symbol]
        if f == 0:
            run = 1
            while symbol + run < 256 and frequencies[symbol + run] == 0:
                run += 1
            table += bytes([0, run - 1])
            symbol += run
            continue
        table += bytes([f]) if f < 128 else bytes([128 | f >> 8, f & 255])
        symbol += 1
    return bytes(table)


def noise(count, seed):
    state, content = seed, bytearray()
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        content.append(state >> 56)
    return bytes(content)


def planes_of(content, width, rotated):
    if rotated:
        code = {2: "H", 4: "I", 8: "Q"}[width]
        words = struct.unpack(f"<{len(content) // width}{code}", content)
        bits = 8 * width
        content = struct.pack(f"<{len(words)}{code}",
                              *((w << 1 | w >> bits - 1) % 2**bits for w in words))
    return [content[p::width] for p in range(width)]


class Writer:
    def __init__(self):
        self.data, self.tensors = bytearray(128), []

    def add(self, name, type_, shape, content, codec, stored=None, per_block=None, pack=frame):
        stored = stored or type_
        width = WIDTH[stored]
        assert len(content) == product(shape) * width
        alignment = 4096 if codec == "raw" and len(content) >= 4096 else 64
        self.data += bytes(-len(self.data) % alignment)
        per_block = per_block or 1 << 18
        entry = {"name": name, "type": type_, "shape": shape, "stored": stored,
                 "digest": digest_of(content), "codec": codec, "offset": len(self.data),
                 "block_elements": per_block, "blocks": []}
        for start in range(0, len(content), per_block * width):
            block = content[start:start + per_block * width]
            if codec == "raw":
                entry["blocks"].append([zlib.crc32(block)])
                self.data += block
                continue
            parts = [pack(block)] if codec == "frame" else [
                pack(p) for p in planes_of(block, width, codec == "rotatedPlanes")]
            entry["blocks"].append([len(p) for p in parts])
            self.data += b"".join(parts)
        self.tensors.append(entry)

    def add_scaled(self, name, shape, content, scales, axis, codec="frame"):
        """Bytes and, before them, their scales."""
        self.add(name + "@scales", "f32", [len(scales)], struct.pack(f"<{len(scales)}f", *scales),
                 "raw")
        self.add(name, "i8", shape, content, codec, per_block=40)
        self.tensors[-1] |= {"type": "f32", "scales": len(self.tensors) - 2, "scale_axis": axis}

    def share(self, name, type_, shape, place):
        other = self.tensors[place]
        self.tensors.append({"name": name, "type": type_, "shape": shape,
                             "stored": other["stored"], "digest": other["digest"],
                             "same_as": place})


def assemble(data, index, packed=None, unpacked=None, header=None):
    """A file of data (which begins with room for the header) and index (an object or bytes);
    `header` changes fields before the checksum is computed."""
    content = index if isinstance(index, bytes) else json.dumps(
        index, ensure_ascii=False, separators=(",", ":")).encode()
    packed = frame(content) if packed is None else packed
    fields = {"magic": MAGIC, "major": 1, "minor": 0, "header": 128,
              "file": len(data) + len(packed), "offset": len(data), "stored": len(packed),
              "unpacked": len(content) if unpacked is None else unpacked,
              "digest": hashlib.sha256(packed).digest(), "reserved": bytes(44)} | (header or {})
    head = struct.pack("<8sHHIQQQQ32s44s", *fields.values())
    assert len(head) == 124
    return head + struct.pack("<I", zlib.crc32(head)) + bytes(data[128:]) + packed


def small():
    """Every codec, a shared tensor, several blocks, a graph."""
    w = Writer()
    w.add("w", "f32", [2, 3], struct.pack("<6f", 0.5, 0.1, -0.3, 1e-30, 7, -0.0), "raw")
    w.add("table", "f32", [40, 16], struct.pack("<640e", *(i * 0.01 - 3 for i in range(640))),
          "rotatedPlanes", stored="f16", per_block=256)
    w.add("ids", "i64", [100], struct.pack("<100q", *range(-50, 50)), "planes")
    w.add("mask", "bool", [10, 10], bytes(i % 3 == 0 for i in range(100)), "frame")
    w.share("tied", "f16", [640], 1)
    graph = {
        "name": "g",
        "values": [
            {"name": "x", "origin": "input"},
            {"name": "w", "origin": "weight", "tensor": "w", "type": "f32", "shape": [2, 3]},
            {"name": "c", "origin": "constant", "type": "f32", "shape": [2],
             "bytes": struct.pack("<2f", 1.5, float("nan")).hex()},
            {"name": "y", "origin": "node"}, {"name": "z", "origin": "node"}],
        "inputs": [{"value": 0, "type": "f32", "dimensions": ["batch", 3]}],
        "outputs": [4],
        "nodes": [
            {"name": "y", "op": "linear", "inputs": [0, 1, None], "outputs": [3],
             "attributes": {"activation": "silu"}},
            {"name": "z", "op": "add", "inputs": [3, 2], "outputs": [4], "attributes": {}}]}
    return w.data, {"graphs": [graph], "tensors": w.tensors, "components": {},
                    "provenance": {"made_by": "make_fixtures.py"}}


def types():
    """Every element type under every codec it can have, odd sizes, empty tensors and scalars."""
    w = Writer()
    for seed, (type_, width) in enumerate(WIDTH.items()):
        for codec in ["raw", "frame"] + (["planes", "rotatedPlanes"] if width > 1 else []):
            content = noise(77 * width, seed)
            if type_ == "bool":
                content = bytes(b & 1 for b in content)
            w.add(f"{type_}.{codec}", type_, [7, 11], content, codec, per_block=30)
        w.add(f"{type_}.scalar", type_, [], bytes(width), "raw")
    w.add("empty", "f32", [0, 4], b"", "frame")
    w.add("aligned — größer", "u8", [5000], noise(5000, 99), "raw")
    w.add("brain", "f32", [64], noise(128, 7), "rotatedPlanes", stored="bf16")
    return w.data, {"graphs": [], "tensors": w.tensors, "components": {}, "provenance": {}}


def skewed(count, seed):
    """Bytes of which few are frequent: 1, 128 and 255 among them."""
    symbols = [1, 1, 1, 1, 128, 128, 255, 7]
    return bytes(symbols[b % 8] if b < 250 else b for b in noise(count, seed))


def coded_parts():
    """Coded parts of every size of the last turn, alone and as planes; the widest tables."""
    w = Writer()
    for count in [1, 2, 31, 32, 33, 64, 95, 1000]:
        w.add(f"bytes.{count}", "u8", [count], skewed(count, count), "frame",
              pack=lambda p: coded(p) if len(set(p)) > 1 else frame(p))
    w.add("planes", "f32", [700], skewed(2800, 5), "planes", per_block=300, pack=coded)
    w.add("rotated", "f32", [41, 10], noise(820, 6), "rotatedPlanes", stored="bf16",
          per_block=333, pack=coded)
    w.add("even", "u8", [4096], bytes(range(256)) * 16, "frame", pack=coded)
    w.add("two", "u8", [4096], bytes(4095) + b"\xff", "frame", pack=coded)
    return w.data, {"graphs": [], "tensors": w.tensors, "components": {}, "provenance": {}}


def scaled():
    """Version 1.1: bytes with scales along each axis, in several blocks, shared, of no elements."""
    w = Writer()
    rows = [0.5, 1e-3, 2.0**120, 0.1, 7.0]
    w.add_scaled("rows", [5, 24], noise(120, 1), rows, 0)
    w.add_scaled("columns", [24, 5], noise(120, 2), rows, 1)
    w.add_scaled("middle", [3, 5, 8], noise(120, 3), rows, 1, codec="raw")
    w.add_scaled("none", [4, 0], b"", [1.0] * 4, 0)
    w.add("@scales of narrow origin", "f32", [4], struct.pack("<4e", 0.5, 1, 2, 4), "frame",
          stored="f16")
    place = len(w.tensors) - 1
    w.add("narrow", "i8", [4, 30], noise(120, 4), "frame")
    w.tensors[-1] |= {"type": "f32", "scales": place, "scale_axis": 0}
    # The same bytes, another tensor's scales.
    w.tensors.append({k: v for k, v in w.tensors[1].items()
                      if k in ("type", "shape", "stored", "digest")}
                     | {"name": "shared", "same_as": 1, "scales": 2, "scale_axis": 0})
    w.add("plain bytes", "i8", [5], b"\x80\xff\0\1\x7f", "raw")
    return w.data, {"graphs": [], "tensors": w.tensors, "components": {}, "provenance": {}}


def packed():
    """A linear and a convolution whose weights are packed in the file or by a node."""
    w = Writer()
    w.add("linear", "f32", [1, 3, 32], struct.pack("<96f", *range(96)), "raw")
    w.add("window", "f32", [2, 3, 3, 3], struct.pack("<54f", *range(54)), "raw")
    graph = {
        "name": "g",
        "values": [
            {"name": "x", "origin": "input"},
            {"name": "linear", "origin": "weight", "tensor": "linear", "type": "f32",
             "shape": [1, 3, 32]},
            {"name": "window", "origin": "weight", "tensor": "window", "type": "f32",
             "shape": [2, 3, 3, 3]},
            {"name": "packed", "origin": "node"}, {"name": "y", "origin": "node"},
            {"name": "z", "origin": "node"}],
        "inputs": [{"value": 0, "type": "f32", "dimensions": [1, 4, 4, 3]}],
        "outputs": [4, 5],
        "nodes": [
            {"name": "packed", "op": "packWeight", "inputs": [2], "outputs": [3], "attributes": {}},
            {"name": "y", "op": "convolution", "inputs": [0, 3], "outputs": [4],
             "attributes": {"strides": [1, 1], "padding": [1, 1, 1, 1], "dilations": [1, 1],
                            "groups": 1, "activation": None, "layout": "channelsLast",
                            "packed_outputs": 2, "packed_window": [3, 3]}},
            {"name": "z", "op": "linear", "inputs": [0, 1], "outputs": [5],
             "attributes": {"activation": None, "packed_outputs": 5, "packed_window": [1, 1]}}]}
    return w.data, {"graphs": [graph], "tensors": w.tensors, "components": {}, "provenance": {}}


def newer():
    """Version 1.7: members, header bytes and a header length that 1.1 does not have."""
    w = Writer()
    w.data = bytearray(192)
    w.add("w", "f32", [3], struct.pack("<3f", 1, 2, 3), "raw")
    w.tensors[0]["colour"] = "blue"
    index = {"graphs": [], "tensors": w.tensors, "components": {}, "provenance": {}, "more": [1]}
    content = json.dumps(index).encode()
    packed = frame(content)
    head = struct.pack("<8sHHIQQQQ32s", MAGIC, 1, 7, 192, len(w.data) + len(packed), len(w.data),
                       len(packed), len(content), hashlib.sha256(packed).digest())
    head += b"\1" * (188 - len(head))
    return head + struct.pack("<I", zlib.crc32(head)) + bytes(w.data[192:]) + packed


def malformed():
    """Yields names and files."""
    data, index = small()
    valid = assemble(data, index)

    def changed(change, data=data):
        other = copy.deepcopy(index)
        other = change(other) or other
        return assemble(data, other)

    def put(*path, value):
        def change(root):
            place = root
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = value
        return changed(change)

    def drop(*path):
        def change(root):
            place = root
            for key in path[:-1]:
                place = place[key]
            del place[path[-1]]
        return changed(change)

    def header(**fields):
        return assemble(data, index, header=fields)

    def rotten(place, value=None):
        content = bytearray(valid)
        content[place] = content[place] ^ 1 if value is None else value
        return bytes(content)

    yield "header.magic", b"X" + valid[1:]
    yield "header.major", header(major=2)
    yield "header.major-zero", header(major=0)
    yield "header.length-short", header(header=124)
    yield "header.length-other", header(header=192)
    yield "header.length-huge", header(header=2**32 - 1)
    yield "header.checksum", rotten(124)
    yield "header.minor-flipped", rotten(10)
    yield "header.reserved", header(reserved=b"\1" + bytes(43))
    yield "header.file-size", header(file=2**63)
    yield "header.index-beyond", header(offset=2**64 - 1)
    yield "header.index-in-header", header(offset=64)
    yield "header.index-short", header(stored=10)
    yield "header.index-too-large", header(stored=2**40)
    yield "header.index-unpacks-too-large", header(unpacked=2**40)
    for size in (0, 7, 8, 127, 128, 200, len(data), len(valid) - 1):
        yield f"truncated.{size}-bytes", valid[:size]
    yield "grown.one-byte", valid + b"\0"
    yield "index.digest", rotten(len(valid) - 5)
    yield "index.digest-field", header(digest=bytes(32))
    text = json.dumps(index).encode()
    yield "index.unpacked-size", assemble(data, index, unpacked=len(text) + 1)
    yield "index.no-size", assemble(data, text, packed=frame(text, size=False))
    yield "index.no-checksum", assemble(data, text, packed=frame(text, checksum=False))
    yield "index.two-frames", assemble(data, text, packed=frame(text) + frame(b""))
    yield "index.not-zstd", assemble(data, text, packed=text)
    yield "index.not-json", assemble(data, b"{")
    yield "index.trailing-text", assemble(data, text + b"x")
    yield "index.not-utf8", assemble(data, text.replace(b"make_fixtures.py", b"\xff"))
    yield "index.key-twice", assemble(data, b'{"graphs":[],' + text[1:])
    yield "index.deep", assemble(data, b"[" * 1000 + b"]" * 1000)
    yield "index.not-an-object", assemble(data, b"[]")
    yield "index.unknown-member", put("extra", value=1)
    for key in ("graphs", "tensors", "components", "provenance"):
        yield f"index.no-{key}", drop(key)
    yield "index.tensors-type", put("tensors", value={})

    T = ("tensors", 1)
    for key in ("name", "type", "shape", "stored", "digest", "codec", "offset", "block_elements",
                "blocks"):
        yield f"tensor.no-{key}", drop(*T, key)
    yield "tensor.not-an-object", put(*T, value=5)
    yield "tensor.unknown-member", put(*T, "extra", value=1)
    yield "tensor.name-empty", put(*T, "name", value="")
    yield "tensor.name-long", put(*T, "name", value="x" * 4097)
    yield "tensor.name-twice", put("tensors", 2, "name", value="w")
    yield "tensor.type-unknown", put(*T, "type", value="f8")
    yield "tensor.stored-wider", put("tensors", 1, "stored", value="f64")
    yield "tensor.stored-integer", put("tensors", 2, "stored", value="i32")
    yield "tensor.codec-unknown", put(*T, "codec", value="lzma")
    yield "tensor.codec-planes-of-bytes", put("tensors", 3, "codec", value="planes")
    yield "tensor.shape-negative", put(*T, "shape", value=[-40, -16])
    yield "tensor.shape-fraction", put(*T, "shape", value=[40.0, 16])
    yield "tensor.shape-overflow", put(*T, "shape", value=[2**62, 16])
    yield "tensor.shape-huge", put(*T, "shape", value=[2**41])
    yield "tensor.shape-huge-and-empty", put(*T, "shape", value=[0, 2**30, 2**30])
    yield "tensor.shape-rank", put(*T, "shape", value=[1] * 31 + [40, 16])
    yield "tensor.shape-other", put(*T, "shape", value=[40, 17])
    yield "tensor.digest-short", put(*T, "digest", value="ab")
    yield "tensor.digest-upper-case", put(*T, "digest", value="AB" * 32)
    yield "tensor.block-elements-zero", put(*T, "block_elements", value=0)
    yield "tensor.block-elements-huge", put(*T, "block_elements", value=2**40)
    yield "tensor.blocks-missing", put(*T, "blocks", value=index["tensors"][1]["blocks"][:2])
    yield "tensor.blocks-parts", put(*T, "blocks", 0, value=[5])
    yield "tensor.blocks-part-text", put(*T, "blocks", 0, value=[5, "6"])
    yield "tensor.blocks-part-zero", put(*T, "blocks", 0, value=[0, 6])
    yield "tensor.blocks-part-negative", put(*T, "blocks", 0, value=[-5, 6])
    yield "tensor.blocks-part-huge", put(*T, "blocks", 0, value=[2**62, 2**62])
    yield "tensor.raw-checksum-range", put("tensors", 0, "blocks", 0, value=[2**32])
    offset = index["tensors"][1]["offset"]
    yield "placement.gap", put(*T, "offset", value=offset + 64)
    yield "placement.overlap", put(*T, "offset", value=offset - 64)
    yield "placement.unaligned", put(*T, "offset", value=offset + 1)
    yield "placement.negative", put(*T, "offset", value=-64)
    yield "placement.beyond", put("tensors", 3, "blocks", 0, value=[10**6])
    yield "placement.left-over", changed(lambda i: i["tensors"].pop(3) and None)
    yield "placement.padding", assemble(data[:160] + b"\1" + data[161:], index)
    yield "shared.later", put("tensors", 4, "same_as", value=4)
    yield "shared.negative", put("tensors", 4, "same_as", value=-1)
    yield "shared.other-type", put("tensors", 4, "same_as", value=2)
    yield "shared.other-digest", put("tensors", 4, "digest", value="00" * 32)
    yield "shared.other-count", put("tensors", 4, "shape", value=[641])
    yield "shared.with-blocks", put("tensors", 4, "codec", value="raw")
    yield "shared.through-another", changed(
        lambda i: i["tensors"].append(i["tensors"][4] | {"name": "tied2", "same_as": 4}))

    G = ("graphs", 0)
    N = G + ("nodes", 0)
    yield "graph.name-twice", changed(lambda i: i["graphs"].append(i["graphs"][0]))
    yield "graph.unknown-member", put(*G, "extra", value=1)
    yield "graph.no-nodes", drop(*G, "nodes")
    yield "graph.value-name-twice", put(*G, "values", 4, "name", value="y")
    yield "graph.value-origin", put(*G, "values", 0, "origin", value="file")
    yield "graph.value-unknown-member", put(*G, "values", 0, "type", value="f32")
    yield "graph.value-not-computed", changed(
        lambda i: i["graphs"][0]["values"].append({"name": "lost", "origin": "node"}))
    yield "graph.input-not-listed", put(*G, "inputs", value=[])
    yield "graph.input-twice", changed(
        lambda i: i["graphs"][0]["inputs"].append(i["graphs"][0]["inputs"][0]))
    yield "graph.input-beyond", put(*G, "inputs", 0, "value", value=99)
    yield "graph.input-type", put(*G, "inputs", 0, "type", value="string")
    yield "graph.dimension-negative", put(*G, "inputs", 0, "dimensions", value=[-1, 3])
    yield "graph.dimension-nameless", put(*G, "inputs", 0, "dimensions", value=["", 3])
    yield "graph.dimensions-huge", put(*G, "inputs", 0, "dimensions", value=[2**40, 2**40])
    yield "graph.output-beyond", put(*G, "outputs", value=[5])
    yield "graph.output-null", put(*G, "outputs", value=[None])
    yield "graph.cyclic", put(*N, "inputs", value=[4, 1, None])
    yield "graph.computed-twice", put(*G, "nodes", 1, "outputs", value=[3])
    yield "graph.computes-input", put(*G, "nodes", 1, "outputs", value=[0])
    yield "graph.reference-negative", put(*N, "inputs", value=[-1, 1, None])
    yield "graph.reference-text", put(*N, "inputs", value=["x", 1, None])
    yield "graph.inputs-too-few", put(*N, "inputs", value=[0])
    yield "graph.inputs-too-many", put(*N, "inputs", value=[0, 1, None, None, None])
    yield "graph.input-absent", put(*N, "inputs", value=[0, None])
    yield "graph.outputs-too-many", put(*N, "outputs", value=[3, None])
    yield "graph.op-unknown", put(*N, "op", value="fft")
    yield "graph.attribute-unknown", put(*N, "attributes", value={"activation": None, "bias": 1})
    yield "graph.attribute-missing", changed(
        lambda i: i["graphs"][0]["nodes"][0].update(op="softmax", inputs=[0], attributes={}))
    yield "graph.attribute-type", changed(
        lambda i: i["graphs"][0]["nodes"][0].update(
            op="softmax", inputs=[0], attributes={"axis": 1.5}))
    yield "graph.attribute-not-f32", changed(
        lambda i: i["graphs"][0]["nodes"][0].update(
            op="clamp", inputs=[0], attributes={"lower": 0.1, "upper": 1}))
    yield "graph.activation-unknown", put(*N, "attributes", "activation", value="swish")
    yield "graph.activation-none", put(*N, "attributes", "activation", value="exp")
    yield "graph.attributes-list", put(*N, "attributes", value=[])
    yield "graph.weight-missing", put(*G, "values", 1, "tensor", value="v")
    yield "graph.weight-shape", put(*G, "values", 1, "shape", value=[3, 2])
    yield "graph.weight-type", put(*G, "values", 1, "type", value="f16")
    yield "graph.constant-count", put(*G, "values", 2, "shape", value=[3])
    yield "graph.constant-digits", put(*G, "values", 2, "bytes", value="zz" * 8)
    yield "graph.constant-huge", put(*G, "values", 2, "shape", value=[2**40])

    # Behind an index that is sound: found when the tensor is read.
    raw, planes, masked = (index["tensors"][i]["offset"] for i in (0, 1, 3))
    yield "data.raw", rotten(raw + 3)
    yield "data.frame-header", rotten(planes, 0)
    yield "data.frame-content", rotten(planes + 20)
    yield "data.frame-checksum", rotten(len(data) - 1)
    yield "data.swapped-blocks", swapped(data, index)
    for name, content in {
            "wrong-size": frame(bytes(101)), "no-checksum": frame(bytes(100), checksum=False),
            "no-size": frame(bytes(100), size=False), "two-frames": frame(bytes(100)) + frame(b""),
            "not-zstd": bytes(30), "cut-short": frame(bytes(100))[:-6]}.items():
        other = copy.deepcopy(index)
        other["tensors"][3]["blocks"] = [[len(content)]]
        yield f"data.frame-{name}", assemble(data[:masked] + content, other)
    mask = bytes(i % 3 == 0 for i in range(100))
    half = [2731, 1365] + [0] * 254
    good = coded(mask, half)
    table = table_of(half)
    with_table = lambda t: good[:5] + t + good[5 + len(table):]
    for name, content in {
            "kind": b"\2" + good[1:], "checksum": coded(mask, half, checksum=1),
            "table-sum": with_table(table_of([2731, 1364] + [0] * 254)),
            "table-too-much": with_table(table_of([2731, 1366] + [0] * 254)),
            "table-one-symbol": with_table(b"\x90\0" + b"\0\xfe"),
            "table-run": with_table(table[:-1] + b"\xfe"),
            "table-small-in-two": with_table(table[:4] + b"\x80\x7f" + b"\0\xfc"),
            "table-cut-short": good[:8], "states-cut-short": good[:5 + len(table) + 100],
            "words-missing": good[:-2], "words-odd": good + b"\0",
            "words-left": coded(mask, half, word=7),
            "state": good[:-1] + bytes([good[-1] ^ 64]),
            "empty": b"\1"}.items():
        other = copy.deepcopy(index)
        other["tensors"][3]["blocks"] = [[len(content)]]
        yield f"data.coded-{name}", assemble(data[:masked] + content, other)


def malformed_scales():
    """Yields names and files."""
    data, index = scaled()

    def put(place, minor=1, **members):
        other = copy.deepcopy(index)
        entry = other["tensors"][place]
        entry |= members
        other["tensors"][place] = {k: v for k, v in entry.items() if v is not None}
        return assemble(data, other, header={"minor": minor})

    yield "scales.in-1.0", put(1, minor=0)
    yield "scales.missing", put(1, scales=None)
    yield "scales.no-axis", put(1, scale_axis=None)
    yield "scales.of-f16", put(8, scales=0, scale_axis=0)
    yield "scales.later", put(1, scales=2)
    yield "scales.negative", put(1, scales=-1)
    yield "scales.text", put(1, scales="rows@scales")
    yield "scales.axis-beyond", put(1, scale_axis=2)
    yield "scales.axis-negative", put(1, scale_axis=-1)
    yield "scales.axis-other", put(1, scale_axis=1)
    yield "scales.length", put(3, scales=0, scale_axis=0)
    yield "scales.of-bytes", put(1, scales=len(index["tensors"]) - 1)
    yield "scales.of-a-matrix", put(5, scales=3)
    for name, scale in {"nan": float("nan"), "infinite": float("inf"), "zero": 0.0,
                        "negative": -0.5, "too-large": 1.0001 * 2.0**120}.items():
        content, other = bytearray(data), copy.deepcopy(index)
        entry = other["tensors"][0]
        place = entry["offset"]
        content[place + 4:place + 8] = struct.pack("<f", scale)
        scales = bytes(content[place:place + 20])
        entry |= {"digest": digest_of(scales), "blocks": [[zlib.crc32(scales)]]}
        yield f"data.scale-{name}", assemble(content, other, header={"minor": 1})


def swapped(data, index):
    """The first two blocks of `table` in the wrong order: each is sound, only the digest tells."""
    other, data = copy.deepcopy(index), bytearray(data)
    entry = other["tensors"][1]
    first, second = (sum(block) for block in entry["blocks"][:2])
    start = entry["offset"]
    data[start:start + first + second] = (
        data[start + first:start + first + second] + data[start:start + first])
    entry["blocks"][:2] = entry["blocks"][1::-1]
    return assemble(data, other)


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else FOLDER
    valid = os.path.join(folder, "valid/plumb")
    broken = os.path.join(folder, "malformed/plumb")
    for path in (valid, broken):
        os.makedirs(path, exist_ok=True)
        for name in os.listdir(path):
            if name.endswith(".plumb"):
                os.remove(os.path.join(path, name))
    files = {os.path.join(valid, "small.plumb"): assemble(*small()),
             os.path.join(valid, "types.plumb"): assemble(*types()),
             os.path.join(valid, "coded.plumb"): assemble(*coded_parts()),
             os.path.join(valid, "packed.plumb"): assemble(*packed()),
             os.path.join(valid, "scales.plumb"): assemble(*scaled(), header={"minor": 1}),
             os.path.join(valid, "newer-minor.plumb"): newer()}
    for name, content in itertools.chain(malformed(), malformed_scales()):
        path = os.path.join(broken, name + ".plumb")
        assert path not in files, name
        files[path] = content
    for path, content in files.items():
        with open(path, "wb") as file:
            file.write(content)


if __name__ == "__main__":
    main()
