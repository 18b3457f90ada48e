//! Random networks on images: convolutions of every geometry, pooling, upsampling, skip connections, dense ends.

use std::collections::BTreeSet;

use nn2hdl_runtime::quantize;
use nn2hdl_runtime::{
    Block, Decoder, Encoder, Expr, Format, Index, Input, Kernel, Op, Output, Overflow, Program, Quantizer,
    Read, Reduction, Rounding, Step, ValueId, validate::validate,
};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// What a random network has, by name.
pub type Features = BTreeSet<&'static str>;

/// Everything that a random network may have.
pub const FEATURES: &[&str] = &[
    "kernel",
    "stride",
    "padding",
    "unequal padding",
    "dilation",
    "groups",
    "outside not zero",
    "greatest of a window",
    "sum of a window",
    "upsampling",
    "transposed convolution",
    "skip connection",
    "concatenation",
    "constants by position",
    "dense end",
    "global sum",
    "global maximum",
    "global minimum",
    "cropped end",
    "mirrored end",
    "U",
];

/// A network on images of `extents` (rows and columns, or columns alone): 1 to 5 random layers behind each other, with
/// skip connections wherever shapes allow, and sometimes an end that reduces or mirrors the whole image.
pub fn network(seed: u64, extents: &[usize]) -> (Program, Features) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut net = Net::new(&format!("image_{seed}"), &mut rng, extents);
    let mut value = net.block.params[0];
    for _ in 0..rng.random_range(1..=5) {
        value = match rng.random_range(0..9) {
            0..3 => net.convolution(&mut rng, value),
            3 => net.pool(&mut rng, value),
            4 => net.upsampled(&mut rng, value),
            5 => net.transposed(&mut rng, value),
            6 => net.skip(&mut rng, value),
            7 => net.positional(&mut rng, value),
            _ => net.concat(&mut rng, value),
        };
    }
    value = match rng.random_range(0..10) {
        0..3 => net.reduced(&mut rng, value),
        3 => net.mirrored(&mut rng, value),
        _ => value,
    };
    net.finish(value)
}

/// A U of `depth` levels: convolution and stride 2 on the way down, upsampling, concatenation with what went down and
/// convolution on the way up.
pub fn unet(seed: u64, extents: &[usize], depth: usize) -> (Program, Features) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut net = Net::new(&format!("unet_{seed}"), &mut rng, extents);
    net.features.insert("U");
    let mut value = net.block.params[0];
    let mut down = Vec::new();
    let axes = extents.len();
    for _ in 0..depth {
        value = net.convolve(&mut rng, value, &Geometry::new(axes, 3, 1, 1, 1), 2, 1);
        down.push(value);
        value = net.convolve(&mut rng, value, &Geometry::new(axes, 2, 2, 0, 1), 3, 1);
    }
    value = net.convolve(&mut rng, value, &Geometry::new(axes, 3, 1, 1, 1), 3, 1);
    for other in down.into_iter().rev() {
        value = if rng.random_bool(0.5) {
            net.upsample(&mut rng, value, 2)
        } else {
            net.transpose(&mut rng, value, 2, 1, 0)
        };
        value = net.join(&mut rng, other, value);
        value = net.convolve(&mut rng, value, &Geometry::new(axes, 3, 1, 1, 1), 2, 1);
    }
    net.finish(value)
}

/// Kernel extents, strides, padding before and after, dilation, by image axis.
struct Geometry {
    kernel: Vec<usize>,
    stride: Vec<usize>,
    pad: Vec<(usize, usize)>,
    dilation: Vec<usize>,
}

impl Geometry {
    fn new(axes: usize, kernel: usize, stride: usize, pad: usize, dilation: usize) -> Self {
        Self {
            kernel: vec![kernel; axes],
            stride: vec![stride; axes],
            pad: vec![(pad, pad); axes],
            dilation: vec![dilation; axes],
        }
    }

