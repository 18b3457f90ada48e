"""Simulates, trains and writes the zoo model `muon-window`: see README.md beside this file.

    python train.py          # one core, about 15 seconds; needs numpy and onnx

Deterministic for given versions of numpy and its linear algebra: every random number comes from SEED.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SEED = 20260
HERE = Path(__file__).resolve().parent

LAYERS, STRIPS = 6, 16
CLASSES = ["no muon", "bends left", "nearly straight", "bends right"]
EFFICIENCY = 0.95
DOUBLE_HIT = 0.30  # probability that a hit fires a second strip
NOISE = (0.005, 0.05)  # range of a frame's noise rate per strip
STRAIGHT = 1.5  # largest bend of "nearly straight", in strips from first to last layer
LARGEST = 6.0  # largest bend simulated

SIZES = [LAYERS * STRIPS, 24, 16, 4]
WEIGHT_BITS, ACTIVATION_BITS, BIAS_BITS = 4, 3, 8
PRUNED = 0.5


def simulate(frames, rng):
    """Binary windows [frames, LAYERS, STRIPS] and classes [frames]."""
    label = rng.integers(0, 4, frames)
    rate = rng.uniform(*NOISE, (frames, 1, 1))
    window = rng.random((frames, LAYERS, STRIPS)) < rate
    low = np.array([0.0, -LARGEST, -STRAIGHT, STRAIGHT])[label]
    high = np.array([0.0, -STRAIGHT, STRAIGHT, LARGEST])[label]
    bend = low + (high - low) * rng.random(frames)
    centre = rng.uniform(3.0, STRIPS - 3.0, frames)
    depth = np.arange(LAYERS) / (LAYERS - 1) - 0.5
    position = centre[:, None] + bend[:, None] * depth
    strip = np.floor(position).astype(int)
    side = np.where(position - strip < 0.5, -1, 1)
    seen = (rng.random((frames, LAYERS)) < EFFICIENCY) & (label > 0)[:, None]
    double = seen & (rng.random((frames, LAYERS)) < DOUBLE_HIT)
    for hit, where in ((seen, strip), (double, strip + side)):
        frame, layer = np.nonzero(hit & (where >= 0) & (where < STRIPS))
        window[frame, layer, where[frame, layer]] = True
    return window, label


def quantize(value, scale, low, high):
    """QONNX's Quant with rounding mode ROUND (half to even): the value and where it did not saturate."""
    code = np.rint(value / scale)
    return np.clip(code, low, high) * scale, (code >= low) & (code <= high)


def best_scale(values, low, high):
    """The power of two with the least squared error."""
    scales = 2.0 ** np.arange(-10, 4)
    return scales[np.argmin([np.mean((quantize(values, s, low, high)[0] - values) ** 2) for s in scales])]


