//! Convolutions of random geometry, plain and transposed, against the dual formula: where an operator gathers, the test
//! scatters, and the other way round.

mod front;

use front::answers;
use nn2hdl_compiler::front::{Options, compile};
use nn2hdl_compiler::graph::{Graph, Tensor};
use nn2hdl_compiler::ops::{Add, AutoPad, Conv, ConvTranspose, Mul, Windows};
use nn2hdl_runtime::index::points;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const CASES: u64 = 160;
const FRAMES: usize = 3;

/// Along one spatial axis.
#[derive(Clone, Copy, Debug)]
struct Axis {
    extent: usize,
    taps: usize,
    stride: usize,
    dilation: usize,
    pads: (usize, usize),
    extra: usize,
}

#[derive(Debug)]
struct Case {
    transposed: bool,
    auto_pad: AutoPad,
    group: usize,
    inputs_per_group: usize,
    outputs_per_group: usize,
    axes: Vec<Axis>,
    offsets: Vec<f64>,
    factors: Vec<f64>,
    weights: Vec<f64>,
}

fn flat(at: &[usize], shape: &[usize]) -> usize {
    at.iter().zip(shape).fold(0, |flat, (&at, &n)| flat * n + at)
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let transposed = rng.random_bool(0.5);
        let auto_pad = match rng.random_range(0..6) {
            0 if !transposed => AutoPad::SameUpper,
            1 if !transposed => AutoPad::SameLower,
            2 => AutoPad::Valid,
            _ => AutoPad::NotSet,
        };
        let spatial = *[1, 1, 2, 2, 3].get(rng.random_range(0..5)).expect("in range");
        let axes: Vec<Axis> = (0..spatial)
            .map(|_| {
                let (taps, dilation) = (rng.random_range(1..=3), rng.random_range(1..=2));
                let (stride, span) = (rng.random_range(1..=3), (taps - 1) * dilation + 1);
                let extent = rng.random_range(span..=span + 3);
                let room = if auto_pad == AutoPad::NotSet { span } else { 1 };
                let pads = (rng.random_range(0..room), rng.random_range(0..room));
                let extra = if transposed { rng.random_range(0..stride.max(dilation)) } else { 0 };
                Axis { extent, taps, stride, dilation, pads, extra }
            })
            .collect();
        let group = rng.random_range(1..=3);
        let (inputs_per_group, outputs_per_group) = (rng.random_range(1..=2), rng.random_range(1..=2));
        let channels = group * inputs_per_group;
        let kernel: usize = axes.iter().map(|axis| axis.taps).product();
        let count = channels * outputs_per_group * kernel;
        let mut numbers = |n: usize, list: &[f64]| -> Vec<f64> {
            (0..n).map(|_| list[rng.random_range(0..list.len())]).collect()
        };
        let (factors, offsets) = match seed % 4 {
            0 => (vec![1.0], vec![0.0]),
            1 => (vec![1.0], numbers(channels, &[0.25, -0.5, 1.0])),
            2 => (numbers(channels, &[1.0, 0.75, -0.5]), vec![0.0]),
            _ => (numbers(channels, &[1.0, 0.75, -0.5]), numbers(channels, &[0.0, 0.25, 0.0625])),
        };
        let weights = numbers(count, &[-1.0, -0.5, 0.0, 0.0, 0.25, 0.75, 1.0]);
        Self {
            transposed,
            auto_pad,
            group,
            inputs_per_group,
            outputs_per_group,
            axes,
            offsets,
            factors,
            weights,
        }
    }

    fn shape(&self) -> Vec<usize> {
        [1, self.group * self.inputs_per_group]
            .into_iter()
            .chain(self.axes.iter().map(|a| a.extent))
            .collect()
    }

    fn weight_shape(&self) -> Vec<usize> {
        let (inputs, outputs) = (self.inputs_per_group, self.outputs_per_group);
        let first = match self.transposed {
            true => [self.group * inputs, outputs],
            false => [self.group * outputs, inputs],
        };
        first.into_iter().chain(self.axes.iter().map(|axis| axis.taps)).collect()
    }

    fn graph(&self) -> Graph {
        let mut graph = Graph::new("case");
        let list = |f: fn(&Axis) -> usize| self.axes.iter().map(f).collect::<Vec<_>>();
        let mut pads = list(|axis| axis.pads.0);
        pads.extend(list(|axis| axis.pads.1));
        let windows = Windows {
            strides: list(|axis| axis.stride),
            dilations: list(|axis| axis.dilation),
            pads: if self.auto_pad == AutoPad::NotSet { pads } else { Vec::new() },
            auto_pad: self.auto_pad,
            ceil: false,
        };
        let mut x = graph.input("x", &self.shape());
        let per_channel = |list: &[f64]| {
            let shape = std::iter::once(list.len()).chain(self.axes.iter().map(|_| 1)).collect();
            Tensor::new(shape, list.to_vec())
        };
        let factors = graph.constant("factors", per_channel(&self.factors));
        x = graph.add("scaled", Mul, &[x, factors]);
        let offsets = graph.constant("offsets", per_channel(&self.offsets));
        x = graph.add("moved", Add, &[x, offsets]);
        let w = graph.constant("w", Tensor::new(self.weight_shape(), self.weights.clone()));
        let y = if self.transposed {
            let output_padding = list(|axis| axis.extra);
            let operator =
                ConvTranspose { group: self.group, windows, output_padding, output_shape: Vec::new() };
            graph.add("y", operator, &[x, w])
        } else {
            graph.add("y", Conv { group: self.group, windows }, &[x, w])
        };
        graph.output(y);
        graph
    }

    /// Padding before and extent of the output along each axis.
    fn geometry(&self) -> Vec<(usize, usize)> {
        let along = |axis: &Axis| {
            let Axis { extent, taps, stride, dilation, pads, extra } = *axis;
            let span = (taps - 1) * dilation + 1;
            let pads = if self.auto_pad == AutoPad::NotSet { pads } else { (0, 0) };
            if self.transposed {
                return (pads.0, ((extent - 1) * stride + span + extra).saturating_sub(pads.0 + pads.1));
            }
            let out = extent.div_ceil(stride);
            let total = ((out - 1) * stride + span).saturating_sub(extent);
            match self.auto_pad {
                AutoPad::SameUpper => (total / 2, out),
                AutoPad::SameLower => (total.div_ceil(2), out),
                _ => (pads.0, (extent + pads.0 + pads.1 - span) / stride + 1),
            }
        };
        self.axes.iter().map(along).collect()
    }

    /// The output, one product after the other.
    fn naive(&self, x: &[f64]) -> Vec<f64> {
        let geometry = self.geometry();
        let (from, w) = (self.shape(), self.weight_shape());
        let outputs = self.group * self.outputs_per_group;
        let to: Vec<usize> = [1, outputs].into_iter().chain(geometry.iter().map(|axis| axis.1)).collect();
        let mut y = vec![0.0; to.iter().product()];
        let taps: Vec<usize> = self.axes.iter().map(|axis| axis.taps).collect();
        // Of a convolution the input's positions are walked, of a transposed one the output's.
        let walked = if self.transposed { &to[2..] } else { &from[2..] };
        let across = if self.transposed { &from[2..] } else { &to[2..] };
        for here in points(walked) {
            for tap in points(&taps) {
                let other: Option<Vec<usize>> = (0..here.len())
                    .map(|n| {
                        let axis = &self.axes[n];
                        let moved = (here[n] + geometry[n].0).checked_sub(tap[n] * axis.dilation)?;
                        (moved % axis.stride == 0).then_some(moved / axis.stride).filter(|&at| at < across[n])
                    })
                    .collect();
                let Some(other) = other else { continue };
                let (i, o) = if self.transposed { (&other, &here) } else { (&here, &other) };
                for group in 0..self.group {
                    for (a, b) in
                        points(&[self.inputs_per_group, self.outputs_per_group]).map(|c| (c[0], c[1]))
                    {
                        let (input, output) =
                            (group * self.inputs_per_group + a, group * self.outputs_per_group + b);
                        let which = if self.transposed { [input, b] } else { [output, a] };
                        let weight = self.weights[flat(&[&which[..], &tap[..]].concat(), &w)];
                        let place = |list: &[f64]| list[input % list.len()];
                        let value = x[flat(&[&[0, input][..], &i[..]].concat(), &from)];
                        let value = value * place(&self.factors) + place(&self.offsets);
                        y[flat(&[&[0, output][..], &o[..]].concat(), &to)] += value * weight;
                    }
                }
            }
        }
        y
    }
}