    /// One that leaves at least a position of an image of `extents`.
    fn random(rng: &mut SmallRng, extents: &[usize]) -> Self {
        let mut this = Self { kernel: Vec::new(), stride: Vec::new(), pad: Vec::new(), dilation: Vec::new() };
        for &extent in extents {
            let kernel = rng.random_range(1..=3.min(extent));
            let dilation = if (kernel - 1) * 2 < extent { rng.random_range(1..=2) } else { 1 };
            let reach = (kernel - 1) * dilation;
            this.kernel.push(kernel);
            this.dilation.push(dilation);
            this.stride.push(*[1, 1, 2, 3].choose(rng).expect("strides"));
            this.pad.push((rng.random_range(0..=reach), rng.random_range(0..=reach)));
        }
        this
    }

    fn outputs(&self, extents: &[usize]) -> Vec<usize> {
        (0..extents.len())
            .map(|n| {
                let padded = extents[n] + self.pad[n].0 + self.pad[n].1;
                (padded - (self.kernel[n] - 1) * self.dilation[n] - 1) / self.stride[n] + 1
            })
            .collect()
    }

    fn features(&self) -> impl Iterator<Item = &'static str> {
        let has = [
            (self.kernel.iter().any(|&extent| extent > 1), "kernel"),
            (self.stride.iter().any(|&stride| stride > 1), "stride"),
            (self.pad.iter().any(|&pad| pad != (0, 0)), "padding"),
            (self.pad.iter().any(|&(before, after)| before != after), "unequal padding"),
            (self.kernel.iter().zip(&self.dilation).any(|(&taps, &apart)| taps > 1 && apart > 1), "dilation"),
        ];
        has.into_iter().filter(|(has, _)| *has).map(|(_, name)| name)
    }

    /// The coordinate along image axis `n` for the reduction's axis `r`.
    fn index(&self, n: usize, r: usize) -> Index {
        Index::p(n + 1) * self.stride[n] as i64
            + Index::r(r) * self.dilation[n] as i64
            + -(self.pad[n].0 as i64)
    }
}

struct Net {
    program: Program,
    block: Block,
    layers: usize,
    features: Features,
}

impl Net {
    fn new(name: &str, rng: &mut SmallRng, extents: &[usize]) -> Self {
        let mut program = Program::new(name);
        let mut block = Block::new("main");
        let format = format(rng);
        let shape = [&[rng.random_range(1..=2)], extents].concat();
        let value = block.add_value("x", shape, format);
        block.params.push(value);
        program.inputs.push(Input { name: "x".into(), encoder: Encoder::Fixed(Quantizer::from(format)) });
        Self { program, block, layers: 0, features: Features::new() }
    }

    fn finish(mut self, value: ValueId) -> (Program, Features) {
        self.block.results.push(value);
        self.program.outputs.push(Output { name: "y".into(), decoder: Decoder::fixed(0) });
        self.program.blocks.push(self.block);
        validate(&self.program).expect("a network is valid");
        (self.program, self.features)
    }

    fn shape(&self, value: ValueId) -> &[usize] {
        &self.block.value(value).shape
    }

    fn name(&mut self, kind: &str) -> String {
        self.layers += 1;
        format!("{kind}{}", self.layers)
    }

    /// Adds a kernel that writes small codes.
    fn add(
        &mut self,
        rng: &mut SmallRng,
        kind: &str,
        shape: Vec<usize>,
        reads: Vec<Read>,
        extent: Vec<usize>,
        body: Expr,
    ) -> ValueId {
        let name = self.name(kind);
        let to = format(rng);
        let mut finish = Expr::acc();
        let acc = finish.result();
        let quantizer = Quantizer { format: to, rounding: Rounding::RndConv, overflow: Overflow::Sat };
        quantize::quantize(&mut finish, acc, rng.random_range(0..=3), quantizer);
        let out = self.block.add_value(format!("{name}.out"), shape, to);
        let reduction = Reduction::Sum;
        self.block.steps.push(Step::Kernel(Kernel {
            name,
            out,
            reads,
            extent,
            reduction,
            scatter: None,
            body,
            finish,
        }));
        out
    }

