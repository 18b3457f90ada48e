"""Float models quantized with calibration: agreement with float on frames that were not calibrated on.

    python tests/bench/quantize_table.py NN2HDL [--quick] [--json FILE]

The public float networks were trained on jets that were scaled in another way than those at hand, so that their accuracy on
the labelled jets means nothing; their outputs are compared. `jets` is the public quantized jet tagger with its quantizers
taken out, which makes a float network whose accuracy does mean something.

Needs numpy, onnx, onnxruntime and qonnx; NN2HDL is the program. The quantized network runs in nn2hdl's emulator, the
float one in ONNX Runtime. One file of each model runs in qonnx's executor as well, and the answers must be the same.
"""
import argparse
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

onnxruntime.set_default_logger_severity(4)
DATA = pathlib.Path(__file__).resolve().parents[3] / "shared/data"
def frames(name):
    """Calibration frames, test frames, labels."""
    if name == "jets" or name.startswith("three_layer"):
        jets = np.load(DATA / "jets/jsc_hlf_jets_500_999.npz")
        labels = jets["y"] if name == "jets" else None
        return np.load(DATA / "golden/qonnx_jettagging_6b.npz")["input"], jets["x"], labels
    golden = {"conv1d_small_keras": "onnx_conv1d_small", "conv2d_small_keras": "onnx_conv2d_small"}[name]
    both = np.load(DATA / f"golden/{golden}.npz")["input"]
    return both[:32], both[32:], None


def without_quantizers(path):
    """The same network with every `Quant` node bypassed."""
    model = onnx.load(path)
    graph = model.graph
    source = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Quant"}
    kept = [node for node in graph.node if node.op_type != "Quant"]
    del graph.node[:]
    graph.node.extend(kept)
    for node in graph.node:
        node.input[:] = [source.get(name, name) for name in node.input]
    return model


def float_answers(path, x):
    """Logits' softmax of every frame, frame by frame: some models state a batch of 1."""
    model = onnx.load(path)
    batch = model.graph.input[0].type.tensor_type.shape.dim[0]
    batch.ClearField("dim_value")
    batch.dim_param = "N"
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: frame[None].astype(np.float32)})[0] for frame in x])


def run(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, arguments))}\n{done.stderr}")
    return done.stdout


def qonnx_difference(path, x, ours):
    """Largest difference of the executor's answers from ours."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    model = ModelWrapper(str(path))
    name = model.graph.input[0].name
    model.set_tensor_shape(name, [1, *x.shape[1:]])
    model = model.transform(InferShapes())
    worst = 0.0
    for frame, expected in zip(x, ours):
        found = execute_onnx(model, {name: frame[None].astype(np.float32)})[model.graph.output[0].name]
        worst = max(worst, float(np.abs(found.reshape(-1) - expected.reshape(-1)).max()))
    return worst


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--quick", action="store_true", help="8 bits only")
    parser.add_argument("--json")
    parser.add_argument("--output-bits", type=int)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name in ["jets", "three_layer_keras", "three_layer_pytorch", "conv1d_small_keras", "conv2d_small_keras"]:
            path = DATA / f"models/{name}.onnx"
            if name == "jets":
                path = folder / "jets.onnx"
                onnx.save(without_quantizers(DATA / "models/qkeras_jettagging.onnx"), path)
            calibration, test, labels = frames(name)
            np.save(folder / "calibration.npy", calibration)
            np.save(folder / "test.npy", test)
            expected = float_answers(path, test)
            reference = None if labels is None else float(np.mean(expected.argmax(1) == labels))
            accuracy = "" if labels is None else f"; float accuracy {100 * reference:.1f} %"
            print(f"{name}: calibrated on {len(calibration)} frames, tested on {len(test)}{accuracy}")
            for bits, method, per, scale in itertools.product([8] if options.quick else [8, 6, 4], ["min-max", "percentile", "mse"], ["tensor", "channel"], ["power-of-two", "arbitrary"]):
                extra = ["--output-bits", options.output_bits] if options.output_bits else []
                run(options.program, "quantize", path, "--calibration", folder / "calibration.npy", "-o", folder / "q.onnx", "--bits", bits, "--method", method, "--per", per, "--scale", scale, *extra)
                run(options.program, "emulate", folder / "q.onnx", "--input", folder / "test.npy", "--output", folder / "y.npy")
                found = np.load(folder / "y.npy")
                row = {
                    "model": name, "bits": bits, "method": method, "per": per, "scale": scale,
                    "agreement": float(np.mean(found.argmax(1) == expected.argmax(1))),
                    "error": float(np.sqrt(np.sum((found - expected) ** 2) / np.sum(expected**2))),
                }
                if labels is not None:
                    row["accuracy"] = float(np.mean(found.argmax(1) == labels))
                    row["loss"] = reference - row["accuracy"]
                rows.append(row)
                accuracy = "" if labels is None else f"  accuracy {100 * row['accuracy']:.1f} % ({-100 * row['loss']:+.1f})"
                print(f"  {bits} bits  {method:10s} {per:7s} {scale:12s}  agreement {100 * row['agreement']:5.1f} %  error {100 * row['error']:6.2f} %{accuracy}", flush=True)
            difference = qonnx_difference(folder / "q.onnx", test[:16], found[:16])
            print(f"  qonnx executor: largest difference {difference:.1e} in 16 frames of the last one")
            rows.append({"model": name, "qonnx_difference": difference})
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
