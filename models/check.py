"""Runs the shipped ONNX files in onnx's reference evaluator, in float64, against their golden frames.

    python check.py          # needs numpy and onnx

`Quant` is written here once more, from QONNX's definition. The reference evaluator refuses an index beyond the nodes, so
frames of `tracer-graph` with absent edges are checked with four extra nodes, whose rows are dropped.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import inliner, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

HERE = Path(__file__).resolve().parent


def half_up(x):
    """To the nearest integer, halves away from zero."""
    return np.sign(x) * np.floor(np.abs(x) + 0.5)


class Quant(OpRun):
    op_domain = "qonnx.custom_op.general"

    def _run(self, x, scale, zero, bits, signed=None, narrow=None, rounding_mode=None):
        rounding = {"ROUND": np.rint, "FLOOR": np.floor, "HALF_UP": half_up}[rounding_mode]
        if signed:
            low, high = -(2.0 ** (bits - 1)) + narrow, 2.0 ** (bits - 1) - 1
        else:
            low, high = 0.0, 2.0**bits - 1 - narrow
        return ((np.clip(rounding(x / scale + zero), low, high) - zero) * scale,)


def widen(tensor):
    """float32 constants become float64, so that the evaluator's arithmetic is exact."""
    if tensor.data_type == onnx.TensorProto.FLOAT:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))


def load(path, extra_nodes=0):
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        widen(tensor)
    for value in (*model.graph.input, *model.graph.output):
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
            value.type.tensor_type.elem_type = onnx.TensorProto.DOUBLE
    for node in (node for function in model.functions for node in function.node):
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                if "zeros" in node.output and extra_nodes:
                    zeros = numpy_helper.to_array(attribute.t)
                    padded = np.pad(zeros, ((0, extra_nodes), (0, 0)))
                    attribute.t.CopyFrom(numpy_helper.from_array(padded, "zeros"))
                widen(attribute.t)
    # The evaluator does not hand `new_ops` on to functions (onnx 1.23).
    return ReferenceEvaluator(inliner.inline_local_functions(model), new_ops=[Quant])


def compare(name, frames, answers, run):
    wrong = sum(not np.array_equal(np.asarray(run(*frame)), answer) for *frame, answer in zip(*frames, answers))
    print(f"{name}: {len(answers)} frames, {wrong} differ")
    return wrong


def main():
    wrong = 0
    golden = np.load(HERE / "muon_window/sample.npz")
    network = load(HERE / "muon_window/muon_window.onnx")
    run = lambda x: network.run(None, {"window": x[None].astype(np.float64)})[0][0]
    wrong += compare("muon-window", [golden["input"]], golden["output"], run)

    for name in "muon-segment", "muon-segment-bx":
        folder = HERE / name.replace("-", "_")
        golden = np.load(folder / "sample.npz")
        chamber = load(folder / f"{folder.name}.onnx")
        run = lambda x: chamber.run(None, {"image": x[None].astype(np.float64)})[0][0]
        wrong += compare(name, [golden["image"]], golden["mask"], run)

    golden = np.load(HERE / "tracers/tracer_conv.npz")
    tracer = load(HERE / "tracers/tracer_conv.onnx")
    wrong += compare("tracer-conv", [golden["x"]], golden["y"], lambda x: tracer.run(None, {"x": x[None]})[0][0])

    golden = np.load(HERE / "tracers/tracer_graph.npz")
    full = (golden["edge_index"] < 4).all((1, 2))
    names = ["x", "edge_attr", "edge_index"]
    plain = load(HERE / "tracers/tracer_graph.onnx")
    run = lambda *frame: plain.run(None, dict(zip(names, frame)))[0]
    wrong += compare("tracer-graph", [golden[name][full] for name in names], golden["y"][full], run)
    # Extra nodes do not stay zero through the bias: right only because an absent edge has both its ends beyond the nodes.
    padded = load(HERE / "tracers/tracer_graph.onnx", extra_nodes=4)
    frames = [np.pad(golden["x"], ((0, 0), (0, 4), (0, 0))), golden["edge_attr"], golden["edge_index"]]
    run = lambda *frame: padded.run(None, dict(zip(names, frame)))[0][:4]
    wrong += compare("tracer-graph, absent edges", frames, golden["y"], run)
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
