"""Images per second of PyTorch against buffer size, on the CPU or on a GPU, as JSON that `nn2hdl bench --with` adds to its own.

    nn2hdl bench muon-segment --ii 384 -o DIR                         # writes what is measured here into DIR
    python3 torch_bench.py DIR --device cuda -o gpu.json              # needs numpy, onnx and torch
    nn2hdl bench muon-segment --ii 384 --with gpu.json -o BOTH

The float network of DIR, in single and in half precision (products of single precision may be rounded to TF32, as the convolutions
of PyTorch do by default). On a GPU it is captured as a CUDA graph and measured twice: with transfers (pinned arrays of the host in,
pinned arrays of the host out) and without (input and output stay in the GPU's memory). Networks of convolutions and ReLUs.
"""

from pathlib import Path

import onnx_bench


class Layers:
    """The nodes of an ONNX file as functions of PyTorch."""

    def __init__(self, torch, onnx, path, dtype, device):
        self.torch, graph = torch, onnx.load(str(path)).graph
        constants = {t.name: torch.tensor(onnx.numpy_helper.to_array(t)) for t in graph.initializer}
        self.constants = {name: t.to(device, dtype) if t.is_floating_point() else t for name, t in constants.items()}
        inputs = [value.name for value in graph.input if value.name not in constants]
        if len(inputs) != 1 or len(graph.output) != 1:
            raise RuntimeError("networks of one input and one output are measured")
        self.input, self.output = inputs[0], graph.output[0].name
        self.steps = [(node, {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}) for node in graph.node]
        for node, attributes in self.steps:
            kinds = {"Conv": {"kernel_shape", "pads", "strides", "dilations", "group"}, "Relu": set()}
            if not set(attributes) <= kinds.get(node.op_type, set()) or node.op_type not in kinds:
                raise RuntimeError(f"{node.op_type} with {sorted(attributes)} has no form here")

    def __call__(self, x):
        values = {**self.constants, self.input: x}
        for node, attributes in self.steps:
            a, *weights = (values[name] for name in node.input)
            if node.op_type == "Relu":
                y = self.torch.relu(a)
            else:
                spatial = a.dim() - 2
                pads = attributes.get("pads", [0] * 2 * spatial)
                begins, ends = pads[:spatial], pads[spatial:]
                if begins != ends:
                    around = [pad for axis in reversed(range(spatial)) for pad in (begins[axis], ends[axis])]
                    a, begins = self.torch.nn.functional.pad(a, around), [0] * spatial
                convolution = getattr(self.torch.nn.functional, f"conv{spatial}d")
                settings = (attributes.get(name, [1] * spatial) for name in ("strides", "dilations"))
                stride, dilation = settings
                y = convolution(a, *weights, stride=stride, padding=begins, dilation=dilation, groups=attributes.get("group", 1))
            values[node.output[0]] = y
        return values[self.output]


class Network(onnx_bench.Network):
    """The layers on one device, in one precision."""

    def __init__(self, torch, numpy, layers, frames, device, dtype, resident):
        self.torch, self.numpy, self.layers, self.device, self.resident = torch, numpy, layers, device, resident
        if layers.input not in frames:
            raise RuntimeError(f"frames.npz has no array `{layers.input}`; it has {', '.join(frames)}")
        self.frames = torch.tensor(frames[layers.input]).to(dtype)

    def agreement(self, path):
        """The largest difference from ONNX Runtime on the CPU, where that is installed."""
        try:
            import onnxruntime
        except ImportError:
            return []
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        wanted = session.run(None, {self.layers.input: self.frames.float().numpy()})[0]
        with self.torch.inference_mode():
            found = self.layers(self.frames.to(self.device)).float().cpu().numpy()
        spread = f"{abs(found - wanted).max():.2g} where answers reach {abs(wanted).max():.2g}"
        return [f"largest difference from ONNX Runtime on the CPU: {spread}"]

    def prepare(self, size):
        torch = self.torch
        repeats = -(-size // len(self.frames))
        host = self.frames.repeat(repeats, *[1] * (self.frames.dim() - 1))[:size].contiguous()
        with torch.inference_mode():
            if self.device == "cpu":
                return torch.inference_mode()(lambda: self.layers(host))
            host, x = host.pin_memory(), host.to(self.device)
            stream = torch.cuda.Stream()
            with torch.cuda.stream(stream):
                for _ in range(3):
                    y = self.layers(x)
            torch.cuda.synchronize()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                y = self.layers(x)
            answer = torch.empty(y.shape, dtype=y.dtype, pin_memory=True)

        @torch.inference_mode()
        def run():
            if not self.resident:
                x.copy_(host, non_blocking=True)
            graph.replay()
            if not self.resident:
                answer.copy_(y, non_blocking=True)
            torch.cuda.synchronize()

        return run


def engines(args):
    try:
        import numpy
        import onnx
        import onnx.numpy_helper
        import torch
    except ImportError as error:
        onnx_bench.stop(f"{error}", "python3 -m pip install numpy onnx torch")
    if args.device == "cuda" and not torch.cuda.is_available():
        onnx_bench.stop("this PyTorch has no CUDA", "run it on a machine with a GPU, or with `--device cpu`")
    threads = args.threads or onnx_bench.machine(args.device)["threads"]
    torch.set_num_threads(threads)
    directory = Path(args.directory)
    frames, _ = onnx_bench.arrays(numpy, directory)
    found = []
    for form, dtype in (("float", torch.float32), ("half", torch.float16)):
        ways = onnx_bench.variants("PyTorch", f"torch {torch.__version__}", form, args.device, threads)
        for about, resident in ways:
            network = None
            try:
                layers = Layers(torch, onnx, directory / "float.onnx", dtype, args.device)
                network = Network(torch, numpy, layers, frames, args.device, dtype, resident)
                about["notes"] = network.agreement(directory / "float.onnx")
            except Exception as error:
                about["unavailable"] = onnx_bench.reason(error)
            found.append((about, network))
    return found


if __name__ == "__main__":
    onnx_bench.main(engines, __doc__)
