//! A network on the bit-exact emulator as a scorer of hits.

use std::sync::{Mutex, PoisonError};

use nn2hdl_compiler::front;
use nn2hdl_compiler::graph::{Graph, TensorId};
use nn2hdl_muon::Image;
use nn2hdl_muon::geometry::{LAYERS, PARTITIONS, STRIPS, VOXELS};
use nn2hdl_muon::metrics::{ScoreError, Scorer};
use nn2hdl_runtime::codec::Affine;
use nn2hdl_runtime::{Decoder, Emulator, Program};
use serde::Serialize;

use crate::args::DesignArgs;
use crate::failure::Failure;
use crate::{model, settings};

/// Images that the emulator has at a time: 128 are 57 MB of codes.
const CHUNK: usize = 128;
/// A compiled network.
pub struct Network {
    name: String,
    emulator: Emulator,
    /// Strips of a column of its images: 1 or 2.
    strips: usize,
    /// Input codes of voxels without and with a hit.
    codes: [Vec<u8>; 2],
    score: usize,
    mask: Option<usize>,
    marks: Mutex<Marks>,
}

/// How the output `mask` goes with the output `score`, over all images so far.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Marks {
    /// Hits seen.
    pub hits: u64,
    /// Least score of a marked hit.
    pub least_marked: Option<f64>,
    /// Greatest score of a hit that is not marked.
    pub greatest_unmarked: Option<f64>,
    /// Marked voxels without a hit.
    pub marked_without_hit: u64,
}

impl Marks {
    /// Whether the mask is the score compared with one threshold, and empty where no hit is.
    pub fn agree(&self) -> bool {
        let ordered = self.least_marked.zip(self.greatest_unmarked).is_none_or(|(least, most)| most < least);
        ordered && self.marked_without_hit == 0
    }

    fn add(&mut self, columns: &[usize], mask: &[i32], value: impl Fn(usize) -> f64) {
        self.marked_without_hit += mask.iter().filter(|&&marked| marked != 0).count() as u64;
        for &column in columns {
            let score = value(column);
            self.hits += 1;
            if mask[column] != 0 {
                self.marked_without_hit -= 1;
                self.least_marked = Some(self.least_marked.map_or(score, |least| least.min(score)));
            } else {
                self.greatest_unmarked = Some(self.greatest_unmarked.map_or(score, |most| most.max(score)));
            }
        }
    }
}

impl Network {
    /// Compiles a zoo model or an ONNX file of a chamber network.
    pub fn load(origin: &str) -> Result<Self, Failure> {
        let model = model::load(Some(origin))?;
        let settings = settings::resolve(&DesignArgs::default(), &model)?;
        let failed = |problems| Failure::from(problems).about(origin);
        let mut graph = front::import(&model.bytes).map_err(failed)?;
        reveal(&mut graph);
        let program = front::compile(&graph, &settings.options).map_err(failed)?.program;
        Self::new(model.name, &program).map_err(|failure| failure.about(origin))
    }

    fn new(name: String, program: &Program) -> Result<Self, Failure> {
        let wrong = |node: &str, message: String| {
            let help = format!(
                "a network for the chamber has one input of {LAYERS} × {PARTITIONS} × {STRIPS} bits, or half as many for pairs of strips, and an output `score` of the same \
                 shape, or `logits`; an output `mask` may stand beside it"
            );
            Failure::new("interface", node, message, help)
        };
        let [input] = program.inputs.as_slice() else {
            return Err(wrong("", format!("the network has {} inputs", program.inputs.len())));
        };
        let found = &program.input_value(0).shape;
        let pairs = found == &[LAYERS, PARTITIONS, STRIPS / 2];
        let shape = [LAYERS, PARTITIONS, if pairs { STRIPS / 2 } else { STRIPS }];
        if found != &shape {
            return Err(wrong(&input.name, format!("the input has shape {found:?}")));
        }
        let output = |name: &str| program.outputs.iter().position(|output| output.name == name);
        let Some(score) = output("score").or_else(|| output("logits")) else {
            let names: Vec<&str> = program.outputs.iter().map(|output| output.name.as_str()).collect();
            return Err(wrong("", format!("the network has the outputs {}", names.join(", "))));
        };
        let mask = output("mask");
        for output in [Some(score), mask].into_iter().flatten() {
            let (name, value) = (&program.outputs[output].name, program.output_value(output));
            if value.shape != shape {
                return Err(wrong(name, format!("the output has shape {:?}", value.shape)));
            }
        }
        let code = |value: f64| {
            let size = shape.iter().product();
            let codes = input.encoder.encode(&vec![value; size], size);
            let codes = codes.map_err(|error| wrong(&input.name, error.to_string()))?;
            let bits: Result<Vec<u8>, _> = codes.into_iter().map(u8::try_from).collect();
            bits.map_err(|_| wrong(&input.name, format!("the input's codes of {value} are not 0 to 255")))
        };
        let codes = [code(0.0)?, code(1.0)?];
        let emulator = Emulator::new(program).map_err(|error| wrong("", error.to_string()))?;
        let strips = if pairs { 2 } else { 1 };
        Ok(Self { name, emulator, strips, codes, score, mask, marks: Mutex::default() })
    }

