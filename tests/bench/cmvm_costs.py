"""One definition of costs for everybody's adder graphs, which are checked against their matrices first.

A graph has `nodes`, each `[a, a_shift, b, b_shift, subtract]` for a·2^a_shift ± b·2^b_shift or `[a]` for −a, and
`outputs`, each `[value, shift, negated]` or null for zero; value i is input i, value inputs + k is node k."""
import numpy as np


def width(lo, hi):
    return int(hi).bit_length() if lo >= 0 else 1 + max(int(hi).bit_length(), int(~lo).bit_length())


def costs(graph, matrix, lo, hi):
    """Adders, adder bits and depth. Adder bits: for each adder the width of its result over the inputs' range, less
    the low bits that pass through from an operand that is not subtracted, less 1; nothing for a concatenation."""
    inputs, outputs = matrix.shape
    rows = list(np.eye(inputs, dtype=np.int64))
    ranges, depth = [(lo, hi)] * inputs, [0] * inputs
    adders = bits = 0

    def push(row, level):
        up, down = int(row[row > 0].sum()), int(row[row < 0].sum())
        rows.append(row)
        ranges.append((up * lo + down * hi, up * hi + down * lo))
        depth.append(level)
        return width(*ranges[-1])

    for node in graph["nodes"]:
        if len(node) == 1:
            adders += 1
            bits += push(-rows[node[0]], depth[node[0]] + 1) - 1
            continue
        a, a_shift, b, b_shift, subtract = node
        row = (rows[a] << a_shift) + (-rows[b] if subtract else rows[b]) * 2 ** b_shift
        below = lambda v, shift: ranges[v][0] >= 0 and width(*ranges[v]) <= shift
        wires = not subtract and (below(a, b_shift) or below(b, a_shift))
        result = push(row, max(depth[a], depth[b]) + (not wires))
        if not wires:
            adders += 1
            bits += max(0, result - 1 - (b_shift if subtract else max(a_shift, b_shift)))
    total, deepest = np.zeros((inputs, outputs), dtype=np.int64), 0
    for column, output in enumerate(graph["outputs"]):
        if output is not None:
            value, shift, negated = output
            total[:, column] = (-rows[value] if negated else rows[value]) << shift
            deepest = max(deepest, depth[value])
    if not np.array_equal(total, matrix):
        raise SystemExit("compare_cmvm: an adder graph is not its matrix")
    return adders, bits, deepest