class Network:
    W_RANGE = (-(2 ** (WEIGHT_BITS - 1)) + 1, 2 ** (WEIGHT_BITS - 1) - 1)
    A_RANGE = (0, 2**ACTIVATION_BITS - 1)
    B_RANGE = (-(2 ** (BIAS_BITS - 1)) + 1, 2 ** (BIAS_BITS - 1) - 1)

    def __init__(self, rng):
        pairs = list(zip(SIZES[:-1], SIZES[1:]))
        self.weight = [rng.normal(0, np.sqrt(2 / m), (m, n)).astype(np.float32) for m, n in pairs]
        self.bias = [np.zeros(n, np.float32) for _, n in pairs]
        self.mask = [np.ones((m, n), np.float32) for m, n in pairs]
        self.weight_scale = None  # None: float network
        self.activation_scale = None

    def fix_scales(self, x):
        """Chooses all scales from the float network's weights and activations; the network is quantized from now on."""
        activations = self.forward(x)[1][1:]
        self.weight_scale = [best_scale(w, *self.W_RANGE) for w in self.weight]
        self.activation_scale = [1.0] + [best_scale(a, *self.A_RANGE) for a in activations]

    def parameters(self, layer):
        """Weights and bias as the layer uses them, and where their gradient passes."""
        weight, bias = self.weight[layer] * self.mask[layer], self.bias[layer]
        if self.weight_scale is None:
            return weight, bias, self.mask[layer], np.ones_like(bias)
        scale = self.weight_scale[layer]
        weight, pass_w = quantize(weight, scale, *self.W_RANGE)
        bias, pass_b = quantize(bias, scale * self.activation_scale[layer], *self.B_RANGE)
        return weight, bias, self.mask[layer] * pass_w, pass_b

    def forward(self, x):
        inputs, passes = [x], []
        for layer in range(len(self.weight)):
            weight, bias, *_ = self.parameters(layer)
            x = inputs[-1] @ weight + bias
            if layer + 1 == len(self.weight):
                return x, inputs, passes
            positive = x > 0
            x = x * positive
            if self.weight_scale is not None:
                x, inside = quantize(x, self.activation_scale[layer + 1], *self.A_RANGE)
                positive &= inside
            inputs.append(x)
            passes.append(positive)

    def gradients(self, x, label):
        """Cross entropy and its gradients; rounding is passed straight through, saturation stops them."""
        logits, inputs, passes = self.forward(x)
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        rows = np.arange(len(label))
        loss = -np.log(p[rows, label] + 1e-9).mean()
        p[rows, label] -= 1
        delta = p / len(label)
        result = []
        for layer in reversed(range(len(self.weight))):
            weight, _, pass_w, pass_b = self.parameters(layer)
            result += [delta.sum(0) * pass_b, inputs[layer].T @ delta * pass_w]
            if layer:
                delta = delta @ weight.T * passes[layer - 1]
        return loss, result[::-1]

    def prune(self, fraction):
        for layer, weight in enumerate(self.weight):
            order = np.argsort(np.abs(weight * self.mask[layer]), axis=None, kind="stable")
            self.mask[layer] = np.ones(weight.size, np.float32)
            self.mask[layer][order[: round(weight.size * fraction)]] = 0
            self.mask[layer] = self.mask[layer].reshape(weight.shape)


def train(network, x, label, epochs, rate, rng, prune_over=0):
    """Adam with a cosine schedule; prunes step by step over the first `prune_over` epochs."""
    tensors = [t for pair in zip(network.weight, network.bias) for t in pair]
    first, second, step = [np.zeros_like(t) for t in tensors], [np.zeros_like(t) for t in tensors], 0
    for epoch in range(epochs):
        if epoch < prune_over:
            network.prune(PRUNED * (1 - (1 - (epoch + 1) / prune_over) ** 3))
        order, losses, batch = rng.permutation(len(x)), [], 512
        speed = rate * 0.5 * (1 + np.cos(np.pi * epoch / epochs))
        for start in range(0, len(x), batch):
            rows = order[start : start + batch]
            loss, grads = network.gradients(x[rows], label[rows])
            losses.append(loss)
            step += 1
            for t, g, m, v in zip(tensors, grads, first, second):
                m += 0.1 * (g - m)
                v += 0.001 * (g * g - v)
                t -= speed * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
        if epoch % 5 == 4 or epoch + 1 == epochs:
            print(f"  epoch {epoch + 1:3d}/{epochs}  loss {np.mean(losses):.4f}", flush=True)


def integers(network):
    """Integer weights and biases, and the exponents of the scales."""
    layers = []
    for layer in range(len(network.weight)):
        weight, bias, *_ = network.parameters(layer)
        w_scale, a_scale = network.weight_scale[layer], network.activation_scale[layer]
        w = np.rint(weight.astype(np.float64) / w_scale).astype(np.int64)
        b = np.rint(bias.astype(np.float64) / (w_scale * a_scale)).astype(np.int64)
        layers.append((w, b, w_scale, a_scale))
    return layers


def exact(layers, windows):
    """Logits by integer arithmetic alone; float64 only names the result."""
    code = windows.reshape(len(windows), -1).astype(np.int64)
    for index, (w, b, w_scale, a_scale) in enumerate(layers):
        code = code @ w + b
        scale = w_scale * a_scale
        if index + 1 == len(layers):
            return code * scale
        shift = round(np.log2(layers[index + 1][3] / scale))
        code = np.maximum(code, 0)
        if shift > 0:
            half, rest = 1 << (shift - 1), code & ((1 << shift) - 1)
            code >>= shift
            code += (rest > half) | ((rest == half) & (code & 1 == 1))
        else:
            code <<= -shift
        code = np.minimum(code, Network.A_RANGE[1])


