//! The model zoo: small networks of our own, embedded, each with sample frames and their exact answers.
//!
//! The networks, the scripts that make them and their model cards lie beside this crate's sources.

/// One network with its sample.
#[derive(Debug, Clone, Copy)]
pub struct ZooModel {
    /// The name by which the command line knows it.
    pub name: &'static str,
    /// One line about it.
    pub summary: &'static str,
    /// The network as a QONNX file.
    pub onnx: &'static [u8],
    /// The same network as a description in TOML with its weights (`.safetensors`), where there is one; the command line
    /// then compiles this form.
    pub description: Option<(&'static str, &'static [u8])>,
    /// Options that `nn2hdl compile` needs for it, none if the network states all formats itself.
    pub options: &'static [&'static str],
    /// A `.npz` file with the arrays below; axis 0 is the frame.
    pub sample: &'static [u8],
    /// The network's inputs, each with the name of its array in the sample.
    pub inputs: &'static [(&'static str, &'static str)],
    /// The recipe by which `nn2hdl train` makes it, where there is one.
    pub recipe: Option<&'static str>,
    /// The parameters of the recipe's float stage, as `nn2hdl train` wrote them.
    pub float: Option<&'static [u8]>,
    /// Whether it is small enough for the tests to compile it unrolled, II = 1.
    pub unrolled: bool,
    /// The network's outputs, each with the name of the array of exact answers (float64) in the sample.
    pub outputs: &'static [(&'static str, &'static str)],
}

static ZOO: [ZooModel; 7] = [
    ZooModel {
        name: "muon-window",
        summary: "finds a muon and its bend in 6 layers x 16 strips: MLP 96-24-16-4, 4-bit weights, half pruned",
        onnx: include_bytes!("../muon_window/muon_window.onnx"),
        description: Some((
            include_str!("../muon_window/network.toml"),
            include_bytes!("../muon_window/weights.safetensors"),
        )),
        options: &[],
        sample: include_bytes!("../muon_window/sample.npz"),
        inputs: &[("window", "input")],
        outputs: &[("logits", "output")],
        recipe: None,
        float: None,
        unrolled: true,
    },
    ZooModel {
        name: "muon-segment",
        summary: "marks a muon's voxels in a chamber of 6 layers x 8 partitions x 384 strips: three convolutions, accurate",
        onnx: include_bytes!("../muon_segment/muon_segment.onnx"),
        description: None,
        options: &[],
        sample: include_bytes!("../muon_segment/sample.npz"),
        inputs: &[("image", "image")],
        outputs: &[("mask", "mask")],
        recipe: Some(include_str!("../muon_segment/recipe.toml")),
        float: Some(include_bytes!("../muon_segment/float.safetensors")),
        unrolled: false,
    },
    ZooModel {
        name: "muon-segment-bx",
        summary: "the same task, small enough for one image every bunch crossing: three convolutions, 1- and 2-bit activations",
        onnx: include_bytes!("../muon_segment_bx/muon_segment_bx.onnx"),
        description: None,
        options: &[],
        sample: include_bytes!("../muon_segment_bx/sample.npz"),
        inputs: &[("image", "image")],
        outputs: &[("mask", "mask")],
        recipe: Some(include_str!("../muon_segment_bx/recipe.toml")),
        float: Some(include_bytes!("../muon_segment_bx/float.safetensors")),
        unrolled: false,
    },
    ZooModel {
        name: "muon-segment-pairs",
        summary: "the same task on pairs of strips, 6 layers x 8 partitions x 192, for one image every bunch crossing",
        onnx: include_bytes!("../muon_segment_pairs/muon_segment_pairs.onnx"),
        description: None,
        options: &[],
        sample: include_bytes!("../muon_segment_pairs/sample.npz"),
        inputs: &[("image", "image")],
        outputs: &[("mask", "mask")],
        recipe: Some(include_str!("../muon_segment_pairs/recipe.toml")),
        float: Some(include_bytes!("../muon_segment_pairs/float.safetensors")),
        unrolled: false,
    },
    ZooModel {
        name: "muon-head",
        summary: "the four best segments of a mask of 6 layers x 8 partitions x 384 strips, for use behind the networks above",
        onnx: include_bytes!("../muon_head/muon_head.onnx"),
        description: None,
        options: &[],
        sample: include_bytes!("../muon_head/sample.npz"),
        inputs: &[("mask", "mask")],
        outputs: &[
            ("quality", "quality"),
            ("layers", "layers"),
            ("partition", "partition"),
            ("strip", "strip"),
        ],
        recipe: None,
        float: None,
        unrolled: false,
    },
    ZooModel {
        name: "tracer-conv",
        summary: "random weights: one padded 1-D convolution with a rounding, saturating activation",
        onnx: include_bytes!("../tracers/tracer_conv.onnx"),
        description: None,
        options: &[],
        sample: include_bytes!("../tracers/tracer_conv.npz"),
        inputs: &[("x", "x")],
        outputs: &[("y", "y")],
        recipe: None,
        float: None,
        unrolled: true,
    },
    ZooModel {
        name: "tracer-graph",
        summary: "random weights: two calls of one message-passing block on 4 nodes and 6 run-time edges",
        onnx: include_bytes!("../tracers/tracer_graph.onnx"),
        description: None,
        options: &[],
        sample: include_bytes!("../tracers/tracer_graph.npz"),
        inputs: &[("x", "x"), ("edge_attr", "edge_attr"), ("edge_index", "edge_index")],
        outputs: &[("y", "y")],
        recipe: None,
        float: None,
        unrolled: true,
    },
];

/// Every network of the zoo.
pub fn zoo() -> &'static [ZooModel] {
    &ZOO
}

/// The network of this name.
pub fn find(name: &str) -> Option<&'static ZooModel> {
    ZOO.iter().find(|model| model.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_there_and_names_are_unique() {
        for model in zoo() {
            assert!(!model.onnx.is_empty() && model.sample.starts_with(b"PK"), "{}", model.name);
            assert!(!model.inputs.is_empty() && !model.outputs.is_empty());
            assert!(
                find(model.name).is_some_and(|found| std::ptr::eq(found, model)),
                "{} is not unique",
                model.name
            );
        }
        assert!(find("no such model").is_none());
    }
}
