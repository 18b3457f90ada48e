"""Writes the sample of a chamber network: images, muon voxels, and the masks by onnx's reference evaluator in float64.

    nn2hdl data muon --events 24 --seed 424242 --background 5 -o events.npz
    python chamber_sample.py events.npz NETWORK.onnx sample.npz     # needs numpy and onnx

A network of 192 columns gets pairs of strips.
"""

import sys

import numpy as np
import onnx

import check


def main():
    events, network, sample = sys.argv[1:]
    arrays = np.load(events)
    run = check.load(network)
    images, truth = arrays["x"], arrays["truth"]
    columns = onnx.load(network).graph.input[0].type.tensor_type.shape.dim[3].dim_value
    if images.shape[-1] == 2 * columns:
        images, truth = (np.maximum(array[..., ::2], array[..., 1::2]) for array in (images, truth))
    masks = np.concatenate([run.run(None, {"image": image[None].astype(np.float64)})[0] for image in images])
    np.savez_compressed(
        sample, image=images, truth=truth, mask=masks.astype(np.uint8)
    )
    print(f"{sample}: {len(images)} images, {int(images.sum())} hits, {int(masks.sum())} marked")


if __name__ == "__main__":
    main()