def export(layers, path):
    nodes, constants = [], []

    def constant(name, value):
        constants.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def quant(source, result, scale, bits, signed, narrow):
        inputs = [source, constant(f"{result}_scale", scale), constant(f"{result}_zero", 0)]
        inputs.append(constant(f"{result}_bits", bits))
        domain, mode = "qonnx.custom_op.general", "ROUND"
        attributes = {"signed": signed, "narrow": narrow, "rounding_mode": mode}
        nodes.append(helper.make_node("Quant", inputs, [result], f"Quant_{result}", domain=domain, **attributes))
        return result

    def node(op, inputs, result, **attributes):
        nodes.append(helper.make_node(op, inputs, [result], f"{op}_{result}", **attributes))
        return result

    x = quant("window", "window_q", 1, 1, 0, 0)
    x = node("Flatten", [x], "flat", axis=1)
    for index, (w, b, w_scale, a_scale) in enumerate(layers):
        name = f"dense{index}"
        weight = quant(constant(f"{name}_weight", w * w_scale), f"{name}_weight_q", w_scale, WEIGHT_BITS, 1, 1)
        scale = w_scale * a_scale
        bias = quant(constant(f"{name}_bias", b * scale), f"{name}_bias_q", scale, BIAS_BITS, 1, 1)
        x = node("MatMul", [x, weight], f"{name}_product")
        last = index + 1 == len(layers)
        x = node("Add", [x, bias], "logits" if last else f"{name}_sum")
        if not last:
            x = node("Relu", [x], f"{name}_relu")
            x = quant(x, f"{name}_out", layers[index + 1][3], ACTIVATION_BITS, 0, 0)
    window = helper.make_tensor_value_info("window", TensorProto.FLOAT, [1, LAYERS, STRIPS])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, SIZES[-1]])
    graph = helper.make_graph(nodes, "muon_window", [window], [logits], constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("qonnx.custom_op.general", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="nn2hdl models/muon_window")
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))


def report(name, prediction, label):
    per_class = [np.mean(prediction[label == c] == c) for c in range(4)]
    print(f"{name}: accuracy {np.mean(prediction == label):.4f}", *(f"{CLASSES[c]} {per_class[c]:.4f};" for c in range(4)))
    print(f"  efficiency {np.mean(prediction[label > 0] > 0):.4f}, fake rate {np.mean(prediction[label == 0] > 0):.4f}")


def main():
    data, start, shuffle = (np.random.default_rng([SEED, stream]) for stream in range(3))
    x, label = simulate(120_000, data)
    test, test_label = simulate(50_000, data)
    sample, sample_label = simulate(200, data)
    flat = x.reshape(len(x), -1).astype(np.float32)
    test_flat = test.reshape(len(test), -1).astype(np.float32)
    print("float")
    network = Network(start)
    train(network, flat, label, 25, 4e-3, shuffle)
    report("float, all weights", network.forward(test_flat)[0].argmax(1), test_label)
    print("quantized and pruned")
    network.fix_scales(flat[:5000])
    train(network, flat, label, 50, 2e-3, shuffle, prune_over=20)
    layers = integers(network)
    logits = exact(layers, test)
    report("quantized, integers", logits.argmax(1), test_label)
    assert np.array_equal(logits, network.forward(test_flat.astype(np.float64))[0]), "integers and training differ"
    nonzero = [int(np.count_nonzero(w)) for w, *_ in layers]
    print("nonzero weights", nonzero, "of", [w.size for w, *_ in layers], "scales", [(s, a) for _, _, s, a in layers])
    export(layers, HERE / "muon_window.onnx")
    arrays = {"input": sample.astype(np.float32), "output": exact(layers, sample), "label": sample_label}
    np.savez(HERE / "sample.npz", **arrays)


if __name__ == "__main__":
    main()
