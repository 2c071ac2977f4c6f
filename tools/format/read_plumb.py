#!/usr/bin/env python3
"""Reads .plumb files; written from formats/plumb.md alone. Needs the package zstandard.

    read_plumb.py FILE                     lists the tensors
    read_plumb.py FILE --check             reads every tensor and compares its content digest
    read_plumb.py FILE --npy FOLDER        writes each tensor to FOLDER/NAME.npy
    read_plumb.py FILE --safetensors OUT   writes all tensors to one file
"""

import argparse, hashlib, json, os, re, struct, sys, unicodedata, zlib

import zstandard

MAGIC = bytes.fromhex("504c554d420d0a1a")
WIDTH = {"f32": 4, "f16": 2, "bf16": 2, "f64": 8, "i8": 1, "i16": 2, "i32": 4, "i64": 8,
         "u8": 1, "u16": 2, "u32": 4, "u64": 8, "bool": 1}
NUMPY = {"f32": "<f4", "f16": "<f2", "bf16": "<f4", "f64": "<f8", "i8": "|i1", "i16": "<i2",
         "i32": "<i4", "i64": "<i8", "u8": "|u1", "u16": "<u2", "u32": "<u4", "u64": "<u8",
         "bool": "|b1"}
UNARY = ("sigmoid silu relu tanh exp log sqrt reciprocal negate absolute sine cosine gelu geluTanh "
         "quickGelu").split()
ACTIVATIONS = "relu sigmoid silu tanh gelu geluTanh quickGelu".split()
LAYOUTS = ["channelsFirst", "channelsLast"]
CODECS = ["raw", "frame", "planes", "rotatedPlanes"]


LANES, BITS = 32, 12


class Refused(Exception):
    """The file breaks a rule."""


def require(condition, reason):
    if not condition:
        raise Refused(reason)


# Kinds of members.

def whole(x): return type(x) is int and -2**63 <= x < 2**63
def wholes(x): return type(x) is list and all(map(whole, x))
def real(x): return whole(x) or type(x) is float or x in ("inf", "-inf", "nan")
def text(x): return type(x) is str
def flag(x): return type(x) is bool
def one_of(names): return lambda x: type(x) is str and x in names
def maybe(kind): return lambda x: x is None or kind(x)
def list_of(kind): return lambda x: type(x) is list and all(map(kind, x))


def is_object(x): return type(x) is dict


def f32(x):
    if type(x) is str:
        return real(x)
    try:
        return real(x) and struct.unpack("<f", struct.pack("<f", x))[0] == x
    except OverflowError:
        return False


# What an attribute of a call may be, by its member's name.
CALL_ATTRIBUTES = {
    "int": whole, "float": f32, "string": text, "ints": list_of(whole), "floats": list_of(f32),
    "strings": list_of(text)}


def dimension_of_reshape(x):
    return whole(x) or x == "rest" or (wholes(x) and len(x) == 2)


def op_table():
    ops = {name: ((1, 1, 1), {}) for name in UNARY}
    ops |= {n: ((2, 2, 2), {}) for n in "add subtract multiply divide power minimum maximum".split()}
    activation, layout = maybe(one_of(ACTIVATIONS)), one_of(LAYOUTS)
    ops |= {
        # (fewest inputs, most inputs, of which must be there), attributes
        "clamp": ((1, 1, 1), {"lower": f32, "upper": f32}),
        "select": ((3, 3, 3), {}),
        "matMul": ((2, 2, 2), {}),
        "convolution": ((2, 5, 2), {
            "strides": wholes, "padding": wholes, "dilations": wholes, "groups": whole,
            "activation": activation, "layout": layout}),
        "linear": ((2, 4, 2), {"activation": activation}),
        "packWeight": ((1, 1, 1), {}),
        "attention": ((3, 4, 3), {
            "heads": whole, "scale": f32, "causal": flag, "tokens": maybe(wholes)}),
        "groupNorm": ((3, 3, 3), {
            "groups": whole, "epsilon": real, "activation": activation, "layout": layout}),
        "layerNorm": ((3, 3, 3), {"epsilon": real}),
        "softmax": ((1, 1, 1), {"axis": whole}),
        "gated": ((1, 1, 1), {"function": one_of(UNARY)}),
        "upsampleNearest": ((1, 2, 1), {"scale": whole, "layout": layout}),
        "gather": ((2, 2, 2), {"axis": whole}),
        "reshape": ((1, 4096, 1), {"shape": list_of(dimension_of_reshape)}),
        "transpose": ((1, 1, 1), {"permutation": wholes}),
        "concat": ((1, 4096, 1), {"axis": whole}),
        "slice": ((1, 1, 1), {"axis": whole, "start": whole, "end": whole, "step": whole}),
        "prefix": ((2, 2, 2), {"axis": whole, "like_axis": whole}),
        "pad": ((1, 1, 1), {"before": wholes, "after": wholes, "value": f32}),
        "identity": ((1, 1, 1), {}),
        "call": ((0, 65536, 0), {
            "domain": text, "name": text, "version": whole, "attributes": is_object,
            "bodies": is_object, "captures": lambda x: whole(x) and x >= 0}),
        "cast": ((1, 1, 1), {"type": one_of(WIDTH)}),
        "reduce": ((1, 1, 1), {
            "kind": one_of(["sum", "mean", "maximum", "minimum"]), "axes": wholes,
            "keep_axes": flag}),
    }
    return ops


