"""Images per second of ONNX Runtime against buffer size, on the CPU or on a GPU, as JSON that `nn2hdl bench --with` adds to its own.

    nn2hdl bench muon-segment --ii 384 -o DIR                         # writes what is measured here into DIR
    python3 onnx_bench.py DIR -o ort.json                             # needs numpy and onnxruntime
    python3 onnx_bench.py DIR --device cuda -o gpu.json               # needs numpy and onnxruntime-gpu
    nn2hdl bench muon-segment --ii 384 --with gpu.json -o BOTH

With a GPU every network is measured twice: with transfers (arrays of the host in, arrays of the host out) and without (input and
output stay in the GPU's memory). The GPU's part has not been tried: no GPU was at hand; the rest has.

DIR holds float.onnx, quantized.onnx (one of them may be absent), frames.npz with an array for each input, axis 0 being the frame,
answers.npz with the emulator's answers to them (may be absent), and, except under `--serve`, bench.json with the model's name; a
result is merged only with results of a model of that name. Inputs are float32, float64, int64 or int32; their first axis must be
of any extent.

    nn2hdl bench muon-segment --peer 'python3 onnx_bench.py --serve'  # in turn with the other engines, in one run

Under `--serve` one line of JSON is printed at first, then one for each line read; see compiler/program/src/commands/bench/peer.rs.
"""

import argparse
import json
import math
import os
import platform
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path

SIZES = [2**n for n in range(12)]
ROUNDS, PATIENCE, KEPT = 3, 4.0, 100_000
FORMS = (("float", "float.onnx"), ("quantized", "quantized.onnx"))


def stop(message, help=""):
    print(f"error: {message}" + (f"\n  help: {help}" if help else ""), file=sys.stderr)
    raise SystemExit(1)


def reason(error):
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]


class Network:
    """One ONNX file on one device; a buffer is made by `prepare` and run by calling its result."""

    def __init__(self, runtime, numpy, path, frames, device, threads, resident=False):
        self.runtime, self.numpy, self.device, self.resident = runtime, numpy, device, resident
        options = runtime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        providers = ["CUDAExecutionProvider"] if device == "cuda" else ["CPUExecutionProvider"]
        self.session = runtime.InferenceSession(str(path), options, providers=providers)
        if providers[0] not in self.session.get_providers():
            raise RuntimeError(f"ONNX Runtime does not give {providers[0]}")
        types = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(int64)": "int64", "tensor(int32)": "int32"}
        self.inputs = {}
        for value in self.session.get_inputs():
            if value.name not in frames:
                raise RuntimeError(f"frames.npz has no array `{value.name}`; it has {', '.join(frames)}")
            if value.type not in types:
                raise RuntimeError(f"the input {value.name} is a {value.type}")
            self.inputs[value.name] = frames[value.name].astype(types[value.type])

    def prepare(self, size):
        feed = {name: self.numpy.resize(array, (size, *array.shape[1:])) for name, array in self.inputs.items()}
        if not self.resident:
            return lambda: self.session.run(None, feed)
        binding = self.session.io_binding()
        for name, array in feed.items():
            binding.bind_ortvalue_input(name, self.runtime.OrtValue.ortvalue_from_numpy(array, self.device, 0))
        for value in self.session.get_outputs():
            binding.bind_output(value.name, self.device, 0)

        def run():
            self.session.run_with_iobinding(binding)
            binding.synchronize_outputs()

        return run

    def agreement(self, answers):
        """How many frames have the emulator's answers, in words; none if the outputs have other names."""
        names = [value.name for value in self.session.get_outputs()]
        if not set(names) <= set(answers):
            return None
        found = self.session.run(names, self.inputs)
        same = [
            (self.numpy.asarray(array).reshape(len(answers[name]), -1) == answers[name].reshape(len(answers[name]), -1)).all(1)
            for name, array in zip(names, found)
        ]
        return f"{int(self.numpy.all(same, axis=0).sum())} of {len(same[0])} frames have the emulator's answers"

    def burst(self, size, seconds, warm):
        """Images, seconds, and the seconds of each buffer of one image."""
        run = self.prepare(size)
        if warm:
            run()
        images, durations, begun = 0, [], time.perf_counter()
        now = begun
        while True:
            before = now
            run()
            now = time.perf_counter()
            images += size
            if size == 1 and len(durations) < KEPT:
                durations.append(max(now - before, 1e-9))
            if now - begun >= seconds:
                return images, max(now - begun, 1e-9), durations