    fn weights(&mut self, rng: &mut SmallRng, count: usize) -> nn2hdl_runtime::TableId {
        let weights = (0..count).map(|_| if rng.random_bool(0.3) { 0 } else { rng.random_range(-5..=5) });
        let weights = weights.collect();
        self.program.add_table(format!("weight{}", self.layers), weights)
    }

    fn convolution(&mut self, rng: &mut SmallRng, x: ValueId) -> ValueId {
        let geometry = Geometry::random(rng, &self.shape(x)[1..]);
        let channels = self.shape(x)[0];
        let groups = if rng.random_bool(0.3) { channels } else { 1 };
        let outputs = groups * rng.random_range(1..=2);
        self.convolve(rng, x, &geometry, outputs, groups)
    }

    fn convolve(
        &mut self,
        rng: &mut SmallRng,
        x: ValueId,
        geometry: &Geometry,
        channels: usize,
        groups: usize,
    ) -> ValueId {
        let shape = self.shape(x).to_vec();
        let inputs = shape[0] / groups;
        let axes = shape.len() - 1;
        let extent = [&[inputs], geometry.kernel.as_slice()].concat();
        let table = self.weights(rng, channels * extent.iter().product::<usize>());
        let at: Vec<Index> = std::iter::once(Index::p(0)).chain((0..=axes).map(Index::r)).collect();
        let at = Index::flatten(&at, &[&[channels], extent.as_slice()].concat());
        let mut body = Expr::default();
        let read = body.push(Op::Read(0));
        let weight = body.push(Op::Param { table, index: at });
        body.push(Op::Mul(read, weight));
        let group = Index::p(0).div((channels / groups) as i64) * inputs as i64 + Index::r(0);
        let index = std::iter::once(group).chain((0..axes).map(|n| geometry.index(n, n + 1)));
        let mut read = Read::affine(x, index);
        read.outside = self.outside(rng, x);
        self.features.extend(geometry.features());
        self.features.extend((groups > 1).then_some("groups"));
        let beyond = geometry.pad.iter().any(|&pad| pad != (0, 0)) && read.outside != 0;
        self.features.extend(beyond.then_some("outside not zero"));
        let out = [&[channels], geometry.outputs(&shape[1..]).as_slice()].concat();
        self.add(rng, "conv", out, vec![read], extent, body)
    }

    /// What lies outside the image need not be zero.
    fn outside(&self, rng: &mut SmallRng, x: ValueId) -> i64 {
        let range = self.block.value(x).format.interval();
        rng.random_range(-1..=1).clamp(range.lo as i64, range.hi as i64)
    }

    fn pool(&mut self, rng: &mut SmallRng, x: ValueId) -> ValueId {
        let geometry = Geometry::random(rng, &self.shape(x)[1..]);
        let shape = self.shape(x).to_vec();
        let axes = shape.len() - 1;
        let index = std::iter::once(Index::p(0)).chain((0..axes).map(|n| geometry.index(n, n)));
        let mut read = Read::affine(x, index);
        let most = rng.random_bool(0.5);
        if most {
            read.outside = self.block.value(x).format.interval().lo as i64;
        }
        self.features.extend(geometry.features());
        self.features.insert(if most { "greatest of a window" } else { "sum of a window" });
        let out = [&[shape[0]], geometry.outputs(&shape[1..]).as_slice()].concat();
        let value = self.add(rng, "pool", out, vec![read], geometry.kernel, Expr::read());
        if most && let Some(Step::Kernel(kernel)) = self.block.steps.last_mut() {
            kernel.reduction = Reduction::Max;
        }
        value
    }

    fn upsampled(&mut self, rng: &mut SmallRng, x: ValueId) -> ValueId {
        let factor = rng.random_range(2..=3);
        self.upsample(rng, x, factor)
    }

