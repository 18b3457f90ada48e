"""Writes `muon_head.onnx`, the trigger's segment head, and its golden frames: see README.md beside this file.

    python make.py ../muon_segment/sample.npz ../muon_segment_bx/sample.npz     # needs numpy and onnx

The golden answers are computed in numpy from the definition in README.md and do not run the ONNX file.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).resolve().parent
LAYERS, PARTITIONS, STRIPS = 6, 8, 384
REACH, LEAST, ZONE, SEGMENTS = 10, 4, 96, 4
OUTPUTS = ("quality", "layers", "partition", "strip")


class Writer:
    def __init__(self):
        self.nodes, self.initializers = [], []

    def __call__(self, op, result, *inputs, domain="", **attributes):
        names = [name if isinstance(name, str) else self.constant(result, n, name) for n, name in enumerate(inputs)]
        self.nodes.append(helper.make_node(op, names, [result], f"{op}_{result}", domain=domain, **attributes))
        return result

    def constant(self, result, n, value):
        name = f"{result}_{n}"
        value = np.asarray(value)
        kind = np.int64 if value.dtype.kind == "i" else np.float32
        self.initializers.append(numpy_helper.from_array(value.astype(kind), name))
        return name

    def pool(self, result, x, kernel, pads=(0, 0, 0, 0), strides=(1, 1), dilations=(1, 1)):
        return self("MaxPool", result, x, kernel_shape=kernel, pads=pads, strides=strides, dilations=dilations)

    def appended(self, result, x, places):
        """`x` with the number of its place behind it; the numbers descend, so that of equal values the first is greater."""
        factor = 1 << int(places.max()).bit_length()
        return self("Add", result, self("Mul", f"{result}_high", x, float(factor)), places.astype(float))


def descending(count, length):
    """`count − 1 … 0`, again and again, on `length` places."""
    return count - 1 - np.arange(length) % count


def network():
    w = Writer()
    mask = w("Quant", "bits", "mask", 1.0, 0.0, 1.0, domain="qonnx.custom_op.general", signed=0, narrow=0, rounding_mode="ROUND")
    # An OR over ± 10 strips, here and in the next partition: 2 + 2·2 + 1·4 strips on either side.
    near = w.pool("near_2", mask, [2, 5], [0, 2, 1, 2])
    near = w.pool("near_6", near, [1, 5], [0, 4, 0, 4], dilations=[1, 2])
    near = w.pool("near", near, [1, 3], [0, 4, 0, 4], dilations=[1, 4])
    hit = w("ReduceSum", "hit_layers", near, np.array([1]), keepdims=1)
    excess = w("Relu", "excess", w("Sub", "more_than_3", hit, float(LEAST - 1)))
    three = w("Conv", "three", excess, np.ones((1, 1, 1, 3)), kernel_shape=[1, 3], pads=[0, 1, 0, 1])
    total = w("Conv", "sum", three, np.ones((1, 1, 1, 7)), kernel_shape=[1, 7], pads=[0, 9, 0, 9], dilations=[1, 3])
    quality = w("Min", "quality_of_strip", total, w("Mul", "open", excess, 64.0))
    strip = w.appended("with_strip", quality, descending(4, STRIPS))
    key = w("Add", "with_layers", w("Mul", "with_layers_high", strip, 4.0), excess)
    key = w.pool("pair", key, [1, 2], strides=[1, 2])
    key = w.pool("group", key, [1, 2], strides=[1, 2])
    key = w.appended("with_partition", key, np.arange(PARTITIONS).reshape(PARTITIONS, 1))
    key = w.appended("with_group", key, descending(8, STRIPS // 4))
    around = w.pool("around_partitions", key, [3, 1], [1, 0, 1, 0])
    around = w.pool("around", around, [1, 7], [0, 3, 0, 3])
    peak = w("Where", "peak", w("GreaterOrEqual", "is_peak", key, around), key, 0.0)
    for span in (8, 16, 32):
        peak = w.pool(f"peak_{span}", peak, [1, 2], strides=[1, 2])
    peak = w.appended("with_third", peak, descending(3, STRIPS // 32))
    peak = w.pool("zone", peak, [1, 3], strides=[1, 3])
    w.nodes.append(helper.make_node("TopK", [peak, w.constant("zone_best", 1, np.array([SEGMENTS]))], ["zone_best", "zone_best_at"], "TopK_zone_best", axis=2))
    best = w.appended("with_zone", "zone_best", descending(STRIPS // ZONE, STRIPS // ZONE))
    flat = w("Flatten", "all_zones", best)
    w.nodes.append(helper.make_node("TopK", [flat, w.constant("best", 1, np.array([SEGMENTS]))], ["best", "best_at"], "TopK_best", axis=1))
    fields, rest = {}, "best"
    for name, count in (("zone", 4), ("third", 4), ("group", 8), ("partition", 8), ("layers", 4), ("strip", 4)):
        fields[name] = w("Mod", f"{name}_field", rest, float(count))
        rest = w("Floor", f"above_{name}", w("Mul", f"above_{name}_part", rest, 1.0 / count))
    found = w("Greater", "found", rest, 0.0)
    places = [("zone", 3, 96), ("third", 2, 32), ("group", 7, 4), ("strip", 3, 1)]
    position = w("Sum", "position", *(w("Mul", f"{n}_strips", w("Sub", f"{n}_place", float(last), fields[n]), float(size)) for n, last, size in places))
    w("Identity", "quality", rest)
    w("Where", "layers", found, w("Add", "layers_in_all", fields["layers"], float(LEAST - 1)), 0.0)
    w("Where", "partition", found, fields["partition"], 0.0)
    w("Where", "strip", found, position, 0.0)
    tensor = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph(
        w.nodes,
        "muon_head",
        [tensor("mask", ["frame", LAYERS, PARTITIONS, STRIPS])],
        [tensor(name, ["frame", SEGMENTS]) for name in OUTPUTS],
        w.initializers,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("qonnx.custom_op.general", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="nn2hdl models/muon_head")
    onnx.checker.check_model(model)
    (HERE / "muon_head.onnx").write_bytes(model.SerializeToString(deterministic=True))


def sums(x, offsets):
    """Σ over `offsets` of `x` that many strips away, 0 beyond the chamber."""
    padded = np.pad(x, [(0, 0), (16, 16)])
    return sum(padded[:, 16 + d : 16 + d + STRIPS] for d in offsets)


def segments(mask):
    joined = mask | np.concatenate([mask[:, 1:], np.zeros_like(mask[:, :1])], axis=1)
    hit = sum((sums(layer, range(-REACH, REACH + 1)) > 0).astype(int) for layer in joined.astype(int))
    excess = np.maximum(hit - (LEAST - 1), 0)
    quality = np.where(excess > 0, sums(sums(excess, (-1, 0, 1)), range(-9, 10, 3)), 0)
    best = {}
    for partition in range(PARTITIONS):
        for group in range(STRIPS // 4):
            strip = max(range(4), key=lambda s: (quality[partition, 4 * group + s], -s))
            at = 4 * group + strip
            best[partition, group] = (quality[partition, at], 3 - strip, excess[partition, at], partition, 7 - group % 8)
    zones = [[[] for _ in range(STRIPS // ZONE)] for _ in range(PARTITIONS)]
    for (partition, group), key in best.items():
        around = [best.get((partition + p, group + g), ()) for p in (-1, 0, 1) for g in range(-3, 4)]
        if key[0] > 0 and key == max(around):
            zone, third = divmod(group, 24)
            place = (key[0], int(key[2]) + LEAST - 1, partition, 4 * group + 3 - key[1])
            zones[partition][zone].append((key, 2 - third // 8, 3 - zone, place))
    found = [max(zone) for partition in zones for zone in partition if zone]
    found = [place for _, _, _, place in sorted(found, reverse=True)[:SEGMENTS]]
    return found + [(0, 0, 0, 0)] * (SEGMENTS - len(found))


def main():
    masks = np.concatenate([np.load(path)["mask"] for path in sys.argv[1:]]).astype(np.uint8)
    found = np.array([segments(mask) for mask in masks])
    network()
    columns = {name: found[:, :, n].astype(np.float64) for n, name in enumerate(OUTPUTS)}
    np.savez_compressed(HERE / "sample.npz", mask=masks, **columns)
    print(f"{len(masks)} masks, {int((found[:, :, 0] > 0).sum())} segments")


if __name__ == "__main__":
    main()