#[test]
fn convolutions_of_random_geometry() {
    let (mut plain, mut transposed) = (0, 0);
    for seed in 0..CASES {
        let case = Case::new(seed);
        if case.geometry().iter().any(|axis| axis.1 == 0) {
            continue;
        }
        let options =
            Options { input_format: Some("fixed<5,3>".parse().expect("a format")), ..Options::default() };
        let program = compile(&case.graph(), &options)
            .unwrap_or_else(|problems| panic!("seed {seed}: {problems:#?}\n{case:?}"))
            .program;
        let mut rng = StdRng::seed_from_u64(seed);
        let elements: usize = case.shape().iter().product();
        let x: Vec<f64> =
            (0..FRAMES * elements).map(|_| f64::from(rng.random_range(-16..16)) / 4.0).collect();
        let found = answers(&program, std::slice::from_ref(&x), FRAMES);
        let wanted: Vec<f64> = x.chunks(elements).flat_map(|frame| case.naive(frame)).collect();
        assert_eq!(found[0], wanted, "seed {seed}: {case:?}");
        *if case.transposed { &mut transposed } else { &mut plain } += 1;
    }
    println!("{plain} convolutions and {transposed} transposed ones of random geometry are exact");
    assert!(plain >= 50 && transposed >= 50, "{plain} and {transposed} cases");
}