def accelerator():
    try:
        query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return None


def machine(device):
    def field(path, name):
        try:
            lines = Path(path).read_text().splitlines()
        except OSError:
            return None
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), None)

    memory = field("/proc/meminfo", "MemTotal")
    return {
        "processor": field("/proc/cpuinfo", "model name") or platform.machine(),
        "threads": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "system": f"{platform.system()} {platform.release()}",
        "memory_bytes": int(memory.split()[0]) * 1024 if memory else None,
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "accelerator": accelerator() if device == "cuda" else None,
    }


def arrays(numpy, directory):
    """Frames and the emulator's answers to them, by name."""
    frames = directory / "frames.npz"
    if not frames.is_file():
        stop(f"{frames} is not there", "`nn2hdl bench MODEL -o DIR` writes it")
    try:
        frames = {name: array for name, array in numpy.load(frames).items()}
        answers = directory / "answers.npz"
        return frames, {name: array for name, array in numpy.load(answers).items()} if answers.is_file() else {}
    except (OSError, ValueError) as error:
        stop(f"{directory}: {reason(error)}")


def variants(runtime, software, form, device, threads):
    """What is told about each way to run one form of the network, and whether its arrays stay in the GPU's memory."""
    ways = [("", False)] if device == "cpu" else [(", with transfers", False), (", without transfers", True)]
    where, threads = ("", threads) if device == "cpu" else (", GPU", None)
    for suffix, resident in ways:
        name = f"{runtime}{where}, {form}{suffix}"
        yield {"name": name, "software": software, "threads": threads, "notes": [], "unavailable": None}, resident


def engines(args):
    """What can be measured: what is told about it, and the network or None."""
    try:
        import numpy
        import onnxruntime
    except ImportError as error:
        stop(f"{error}", "python3 -m pip install numpy onnxruntime   (onnxruntime-gpu for `--device cuda`)")
    if args.device == "cuda" and "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        stop("this ONNX Runtime has no CUDA", "python3 -m pip install onnxruntime-gpu, on a machine with a GPU")
    directory = Path(args.directory)
    frames, answers = arrays(numpy, directory)
    threads = args.threads or machine(args.device)["threads"]
    found = []
    for form, file in FORMS:
        for about, resident in variants("ONNX Runtime", f"onnxruntime {onnxruntime.__version__}", form, args.device, threads):
            network = None
            if not (directory / file).is_file():
                about["unavailable"] = f"there is no {file}"
            else:
                try:
                    network = Network(onnxruntime, numpy, directory / file, frames, args.device, threads, resident)
                    agreement = network.agreement(answers) if form == "quantized" else None
                    about["notes"] = [agreement] if agreement else []
                except Exception as error:
                    about["unavailable"] = reason(error)
            found.append((about, network))
    return found


def measured_model(directory):
    """The model's name, as `nn2hdl bench` knows it."""
    file = directory / "bench.json"
    help = "`nn2hdl bench MODEL -o DIR` writes it"
    try:
        record = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        stop(f"{file}: {reason(error)}", help)
    name = record.get("model") if isinstance(record, dict) else None
    if not isinstance(name, str):
        stop(f"{file} names no model", help)
    return name


def serve(args, engines):
    found = engines(args)
    say = lambda value: print(json.dumps(value), flush=True)
    say({"schema": "nn2hdl.bench-peer/1", "engines": [about for about, _ in found]})
    for line in sys.stdin:
        try:
            asked = json.loads(line)
            network = found[asked["engine"]][1]
            images, seconds, durations = network.burst(asked["size"], asked["seconds"], asked["warm"])
            say({"images": images, "seconds": seconds, "durations": durations})
        except Exception as error:
            say({"error": reason(error)})


