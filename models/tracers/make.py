"""Writes the zoo's two tracers, `tracer-conv` and `tracer-graph`, and their golden frames: see README.md beside this file.

    python make.py           # needs numpy and onnx

Networks with random weights, made to exercise one thing each. The golden answers are computed on integer codes and do
not run the ONNX files; models/check.py does that.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).resolve().parent
QONNX = "qonnx.custom_op.general"


class Writer:
    """Collects nodes; constants become initializers, or Constant nodes inside a function, which has none."""

    def __init__(self, in_function=False):
        self.in_function = in_function
        self.nodes, self.initializers = [], []

    def node(self, op, inputs, result, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [result], f"{op}_{result}", **attributes))
        return result

    def constant(self, name, value, dtype=np.float32):
        tensor = numpy_helper.from_array(np.asarray(value, dtype), name)
        if self.in_function:
            return self.node("Constant", [], name, value=tensor)
        self.initializers.append(tensor)
        return name

    def quant(self, source, result, scale, bits, signed, narrow=0):
        constants = [("scale", scale), ("zero", 0), ("bits", bits)]
        inputs = [source] + [self.constant(f"{result}_{name}", value) for name, value in constants]
        attributes = {"signed": signed, "narrow": narrow, "rounding_mode": "ROUND"}
        return self.node("Quant", inputs, result, domain=QONNX, **attributes)

    def weight(self, name, codes, scale, bits):
        return self.quant(self.constant(name, codes * scale), f"{name}_q", scale, bits, signed=1, narrow=1)


def save(writer, name, inputs, outputs, opset, functions=()):
    graph = helper.make_graph(writer.nodes, name, inputs, outputs, writer.initializers)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(QONNX, 1)]
    if functions:
        opsets.append(helper.make_opsetid("nn2hdl", 1))
    model = helper.make_model(
        graph, opset_imports=opsets, ir_version=8, functions=list(functions), producer_name="nn2hdl models/tracers"
    )
    onnx.checker.check_model(model)
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))


def tensor(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def codes(value, scale, low, high):
    """What Quant with rounding mode ROUND makes of exact values: integers."""
    return np.clip(np.rint(value / scale), low, high).astype(np.int64)


def requantize(accumulator, shift, low, high):
    """Integers divided by 2^shift, ties to even, saturated."""
    quotient, rest, half = accumulator >> shift, accumulator & ((1 << shift) - 1), 1 << (shift - 1)
    return np.clip(quotient + ((rest > half) | ((rest == half) & (quotient & 1 == 1))), low, high)


def conv():
    """x [1,2,20], 5 bits, scale 1/4 → Conv, 3 taps, 3 channels, weights 4 bits, scale 1/8 → Relu → 4 bits, scale 1/4."""
    rng = np.random.default_rng(1)
    weight, bias = rng.integers(-7, 8, (3, 2, 3)), rng.integers(-60, 61, 3)
    out = Writer()
    x = out.quant("x", "x_q", 1 / 4, 5, signed=1)
    inputs = [x, out.weight("conv_weight", weight, 1 / 8, 4), out.weight("conv_bias", bias, 1 / 32, 8)]
    y = out.node("Conv", inputs, "conv_sum", kernel_shape=[3], pads=[1, 1], strides=[1], dilations=[1], group=1)
    y = out.node("Relu", [y], "conv_relu")
    out.quant(y, "y", 1 / 4, 4, signed=0)
    save(out, "tracer_conv", [tensor("x", [1, 2, 20])], [tensor("y", [1, 3, 20])], 17)

    frames = rng.integers(-16, 16, (80, 2, 20)) / 4  # on the input's grid
    frames[0], frames[1] = -4.0, 3.75
    frames[64:] = rng.integers(-320, 321, (16, 2, 20)) / 64  # off the grid, and beyond the range
    x = codes(frames, 1 / 4, -16, 15)
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1)))
    taps = np.stack([padded[:, :, tap : tap + 20] for tap in range(3)], axis=-1)
    y = requantize(np.maximum(np.einsum("fcpt,oct->fop", taps, weight) + bias[:, None], 0), 3, 0, 15)
    np.savez(HERE / "tracer_conv.npz", x=frames, y=y / 4)
    print("conv: share of saturated outputs", np.mean(y == 15), "zeros", np.mean(y == 0))


NODES, EDGES, HIDDEN = 4, 6, 4


def graph():
    """Two calls of one message-passing block; every tensor that is carried has scale 1/4."""
    rng = np.random.default_rng(2)
    edge_weight, edge_bias = rng.integers(-7, 8, (8, HIDDEN)), rng.integers(-40, 60, HIDDEN)
    node_weight, node_bias = rng.integers(-7, 8, (3 + HIDDEN, 3)), rng.integers(0, 80, 3)

    body = Writer(in_function=True)
    first, second = (body.constant(name, value, np.int64) for name, value in (("row_0", 0), ("row_1", 1)))
    source = body.node("Gather", ["edge_index", first], "source", axis=0)
    target = body.node("Gather", ["edge_index", second], "target", axis=0)
    x_source = body.node("Gather", ["x", source], "x_source", axis=0)
    x_target = body.node("Gather", ["x", target], "x_target", axis=0)
    edge = body.node("Concat", [x_source, x_target, "edge_attr"], "edge_input", axis=1)
    edge = body.node("MatMul", [edge, body.weight("edge_weight", edge_weight, 1 / 8, 4)], "edge_product")
    edge = body.node("Add", [edge, body.weight("edge_bias", edge_bias, 1 / 32, 8)], "edge_sum")
    edge = body.node("Relu", [edge], "edge_relu")
    message = body.quant(edge, "message", 1 / 4, 4, signed=0)
    last = body.constant("last_axis", [-1], np.int64)
    indices = body.node("Unsqueeze", [target, last], "target_column")
    zeros = body.constant("zeros", np.zeros((NODES, HIDDEN)))
    total = body.node("ScatterND", [zeros, indices, message], "aggregated", reduction="add")
    node = body.node("Concat", ["x", total], "node_input", axis=1)
    node = body.node("MatMul", [node, body.weight("node_weight", node_weight, 1 / 8, 4)], "node_product")
    node = body.node("Add", [node, body.weight("node_bias", node_bias, 1 / 32, 8)], "node_sum")
    node = body.node("Relu", [node], "node_relu")
    body.quant(node, "x_next", 1 / 4, 5, signed=1)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid(QONNX, 1)]
    inputs = ["x", "edge_attr", "edge_index"]
    block = helper.make_function("nn2hdl", "block", inputs, ["x_next"], body.nodes, opsets)

    out = Writer()
    x = out.quant("x", "x_q", 1 / 4, 5, signed=1)
    attributes = out.quant("edge_attr", "edge_attr_q", 1 / 4, 4, signed=1)
    for source, result in ((x, "x_1"), ("x_1", "y")):
        out.node("block", [source, attributes, "edge_index"], result, domain="nn2hdl")
    inputs = [tensor("x", [NODES, 3]), tensor("edge_attr", [EDGES, 2])]
    inputs.append(tensor("edge_index", [2, EDGES], TensorProto.INT64))
    save(out, "tracer_graph", inputs, [tensor("y", [NODES, 3])], 18, [block])

    frames = 96
    x = rng.integers(-16, 16, (frames, NODES, 3))
    attr = rng.integers(-8, 8, (frames, EDGES, 2))
    index = rng.integers(0, NODES, (frames, 2, EDGES))
    index[0, 1] = 2  # every edge ends on one node
    index[1] = 0  # and starts there as well
    for frame in range(64, frames):  # from here on, some edges are absent; in the last frame all are
        absent = rng.permutation(EDGES)[: EDGES if frame == frames - 1 else rng.integers(1, EDGES)]
        index[frame][:, absent] = rng.integers(NODES, 8, (2, len(absent)))
    state = x
    for _ in range(2):
        nothing = np.zeros((frames, 8 - NODES, 3), np.int64)  # an index beyond the nodes reads zero
        extended, rows = np.concatenate([state, nothing], axis=1), np.arange(frames)[:, None]
        edge = np.concatenate([extended[rows, index[:, 0]], extended[rows, index[:, 1]], attr], axis=-1)
        message = requantize(np.maximum(edge @ edge_weight + edge_bias, 0), 3, 0, 15)
        total = np.zeros((frames, 8, HIDDEN), np.int64)  # rows beyond the nodes are dropped
        np.add.at(total, (rows, index[:, 1]), message)
        node = np.concatenate([state, total[:, :NODES]], axis=-1)
        state = requantize(np.maximum(node @ node_weight + node_bias, 0), 3, -16, 15)
    np.savez(HERE / "tracer_graph.npz", x=x / 4, edge_attr=attr / 4, edge_index=index, y=state / 4)
    print("graph: share of saturated outputs", np.mean(state == 15), "zeros", np.mean(state == 0))


if __name__ == "__main__":
    conv()
    graph()