OPS = op_table()
# Of ops that may take a packed weight; both or none.
PACKED = {"packed_outputs": whole, "packed_window": wholes}


def xxh64(content):
    """XXH64 with the seed 0, as RFC 8878 refers to it."""
    p1, p2, p3, p4, p5 = (11400714785074694791, 14029467366897019727, 1609587929392839161,
                          9650029242287828579, 2870177450012600261)
    m = 2**64 - 1

    def rotated(x, bits): return (x << bits | x >> 64 - bits) & m
    def mixed(total, word): return rotated((total + word * p2) & m, 31) * p1 & m

    place = 0
    if len(content) >= 32:
        lanes = [(p1 + p2) & m, p2, 0, -p1 & m]
        for words in struct.iter_unpack("<4Q", content[:len(content) // 32 * 32]):
            lanes = [mixed(lane, word) for lane, word in zip(lanes, words)]
        place = len(content) // 32 * 32
        total = sum(rotated(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18))) & m
        for lane in lanes:
            total = ((total ^ mixed(0, lane)) * p1 + p4) & m
    else:
        total = p5
    total = (total + len(content)) & m
    while place + 8 <= len(content):
        word = int.from_bytes(content[place:place + 8], "little")
        total = (rotated(total ^ mixed(0, word), 27) * p1 + p4) & m
        place += 8
    if place + 4 <= len(content):
        word = int.from_bytes(content[place:place + 4], "little")
        total = (rotated(total ^ word * p1 & m, 23) * p2 + p3) & m
        place += 4
    for byte in content[place:]:
        total = rotated(total ^ byte * p5 & m, 11) * p1 & m
    total = (total ^ total >> 33) * p2 & m
    total = (total ^ total >> 29) * p3 & m
    return total ^ total >> 32


def decode_part(part, size):
    """A coded part, §4."""
    place, slots, symbol = 5, [], 0
    while symbol < 256:
        require(place + 2 <= len(part), "a table of frequencies is cut short")
        frequency = part[place]
        place += 1
        if frequency == 0:
            symbol += part[place] + 1
            place += 1
            require(symbol <= 256, "a table of frequencies has too many symbols")
            continue
        if frequency >= 128:
            frequency = (frequency & 127) << 8 | part[place]
            place += 1
            require(frequency >= 128, "a small frequency takes two bytes")
        require(frequency < 1 << BITS and len(slots) + frequency <= 1 << BITS,
                "frequencies have another sum than 4096")
        slots += [(symbol, frequency, k) for k in range(frequency)]
        symbol += 1
    require(len(slots) == 1 << BITS, "frequencies have another sum than 4096")
    require(len(part) - place >= 4 * LANES and (len(part) - place) % 2 == 0, "a part is cut short")
    states = list(struct.unpack_from(f"<{LANES}I", part, place))
    words = [w for w, in struct.iter_unpack("<H", part[place + 4 * LANES:])]
    words.reverse()
    content = bytearray(size)
    for i in range(size):
        x = states[i % LANES]
        content[i], frequency, beyond = slots[x & (1 << BITS) - 1]
        x = frequency * (x >> BITS) + beyond
        if x < 1 << 16:
            require(words, "a part has too few words")
            x = x << 16 | words.pop()
        states[i % LANES] = x
    require(not words, "a part has too many words")
    require(all(x == 1 << 16 for x in states), "coders do not end where they began")
    checksum, = struct.unpack_from("<I", part, 1)
    require(xxh64(bytes(content)) % 2**32 == checksum, "a part's checksum")
    return bytes(content)


def unpack_part(part, size):
    return decode_part(part, size) if part[:1] == b"\1" else unpack_frame(part, size)


def unpack_frame(frame, size):
    """One zstd frame with checksum and stated size."""
    require(len(frame) > 4, "a frame is cut short")
    try:
        parameters = zstandard.get_frame_parameters(frame)
        require(parameters.content_size == size, "a frame states another size")
        require(parameters.has_checksum, "a frame has no checksum")
        unpacker = zstandard.ZstdDecompressor().decompressobj()
        content = unpacker.decompress(frame)
        require(unpacker.eof and not unpacker.unused_data, "not exactly one frame")
    except zstandard.ZstdError as error:
        raise Refused(f"zstd: {error}")
    require(len(content) == size, "a frame has another size than it states")
    return content


def digest_of(content):
    runs = (content[i:i + (1 << 20)] for i in range(0, len(content), 1 << 20))
    return hashlib.sha256(b"".join(hashlib.sha256(run).digest() for run in runs)).hexdigest()


def product(shape):
    count = 1
    for size in shape:
        count *= size
    return count


def bounded(shape):
    return (wholes(shape) and len(shape) <= 32 and all(n >= 0 for n in shape)
            and product(n or 1 for n in shape) <= 1 << 40)


def pairs_once(pairs):
    members = dict(pairs)
    require(len(members) == len(pairs), "a key twice")
    return members


def depth(value):
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


class Plumb:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = file.read()
        self.read_header()
        self.read_index()

    def read_header(self):
        data = self.bytes
        require(data[:8] == MAGIC, "not a .plumb file")
        require(len(data) >= 128, "the header is cut short")
        major, minor, header, size, offset, stored, unpacked = struct.unpack_from("<HHIQQQQ", data, 8)
        require(major == 1, f"major version {major}")
        self.newer, self.has_scales = minor > 1, minor >= 1
        require(128 <= header <= min(4096, len(data)), "header length")
        crc, = struct.unpack_from("<I", data, header - 4)
        require(zlib.crc32(data[:header - 4]) == crc, "header CRC-32")
        require(self.newer or header == 128, "header length")
        require(self.newer or not any(data[80:124]), "reserved bytes")
        require(size == len(data), "file size")
        require(stored <= 64 << 20 and unpacked <= 64 << 20, "index too large")
        require(header <= offset <= size and offset + stored == size, "index place")
        self.header, self.offset, self.unpacked = header, offset, unpacked
        self.identity = data[48:80].hex()

    def read_index(self):
        stored = self.bytes[self.offset:]
        require(hashlib.sha256(stored).hexdigest() == self.identity, "index SHA-256")
        content = unpack_frame(stored, self.unpacked)

        def no_constant(name):
            raise Refused(f"{name} is not JSON")
        try:
            self.index = json.loads(content.decode("utf-8"), object_pairs_hook=pairs_once,
                                    parse_constant=no_constant)
        except (ValueError, RecursionError) as error:
            raise Refused(f"index: {error}")
        require(depth(self.index) <= 64, "nested too deeply")
        index = self.members(self.index, "index", {
            "graphs": list_of(lambda _: True), "tensors": list_of(lambda _: True),
            "components": lambda x: type(x) is dict, "provenance": lambda x: type(x) is dict},
            ["tokenizer", "scheduler"])
        self.tensors = []
        for entry in index["tensors"]:
            self.tensors.append(self.read_entry(entry))
        self.names = {t["name"]: t for t in self.tensors}
        self.unique((t["name"] for t in self.tensors), "tensor names")
        self.check_placement()
        for graph in index["graphs"]:
            self.check_graph(graph)
        self.unique((g["name"] for g in index["graphs"]), "graph names")

    def members(self, value, what, kinds, optional=(), always_strict=False):
        require(type(value) is dict, f"{what} is no object")
        for key, kind in kinds.items():
            require(kind(value.get(key)), f"'{key}' of {what}")
        if always_strict or not self.newer:
            for key in value:
                require(key in kinds or key in optional, f"unknown '{key}' of {what}")
        return value

    @staticmethod
    def unique(names, what):
        names = [unicodedata.normalize("NFC", name) for name in names]
        require(len(set(names)) == len(names), f"{what} are not unique")

    def read_entry(self, entry):
        require(type(entry) is dict and text(entry.get("name")), "a tensor has no name")
        name = entry["name"]
        require(1 <= len(name.encode()) <= 4096, "length of a tensor's name")
        kinds = {"name": text, "type": one_of(WIDTH), "shape": bounded, "stored": one_of(WIDTH),
                 "digest": lambda x: text(x) and re.fullmatch("[0-9a-f]{64}", x)}
        data = {"codec": one_of(CODECS), "offset": whole, "block_elements": whole,
                "blocks": list_of(wholes)}
        shares = "same_as" in entry
        stored = entry.get("stored")
        narrow = ("f16", "bf16", "i8") if self.has_scales else ("f16", "bf16")
        scaled = entry.get("type") == "f32" and stored == "i8"
        if scaled:
            kinds |= {"scales": whole, "scale_axis": whole}
        self.members(entry, f"tensor {name}", kinds | ({"same_as": whole} if shares else data))
        require(stored == entry["type"] or entry["type"] == "f32" and stored in narrow,
                f"{name}: stored type")
        if scaled:
            self.check_scales(entry)
        count = product(entry["shape"])
        if shares:
            place = entry["same_as"]
            require(0 <= place < len(self.tensors), f"{name}: same_as")
            other = self.tensors[place]
            require("same_as" not in other and other["stored"] == stored
                    and product(other["shape"]) == count and other["digest"] == entry["digest"],
                    f"{name}: same_as")
            return entry
        width = WIDTH[stored]
        per_block = entry["block_elements"]
        require(1 <= per_block and per_block * width <= 64 << 20, f"{name}: block_elements")
        planes = entry["codec"] in ("planes", "rotatedPlanes")
        require(not planes or width > 1, f"{name}: planes of bytes")
        require(len(entry["blocks"]) == -(-count // per_block), f"{name}: number of blocks")
        for block in entry["blocks"]:
            require(len(block) == (width if planes else 1), f"{name}: a block's list")
            limit = (0, 2**32 - 1) if entry["codec"] == "raw" else (1, 128 << 20)
            require(all(limit[0] <= n <= limit[1] for n in block), f"{name}: a block's numbers")
        return entry

    def check_scales(self, entry):
        name, place, axis = entry["name"], entry["scales"], entry["scale_axis"]
        require(0 <= place < len(self.tensors), f"{name}: scales")
        require(0 <= axis < len(entry["shape"]), f"{name}: scale_axis")
        scales = self.tensors[place]
        require(scales["type"] == "f32" and "scales" not in scales
                and scales["shape"] == [entry["shape"][axis]], f"{name}: scales")

    def scales_of(self, entry):
        """The numbers that a tensor's bytes are multiplied with, along an axis."""
        content = self.tensor_bytes(self.tensors[entry["scales"]])
        scales = struct.unpack(f"<{len(content) // 4}f", content)
        require(all(0 < s <= 2.0**120 for s in scales), f"{entry['name']}: a scale")
        return scales

    def listed(self):
        """The tensors that are not others' scales."""
        scales = {t["scales"] for t in self.tensors if "scales" in t}
        return [t for place, t in enumerate(self.tensors) if place not in scales]

    def block_sizes(self, entry):
        """Unpacked bytes of every block."""
        count, width = product(entry["shape"]), WIDTH[entry["stored"]]
        per_block = entry["block_elements"]
        return [min(per_block, count - i * per_block) * width for i in range(len(entry["blocks"]))]

    def check_placement(self):
        place = self.header
        for entry in self.tensors:
            if "same_as" in entry:
                continue
            sizes = self.block_sizes(entry)
            raw = entry["codec"] == "raw"
            alignment = 4096 if raw and sum(sizes) >= 4096 else 64
            begin = -(-place // alignment) * alignment
            require(entry["offset"] == begin and begin <= self.offset, f"{entry['name']}: offset")
            require(not any(self.bytes[place:begin]), f"{entry['name']}: padding")
            place = begin + (sum(sizes) if raw else sum(map(sum, entry["blocks"])))
            require(place <= self.offset, f"{entry['name']}: beyond the data")
        require(place == self.offset, "bytes that belong to nothing")

    def check_graph(self, graph):
        objects = list_of(lambda x: type(x) is dict)
        self.members(graph, "a graph", {"name": text, "values": objects, "inputs": objects,
                                        "outputs": wholes, "nodes": objects})
        name, values = graph["name"], graph["values"]
        for value in values:
            self.check_value(value, name)
        self.unique((v["name"] for v in values), f"value names of {name}")
        known = [v["origin"] in ("weight", "constant") for v in values]

        def define(place, origin):
            require(0 <= place < len(values), f"{name}: no value {place}")
            require(values[place]["origin"] == origin and not known[place],
                    f"{name}: {values[place]['name']} has two sources")
            known[place] = True

        for item in graph["inputs"]:
            self.members(item, f"an input of {name}", {
                "value": whole, "type": one_of(WIDTH),
                "dimensions": maybe(list_of(lambda x: whole(x) or text(x) and x))}, ("dimensions",))
            require(bounded([1 if text(n) else n for n in item.get("dimensions") or []]), "dimensions")
            define(item["value"], "input")
        for node in graph["nodes"]:
            reference = list_of(maybe(whole))
            self.members(node, f"a node of {name}", {
                "name": text, "op": one_of(OPS), "inputs": reference, "outputs": reference,
                "attributes": lambda x: type(x) is dict})
            (fewest, most, needed), attributes = OPS[node["op"]]
            if node["op"] in ("linear", "convolution") and PACKED.keys() & node["attributes"].keys():
                attributes = attributes | PACKED
            self.members(node["attributes"], f"node {node['name']}", attributes, (), True)
            inputs, outputs = node["inputs"], node["outputs"]
            require(fewest <= len(inputs) <= most and None not in inputs[:needed],
                    f"inputs of {node['name']}")
            if node["op"] == "call":
                self.check_call(node["attributes"], node["name"])
            else:
                require(len(outputs) == (2 if node["op"] == "attention" else 1),
                        f"outputs of {node['name']}")
            for place in inputs:
                require(place is None or 0 <= place < len(values) and known[place],
                        f"{node['name']} uses what is not computed")
            for place in outputs:
                if place is not None:
                    define(place, "node")
        require(all(0 <= place < len(values) for place in graph["outputs"]), f"outputs of {name}")
        require(all(known), f"{name}: a value that nothing computes")

    def check_call(self, call, node):
        for name, value in call["attributes"].items():
            require(is_object(value), f"attribute {name} of {node}")
            if "bytes" in value:
                self.members(value, f"attribute {name} of {node}", {
                    "type": one_of(WIDTH), "shape": bounded, "bytes": text})
                digits = 2 * product(value["shape"]) * WIDTH[value["type"]]
                require(re.fullmatch("[0-9a-f]*", value["bytes"]) and len(value["bytes"]) == digits,
                        f"attribute {name} of {node}")
            else:
                [(kind, content)] = value.items() if len(value) == 1 else [("", None)]
                require(kind in CALL_ATTRIBUTES and CALL_ATTRIBUTES[kind](content),
                        f"attribute {name} of {node}")
        for name, body in call["bodies"].items():
            self.members(body, f"body {name} of {node}", {"graph": is_object, "parameters": wholes})
            graph = body["graph"]
            require(graph.get("inputs") == [], f"body {name} of {node}: inputs of its own")
            require(all(v.get("origin") != "weight" for v in graph.get("values", [])),
                    f"body {name} of {node}: a weight")
            # A body is a graph whose inputs are its parameters.
            inputs = [{"value": place, "type": "f32", "dimensions": None}
                      for place in body["parameters"]]
            self.check_graph(graph | {"inputs": inputs})

    def check_value(self, value, graph):
        require(value.get("origin") in ("input", "node", "weight", "constant"), "origin")
        kinds = {"name": text, "origin": text}
        if value["origin"] == "weight":
            kinds |= {"tensor": text, "type": one_of(WIDTH), "shape": bounded}
        elif value["origin"] == "constant":
            kinds |= {"type": one_of(WIDTH), "shape": bounded, "bytes": text}
        self.members(value, f"a value of {graph}", kinds)
        if value["origin"] == "weight":
            tensor = self.names.get(value["tensor"])
            require(tensor is not None, f"no tensor {value['tensor']}")
            require((tensor["type"], tensor["shape"]) == (value["type"], value["shape"]),
                    f"tensor {value['tensor']} is another than {graph} expects")
        elif value["origin"] == "constant":
            digits = 2 * product(value["shape"]) * WIDTH[value["type"]]
            require(re.fullmatch("[0-9a-f]*", value["bytes"]) and len(value["bytes"]) == digits,
                    f"constant {value['name']}")

    def stored_bytes(self, entry):
        """The elements in the stored type, every block checked."""
        if "same_as" in entry:
            return self.stored_bytes(self.tensors[entry["same_as"]])
        place, content = entry["offset"], []
        width = WIDTH[entry["stored"]]
        for size, block in zip(self.block_sizes(entry), entry["blocks"]):
            if entry["codec"] == "raw":
                part = self.bytes[place:place + size]
                require(zlib.crc32(part) == block[0], f"{entry['name']}: CRC-32")
                content.append(part)
                place += size
                continue
            planes = []
            for length in block:
                frame = self.bytes[place:place + length]
                planes.append(unpack_part(frame, size // len(block)))
                place += length
            if entry["codec"] == "frame":
                content.append(planes[0])
                continue
            merged = bytearray(size)
            for p, plane in enumerate(planes):
                merged[p::width] = plane
            if entry["codec"] == "rotatedPlanes":
                code = {2: "H", 4: "I", 8: "Q"}[width]
                words = struct.unpack(f"<{size // width}{code}", merged)
                top = 8 * width - 1
                merged = struct.pack(f"<{size // width}{code}",
                                     *(w >> 1 | (w & 1) << top for w in words))
            content.append(bytes(merged))
        return b"".join(content)

    def tensor_bytes(self, entry):
        """The elements in the tensor's own type."""
        stored = self.stored_bytes(entry)
        if entry["stored"] == entry["type"]:
            return stored
        if entry["stored"] == "bf16":
            return widened(stored)
        if entry["stored"] == "i8":
            scales, run = self.scales_of(entry), product(entry["shape"][entry["scale_axis"] + 1:])
            # A product of a byte and a binary32 is exact in binary64; packing rounds it once.
            return struct.pack(f"<{len(stored)}f", *(
                byte * scales[i // run % len(scales)]
                for i, byte in enumerate(struct.unpack(f"{len(stored)}b", stored))))
        count = len(stored) // 2
        halves = struct.unpack(f"<{count}H", stored)
        return struct.pack(f"<{count}I", *map(float_of_half, halves))

    def check_contents(self):
        for entry in self.tensors:
            if "scales" in entry:
                self.scales_of(entry)
            if "same_as" not in entry:
                require(digest_of(self.stored_bytes(entry)) == entry["digest"],
                        f"{entry['name']}: content digest")


def widened(brain):
    wide = bytearray(2 * len(brain))
    wide[2::4], wide[3::4] = brain[0::2], brain[1::2]
    return bytes(wide)


def float_of_half(half):
    sign, exponent, fraction = half >> 15 << 31, half >> 10 & 31, half & 1023
    if exponent == 31:
        return sign | 0x7f800000 | fraction << 13
    if exponent == 0:
        return sign | struct.unpack("<I", struct.pack("<f", fraction * 2.0**-24))[0]
    return sign | exponent + 112 << 23 | fraction << 13


def write_npy(path, entry, content):
    if entry["type"] == "bf16":
        content = widened(content)
    shape = "(" + "".join(f"{n}, " for n in entry["shape"]) + ")"
    header = f"{{'descr': '{NUMPY[entry['type']]}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + content)


def write_safetensors(path, plumb):
    header, parts, place = {}, [], 0
    for entry in plumb.listed():
        content = plumb.tensor_bytes(entry)
        header[entry["name"]] = {"dtype": entry["type"].upper(), "shape": entry["shape"],
                                 "data_offsets": [place, place + len(content)]}
        parts.append(content)
        place += len(content)
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(encoded)) + encoded + b"".join(parts))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--npy", metavar="FOLDER")
    parser.add_argument("--safetensors", metavar="OUT")
    arguments = parser.parse_args()
    plumb = Plumb(arguments.file)
    if arguments.check:
        plumb.check_contents()
    for entry in plumb.listed():
        print(entry["name"], entry["type"], entry["shape"], "stored as", entry["stored"],
              entry.get("codec") or f"same as {plumb.tensors[entry['same_as']]['name']}")
        if arguments.npy:
            os.makedirs(arguments.npy, exist_ok=True)
            name = re.sub(r"[^\w.-]", "_", entry["name"])
            write_npy(os.path.join(arguments.npy, name + ".npy"), entry, plumb.tensor_bytes(entry))
    if arguments.safetensors:
        write_safetensors(arguments.safetensors, plumb)


if __name__ == "__main__":
    try:
        main()
    except Refused as refusal:
        sys.exit(f"refused: {refusal}")