def latency(durations):
    durations = sorted(durations)
    if not durations:
        return None
    rank = lambda part: durations[max(math.ceil(part * len(durations)), 1) - 1] * 1e6
    p99 = rank(0.99) if len(durations) >= 100 else None
    return {"median_us": rank(0.5), "p99_us": p99, "count": len(durations)}


def measure(found, sizes, seconds):
    """Fills in points and latencies; engines take turns."""
    rates = [[[] for _ in sizes] for _ in found]
    spent = [[0.0] * len(sizes) for _ in found]
    skipped = [[None] * len(sizes) for _ in found]
    durations = [[] for _ in found]
    single = []
    for number, (about, network) in enumerate(found):
        try:
            single.append(network.burst(1, 0, True)[1] if network else None)
        except Exception as error:
            about["unavailable"] = reason(error)
            found[number] = (about, None)
            single.append(None)
    for turn in range(ROUNDS):
        for at, size in enumerate(sizes):
            print(f"round {turn + 1} of {ROUNDS}, buffers of {size}", file=sys.stderr)
            for n, (about, network) in enumerate(found):
                if network is None or skipped[n][at] or spent[n][at] >= seconds:
                    continue
                known = next((r for r in reversed(rates[n][: at + 1]) if r), None)
                expected = size / statistics.median(known) if known else size * single[n]
                if size > 1 and expected > PATIENCE * seconds and not rates[n][at]:
                    skipped[n][at] = f"a buffer would take about {expected:.1f} s, more than {PATIENCE:g} × {seconds:g} s"
                    continue
                try:
                    share = seconds / ROUNDS
                    images, took, each = network.burst(size, share, expected < share / 2)
                except Exception as error:
                    skipped[n][at] = reason(error)
                    continue
                rates[n][at].append(images / took)
                spent[n][at] += took
                durations[n].extend(each)
    results = []
    for n, (about, network) in enumerate(found):
        points = [
            {
                "size": size,
                "images_per_second": statistics.median(rates[n][at]) if rates[n][at] else None,
                "rounds": rates[n][at],
                "skipped": skipped[n][at],
            }
            for at, size in enumerate(sizes)
        ]
        results.append({**about, "timing": "measured", "latency": latency(durations[n]), "points": points if network else []})
    return results


def sizes(text):
    values = sorted({int(part) for part in text.split(",")})
    if not values or values[0] < 1 or values[-1] > 2**20:
        raise argparse.ArgumentTypeError("sizes are from 1 to 1048576, such as 1,16,256")
    return values


def positive(kind):
    def parse(text):
        value = kind(text)
        if not 0 < value <= 3600:
            raise argparse.ArgumentTypeError(f"{text} is not from above 0 to 3600")
        return value

    return parse


def main(engines=engines, description=__doc__):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", metavar="DIR", help="what `nn2hdl bench MODEL -o DIR` wrote: see above")
    parser.add_argument("-o", "--output", metavar="FILE.json", help="the result; without it, it is printed")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where the networks run [default: cpu]")
    parser.add_argument("--threads", metavar="N", type=positive(int), help="threads on the CPU [default: all]")
    parser.add_argument("--sizes", metavar="N,…", type=sizes, default=SIZES, help="images in a buffer [default: 1,2,4 … 2048]")
    parser.add_argument("--seconds", metavar="S", type=positive(float), default=0.8, help="for each network and size")
    parser.add_argument("--serve", action="store_true", help="answer requests of `nn2hdl bench --peer`")
    args = parser.parse_args()
    if args.serve:
        serve(args, engines)
        return
    begun, here, program = int(time.time()), machine(args.device), Path(sys.argv[0]).name
    found = engines(args)
    model = measured_model(Path(args.directory))
    record = {
        "schema": "nn2hdl.bench/1",
        "generator": program,
        "model": model,
        "command": shlex.join([program, *sys.argv[1:]]),
        "unix_seconds": begun,
        "machine": here,
        "data": "frames.npz",
        "seconds_per_point": args.seconds,
        "rounds": ROUNDS,
        "engines": measure(found, args.sizes, args.seconds),
    }
    text = json.dumps(record, indent=2) + "\n"
    if args.output:
        partial = Path(f"{args.output}.partial")
        partial.write_text(text)
        partial.replace(args.output)
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