    fn upsample(&mut self, rng: &mut SmallRng, x: ValueId, factor: usize) -> ValueId {
        self.features.insert("upsampling");
        let shape = self.shape(x).to_vec();
        let index = (0..shape.len())
            .map(|axis| if axis == 0 { Index::p(0) } else { Index::p(axis).div(factor as i64) });
        let read = Read::affine(x, index);
        let out = shape.iter().enumerate().map(|(axis, n)| if axis == 0 { *n } else { n * factor });
        self.add(rng, "up", out.collect(), vec![read], Vec::new(), Expr::read())
    }

    fn transposed(&mut self, rng: &mut SmallRng, x: ValueId) -> ValueId {
        let (stride, taps) = (rng.random_range(2..=3), rng.random_range(1..=2));
        let pad = rng.random_range(0..stride);
        self.transpose(rng, x, stride, taps, pad)
    }

    /// Each of the `stride` phases along an axis sums its own `taps`.
    fn transpose(
        &mut self,
        rng: &mut SmallRng,
        x: ValueId,
        stride: usize,
        taps: usize,
        pad: usize,
    ) -> ValueId {
        self.features.insert("transposed convolution");
        let shape = self.shape(x).to_vec();
        let axes = shape.len() - 1;
        let channels = rng.random_range(1..=2);
        let kernel = stride * taps;
        let extent = [&[shape[0]], vec![taps; axes].as_slice()].concat();
        let table = self.weights(rng, channels * shape[0] * kernel.pow(axes as u32));
        let moved = |n: usize| Index::p(n + 1) + pad as i64;
        let tap = |n: usize| moved(n).modulo(stride as i64) + Index::r(n + 1) * stride as i64;
        let at: Vec<Index> = [Index::p(0), Index::r(0)].into_iter().chain((0..axes).map(tap)).collect();
        let at = Index::flatten(&at, &[&[channels, shape[0]], vec![kernel; axes].as_slice()].concat());
        let mut body = Expr::default();
        let read = body.push(Op::Read(0));
        let weight = body.push(Op::Param { table, index: at });
        body.push(Op::Mul(read, weight));
        let index = std::iter::once(Index::r(0))
            .chain((0..axes).map(|n| moved(n).div(stride as i64) + Index::r(n + 1) * -1));
        let read = Read::affine(x, index);
        let out =
            shape.iter().enumerate().map(|(n, &extent)| if n == 0 { channels } else { extent * stride });
        self.add(rng, "transposed", out.collect(), vec![read], extent, body)
    }

    /// The sum with an earlier value of the same shape; if there is none, `x` plus a convolution of it.
    fn skip(&mut self, rng: &mut SmallRng, x: ValueId) -> ValueId {
        let mut other = self.alike(rng, x, 0);
        if other == x {
            let geometry = Geometry::new(self.shape(x).len() - 1, 3, 1, 1, 1);
            other = self.convolve(rng, x, &geometry, self.shape(x)[0], 1);
        }
        self.features.insert("skip connection");
        let rank = self.shape(x).len();
        let reads = vec![Read::same(x, rank), Read::same(other, rank)];
        let shape = self.shape(x).to_vec();
        self.add(rng, "skip", shape, reads, Vec::new(), both())
    }

    fn concat(&mut self, rng: &mut SmallRng, x: ValueId) -> ValueId {
        let other = self.alike(rng, x, 1);
        self.features.extend((other != x).then_some("concatenation"));
        self.join(rng, other, x)
    }

    /// Channels of `a`, then of `b`.
    fn join(&mut self, rng: &mut SmallRng, a: ValueId, b: ValueId) -> ValueId {
        let (channels, rank) = (self.shape(a)[0], self.shape(a).len());
        let later = (0..rank).map(|axis| Index::p(axis) + if axis == 0 { -(channels as i64) } else { 0 });
        let reads = vec![Read::same(a, rank), Read::affine(b, later)];
        let mut shape = self.shape(a).to_vec();
        shape[0] += self.shape(b)[0];
        self.add(rng, "concat", shape, reads, Vec::new(), both())
    }