    /// How mask and score went together so far; none without an output `mask`.
    pub fn marks(&self) -> Option<Marks> {
        self.mask.map(|_| *self.marks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn chunk(&self, images: &[Image]) -> Result<Vec<Vec<f32>>, ScoreError> {
        let mut input = self.codes[0].repeat(images.len());
        let size = VOXELS / self.strips;
        for (image, codes) in images.iter().zip(input.chunks_exact_mut(size)) {
            image.voxels().map(|voxel| voxel / self.strips).for_each(|at| codes[at] = self.codes[1][at]);
        }
        let failed = |problem: String| ScoreError { scorer: self.name.clone(), problem };
        let mut outputs = vec![vec![0i32; images.len() * size]; self.emulator.program().outputs.len()];
        let room = outputs.iter_mut().map(|codes| codes.as_mut_slice().into()).collect();
        let run = self.emulator.run_into(&[input.as_slice().into()], room, images.len());
        run.map_err(|error| failed(error.to_string()))?;
        // Channels may differ in scale: scores are values, not codes. Only those of hits matter.
        let Decoder { channels, inner } = &self.emulator.program().outputs[self.score].decoder;
        let mut scores = Vec::with_capacity(images.len());
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        for (n, image) in images.iter().enumerate() {
            let codes = &outputs[self.score][n * size..(n + 1) * size];
            let value = |column: usize| {
                let Affine { scale, offset } = channels[column / inner % channels.len()];
                f64::from(codes[column]).mul_add(scale, offset)
            };
            if let Some(mask) = self.mask {
                let mut columns: Vec<usize> = image.voxels().map(|voxel| voxel / self.strips).collect();
                columns.dedup();
                marks.add(&columns, &outputs[mask][n * size..(n + 1) * size], value);
            }
            let exact = |voxel: usize| {
                let score = value(voxel / self.strips) as f32;
                (f64::from(score) == value(voxel / self.strips)).then_some(score)
            };
            let of_hits: Option<Vec<f32>> = image.voxels().map(exact).collect();
            let wide = || failed("scores have more than the 24 bits that are compared exactly".into());
            scores.push(of_hits.ok_or_else(wide)?);
        }
        Ok(scores)
    }
}

/// Makes the tensor `logits` an output of a network that delivers its mask only.
fn reveal(graph: &mut Graph) {
    let named = |graph: &Graph, id: TensorId, name: &str| graph.tensors[id.index()].name == name;
    let score = |&id: &TensorId| named(graph, id, "score") || named(graph, id, "logits");
    if graph.outputs.iter().any(score) {
        return;
    }
    let logits = (0..graph.tensors.len() as u32).map(TensorId).find(|&id| named(graph, id, "logits"));
    graph.outputs.extend(logits);
}

impl Scorer for Network {
    fn name(&self) -> &str {
        &self.name
    }

    fn score(&self, images: &[Image]) -> Result<Vec<Vec<f32>>, ScoreError> {
        let mut scores = Vec::with_capacity(images.len());
        for chunk in images.chunks(CHUNK) {
            scores.extend(self.chunk(chunk)?);
        }
        Ok(scores)
    }

    fn shipped(&self) -> Option<f32> {
        self.marks().filter(Marks::agree)?.least_marked.map(|score| score as f32)
    }
}
