"""What forms attention in an ONNX graph: the chains of nodes around each Softmax."""

import sys
from collections import Counter, defaultdict
from pathlib import Path

import onnx

FUSED = ("Attention", "MultiHeadAttention", "PackedMultiHeadAttention", "GroupQueryAttention")
ENDS = ("MatMul", "Gemm", "LayerNormalization", "Gather", "FusedMatMul")


def lines(path: Path) -> list[str]:
    model = onnx.load(path, load_external_data=False)
    graph = model.graph
    inlined = list(graph.node)
    producer = {o: n for n in inlined for o in n.output}
    readers = defaultdict(list)
    for node in inlined:
        for name in node.input:
            readers[name].append(node)
    constants = {t.name for t in graph.initializer}
    constants |= {n.output[0] for n in inlined if n.op_type == "Constant"}

    def shown(node) -> str:
        if node.op_type == "Transpose":
            perm = [list(a.ints) for a in node.attribute if a.name == "perm"]
            return f"Transpose{perm[0] if perm else ''}"
        if node.op_type == "Softmax":
            axis = [a.i for a in node.attribute if a.name == "axis"]
            return f"Softmax(axis {axis[0] if axis else 'default'})"
        return (node.domain + "::" if node.domain else "") + node.op_type

    def back(name: str, depth: int = 0) -> str:
        """The chain that makes a value, newest last; a constant operand is named where it stands."""
        node = producer.get(name)
        if name in constants:
            return "const"
        if node is None:
            return f"<{name}>" if name in {i.name for i in graph.input} else "const"
        if depth > 9 or (node.op_type in ENDS and depth > 0):
            return shown(node)
        if node.op_type in ("Add", "Mul", "Div", "Sub", "Where", "And", "Or", "Pow"):
            inside = ", ".join(back(i, depth + 1) for i in node.input)
            return f"{shown(node)}({inside})"
        if not node.input:
            return shown(node)
        return f"{back(node.input[0], depth + 1)} > {shown(node)}"

    def forward(name: str) -> str:
        chain = []
        for _ in range(8):
            users = readers.get(name, [])
            if len(users) != 1:
                chain.append(f"[{len(users)} readers: {', '.join(sorted(u.op_type for u in users))}]")
                break
            chain.append(shown(users[0]))
            name = users[0].output[0]
            if users[0].op_type in ("Gemm", "Add") and len(chain) > 1:
                break
            if users[0].op_type == "MatMul" and any(c.startswith("MatMul") for c in chain[:-1]):
                break
        return " > ".join(chain)

    found: Counter = Counter()
    for node in inlined:
        if node.op_type == "Softmax":
            scores = node.input[0]
            before = []
            product = producer.get(scores)
            for _ in range(8):
                if product is None or product.op_type in ("MatMul", "Einsum", "FusedMatMul"):
                    break
                others = [back(i, 6) for i in product.input[1:]]
                before.append(shown(product) + (f"(…, {', '.join(others)})" if others else ""))
                # The operand that leads to a product goes on.
                nexts = [
                    producer[i]
                    for i in product.input
                    if i in producer and producer[i].op_type not in ("Constant",)
                ]
                nexts.sort(key=lambda n: n.op_type not in ("MatMul", "Mul", "Add", "Div", "Cast"))
                product = nexts[0] if nexts else None
            text = " > ".join([shown(product) if product is not None else "?"] + before[::-1])
            text += f" > {shown(node)} > {forward(node.output[0])}"
            if product is not None:
                text += f"\n      q: {back(product.input[0], 1)}\n      k: {back(product.input[1], 1)}"
            after = node.output[0]
            for _ in range(5):
                users = readers.get(after, [])
                if not users:
                    break
                if users[0].op_type == "MatMul":
                    text += f"\n      v: {back(users[0].input[1], 1)}"
                    break
                after = users[0].output[0]
            found[text] += 1
        elif node.op_type in FUSED:
            attributes = ", ".join(
                f"{a.name}={onnx.helper.get_attribute_value(a)}" for a in node.attribute
            )
            text = f"{shown(node)}({attributes})\n      " + "\n      ".join(
                f"{i}: {back(name, 1) if name else 'absent'}" for i, name in enumerate(node.input)
            )
            found[text] += 1
    counts = Counter(shown(n).split("[")[0].split("(")[0] for n in inlined)
    result = [f"  nodes: {', '.join(f'{k} {v}' for k, v in sorted(counts.items()))}"]
    if model.functions:
        result.append(f"  functions: {', '.join(f.name for f in model.functions)}")
    for text, count in found.most_common():
        result.append(f"  {count} × {text}")
    return result


if __name__ == "__main__":
    print("\n".join(lines(Path(sys.argv[1]))))