    /// A value whose axes from `from` on have the extents of those of `x`; `x` itself if there is no other.
    fn alike(&self, rng: &mut SmallRng, x: ValueId, from: usize) -> ValueId {
        let wanted = &self.shape(x)[from..];
        let others: Vec<ValueId> =
            self.block.value_ids().filter(|&id| id != x && self.shape(id)[from..] == *wanted).collect();
        others.choose(rng).copied().unwrap_or(x)
    }

    /// `x` plus or times a constant of each position's own.
    fn positional(&mut self, rng: &mut SmallRng, x: ValueId) -> ValueId {
        self.features.insert("constants by position");
        let shape = self.shape(x).to_vec();
        let places = &shape[1..];
        let table = self.weights(rng, places.iter().product());
        let at: Vec<Index> = (1..shape.len()).map(Index::p).collect();
        let mut body = Expr::default();
        let read = body.push(Op::Read(0));
        let constant = body.push(Op::Param { table, index: Index::flatten(&at, places) });
        body.push(if rng.random_bool(0.5) { Op::Add(read, constant) } else { Op::Mul(read, constant) });
        let read = Read::same(x, shape.len());
        self.add(rng, "positional", shape, vec![read], Vec::new(), body)
    }

    /// The image with its columns in the opposite order, which has to be there as a whole before.
    fn mirrored(&mut self, rng: &mut SmallRng, x: ValueId) -> ValueId {
        let shape = self.shape(x).to_vec();
        let last = shape.len() - 1;
        let index = (0..=last).map(|axis| match axis == last {
            true => Index::p(axis) * -1 + (shape[axis] as i64 - 1),
            false => Index::p(axis),
        });
        let read = Read::affine(x, index);
        self.features.insert("mirrored end");
        self.add(rng, "mirrored", shape, vec![read], Vec::new(), Expr::read())
    }

    /// A dense layer on the flattened image, or a reduction of each channel.
    fn reduced(&mut self, rng: &mut SmallRng, x: ValueId) -> ValueId {
        let shape = self.shape(x).to_vec();
        if rng.random_bool(0.5) {
            self.features.insert("dense end");
            let size: usize = shape.iter().product();
            let table = self.weights(rng, 3 * size);
            let mut body = Expr::default();
            let read = body.push(Op::Read(0));
            let at = Index::r(0) * 3 + Index::p(0);
            let weight = body.push(Op::Param { table, index: at });
            body.push(Op::Mul(read, weight));
            let read = Read::affine(x, Index::unflatten(&Index::r(0), &shape));
            return self.add(rng, "dense", vec![3], vec![read], vec![size], body);
        }
        // Sometimes a part of the image is left out.
        let cut = usize::from(rng.random_bool(0.5));
        let (mut extent, mut index) = (Vec::new(), vec![Index::p(0)]);
        for (axis, &n) in shape[1..].iter().enumerate() {
            let first = rng.random_range(0..=cut.min(n - 1));
            let rest = n - first;
            extent.push(rng.random_range(rest - cut.min(rest - 1)..=rest));
            index.push(Index::r(axis) + first as i64);
        }
        self.features.extend((extent != shape[1..]).then_some("cropped end"));
        let read = Read::affine(x, index);
        let value = self.add(rng, "global", vec![shape[0]], vec![read], extent, Expr::read());
        if let Some(Step::Kernel(kernel)) = self.block.steps.last_mut() {
            let (reduction, name) = *[
                (Reduction::Sum, "global sum"),
                (Reduction::Max, "global maximum"),
                (Reduction::Min, "global minimum"),
            ]
            .choose(rng)
            .expect("three");
            kernel.reduction = reduction;
            self.features.insert(name);
        }
        value
    }
}

/// The sum of two reads.
fn both() -> Expr {
    let mut body = Expr::default();
    let (a, b) = (body.push(Op::Read(0)), body.push(Op::Read(1)));
    body.push(Op::Add(a, b));
    body
}

fn format(rng: &mut SmallRng) -> Format {
    Format::new(rng.random_bool(0.5), rng.random_range(2..=4), 0).expect("a small format")
}
