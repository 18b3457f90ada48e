//! A kernel becomes modules of engines and their instances.

use nn2hdl_runtime::index::points;
use nn2hdl_runtime::interface::Spread;
use nn2hdl_runtime::{Interval, Kernel};
use rustc_hash::FxHashMap;

use super::{Layout, Signal};
use crate::datapath::Datapath;
use crate::datapath::elaborate::{Engine, Site, Source, Tap, elaborate};
use crate::diagnostic::Diagnostic;
use crate::netlist::plan::{Flow, shape_of};
use crate::netlist::{Bits, Driver, NetId, engine};
use crate::schedule::pipeline;

/// An engine with what drives its inputs, and when that is ready.
pub(super) struct Wired {
    pub(super) datapath: Datapath,
    pub(super) nets: Vec<(NetId, f64)>,
    pub(super) positions: Vec<Vec<usize>>,
}

/// How a kernel is to be carried out.
pub(super) struct Task<'a> {
    pub(super) kernel: &'a Kernel,
    pub(super) flow: &'a Flow,
    /// What is delivered together.
    pub(super) shape: Vec<usize>,
    /// Points of the reduction, if not all of the kernel's.
    pub(super) reduction: Option<Vec<Vec<usize>>>,
}

type Delivered = Option<(NetId, f64, Interval, u32)>;

impl Layout<'_, '_, '_> {
    pub(super) fn kernel(&mut self, kernel: &Kernel, flow: &Flow) -> Result<(), Diagnostic> {
        if *flow == Flow::Accumulate {
            return self.accumulate(kernel);
        }
        let shape = shape_of(&self.block.value(kernel.out).shape, flow.spread());
        let signal = self.together(&Task { kernel, flow, shape, reduction: None })?;
        let signal = self.serialize(kernel, signal, flow.spread());
        self.deliver(kernel, signal);
        Ok(())
    }

    pub(super) fn deliver(&mut self, kernel: &Kernel, signal: Signal) {
        self.trace_value(kernel.out, &kernel.name, &signal);
        self.signals[kernel.out.index()] = Some(signal);
    }

    /// What one beat of a task delivers, all of one phase.
    pub(super) fn together(&mut self, task: &Task<'_>) -> Result<Signal, Diagnostic> {
        let engines = {
            let (signals, plan, block) = (&self.signals, &self.plan, self.block);
            let interval = |tap: &Tap| {
                let known = signals[tap.value.index()].as_ref().map(|signal| &signal.intervals);
                let inner = known.map_or(Interval::point(0), |known| known[plan.locate(block, tap).1]);
                if plan.inside(block, task.flow, tap).iter().any(Option::is_some) {
                    inner.join(Interval::point(tap.outside.into()))
                } else {
                    inner
                }
            };
            let site = Site {
                program: self.design.program,
                block: self.block,
                positions: points(&task.shape).collect(),
                reduction: task.reduction.clone(),
                streamed: &|id, axis| *task.flow != Flow::Whole && plan.is_streamed(id, axis),
                interval: &interval,
                beats: &|p| match task.reduction {
                    None => positions(p, task.flow.spread(), &block.value(task.kernel.out).shape),
                    Some(_) => vec![p.to_vec()],
                },
            };
            elaborate(task.kernel, &site, &mut self.design.optimizer)?
        };
        let sources = || engines.iter().flat_map(|engine| &engine.sources);
        let words = sources().any(|source| source.element().is_none());
        // One cycle for a counter's address to reach the memories' registers.
        let base = self.base(task.flow, sources().filter_map(Source::element)).max(u32::from(words));
        self.prepare(task.flow, sources().filter_map(Source::element), base);
        let mut outputs = vec![None; task.shape.iter().product()];
        let mut groups: Vec<Vec<Wired>> = Vec::new();
        for group in same_datapath(engines) {
            let wired: Vec<Wired> = group
                .into_iter()
                .map(|Engine { datapath, sources, positions }| Wired {
                    nets: sources.iter().map(|source| self.source(task.flow, source, base)).collect(),
                    datapath,
                    positions,
                })
                .collect();
            groups.push(wired);
        }
        let readers = readers(groups.iter().flatten());
        for wired in groups {
            self.group(&task.kernel.name, &wired, &readers, base, &task.shape, &mut outputs)?;
        }
        Ok(self.together_in_time(outputs, base))
    }

    pub(super) fn together_in_time(&mut self, outputs: Vec<Delivered>, base: u32) -> Signal {
        let phase = outputs.iter().flatten().map(|output| output.3).max().unwrap_or(base);
        let clock_to_q = self.design.target.delays.clock_to_q;
        let mut signal = Signal { nets: Vec::new(), ready: Vec::new(), intervals: Vec::new(), phase };
        for (net, ready, interval, at) in outputs.into_iter().flatten() {
            signal.nets.push(self.clockwork.delay(&mut self.module, net, phase - at));
            signal.ready.push(if at < phase { clock_to_q } else { ready });
            signal.intervals.push(interval);
        }
        signal
    }

    /// The first cycle in which all taps are there; what a border masks must leave time for that.
    fn base<'t>(&self, flow: &Flow, taps: impl Iterator<Item = &'t Tap>) -> u32 {
        let delays = &self.design.target.delays;
        let budget = self.design.period() - delays.setup;
        taps.map(|tap| {
            let (cycles, flat) = self.plan.locate(self.block, tap);
            let signal = self.signal(tap.value);
            let masked = self.plan.inside(self.block, flow, tap).iter().any(Option::is_some);
            let late = masked && signal.ready[flat] + delays.select[0] > budget;
            i64::from(signal.phase) + cycles + i64::from(late)
        })
        .fold(0, i64::max) as u32
    }

    /// Makes the delays of taps, the shorter first, so that longer ones go on from there.
    fn prepare<'t>(&mut self, flow: &Flow, taps: impl Iterator<Item = &'t Tap>, base: u32) {
        let mut ages: Vec<(u32, NetId)> = taps
            .filter(|tap| !self.collected(flow, tap))
            .map(|tap| {
                let (cycles, flat) = self.plan.locate(self.block, tap);
                let signal = self.signal(tap.value);
                ((i64::from(base) - i64::from(signal.phase) - cycles) as u32, signal.nets[flat])
            })
            .collect();
        ages.sort_unstable();
        ages.dedup();
        for (age, net) in ages {
            self.clockwork.delay(&mut self.module, net, age);
        }
    }

    /// Whether a tap is one of a streamed tensor that is read as a whole.
    fn collected(&self, flow: &Flow, tap: &Tap) -> bool {
        *flow == Flow::Whole && !self.plan.ways[tap.value.index()].is_empty()
    }

    /// Emits the module of equal engines and its instances.
    pub(super) fn group(
        &mut self,
        layer: &str,
        engines: &[Wired],
        readers: &FxHashMap<NetId, u64>,
        base: u32,
        shape: &[usize],
        outputs: &mut [Delivered],
    ) -> Result<(), Diagnostic> {
        let datapath = &engines[0].datapath;
        let mut arrivals = vec![0f64; datapath.inputs().len()];
        for engine in engines {
            for (&(_, ready), arrival) in engine.nets.iter().zip(&mut arrivals) {
                *arrival = arrival.max(ready);
            }
        }
        let delays = &self.design.target.delays;
        let prices = prices(engines, readers);
        let stages = pipeline::pipeline(datapath, &arrivals, self.design.period(), delays, Some(&prices))
            .map_err(|error| {
                Diagnostic::new(
                    "clock",
                    layer,
                    error.to_string(),
                    "lower `--clock-mhz` or quantize to fewer bits",
                )
            })?;
        let clock_to_q = delays.clock_to_q;
        let name = self.design.module_name(layer, &mut self.names);
        let (mut module, elements) = engine::module(&name, datapath, &stages);
        module.doc = vec![format!(
            "layer {layer}: {} inputs, {} outputs, {} register ranks",
            datapath.inputs().len(),
            datapath.outputs.len(),
            stages.output
        )];
        let index = self.design.modules.len();
        for engine in engines {
            // An engine whose outputs are all constant has nothing to connect.
            let late = |element: &engine::Element| {
                self.clockwork.delay(&mut self.module, engine.nets[element.input].0, element.late)
            };
            let nets: Vec<NetId> = elements.iter().map(late).collect();
            let instance = self.names.claim(&format!("u_{layer}"));
            let ports = if nets.is_empty() { Vec::new() } else { vec![nets] };
            let found = self.module.add_instance(instance, index, &module, ports).swap_remove(0);
            for ((p, net), &wire) in engine.positions.iter().zip(found).zip(&datapath.outputs) {
                let flat = p.iter().zip(shape).fold(0, |flat, (&at, &extent)| flat * extent + at);
                let direct = stages.stage[wire.index()] == stages.output;
                let ready = if direct { stages.ready[wire.index()] } else { clock_to_q };
                outputs[flat] = Some((net, ready, datapath.interval(wire), base + stages.output));
            }
        }
        self.design.modules.push(module);
        Ok(())
    }

    /// The net of a source in the cycle `base`, and when it is ready.
    fn source(&mut self, flow: &Flow, source: &Source, base: u32) -> (NetId, f64) {
        match source {
            Source::Element(tap) => self.tap(flow, tap, base),
            Source::Words(words) => {
                let address = self.clockwork.address(&mut self.module, base - 1, flow.spread());
                let word = self.clockwork.memory(&mut self.module, address, words);
                (word, self.design.target.delays.clock_to_q)
            }
        }
    }

    /// The net of a tap in the cycle `base`, masked at the frame's borders, and when it is ready.
    pub(super) fn tap(&mut self, flow: &Flow, tap: &Tap, base: u32) -> (NetId, f64) {
        let (cycles, flat) = self.plan.locate(self.block, tap);
        let signal = self.signal(tap.value);
        let (net, ready, interval) = (signal.nets[flat], signal.ready[flat], signal.intervals[flat]);
        let age = (i64::from(base) - i64::from(signal.phase) - cycles) as u32;
        let delays = &self.design.target.delays;
        let (clock_to_q, select) = (delays.clock_to_q, delays.select[0]);
        let ready = if age > 0 { clock_to_q } else { ready };
        if age > 0 && self.collected(flow, tap) {
            let held = self.clockwork.keep(&mut self.module, net, base - age);
            let late = age.saturating_sub(self.plan.ii as u32 - 1);
            return (self.clockwork.delay(&mut self.module, held, late), clock_to_q + select);
        }
        let held = self.clockwork.delay(&mut self.module, net, age);
        if self.plan.ways[tap.value.index()].is_empty() {
            if flow.spread().is_empty() {
                return (held, ready);
            }
            let kept = self.clockwork.keep(&mut self.module, held, base);
            return (kept, ready + select);
        }
        let ranges = self.plan.inside(self.block, flow, tap);
        if ranges.iter().all(Option::is_none) {
            return (held, ready);
        }
        let bits = Bits::of(interval.join(Interval::point(tap.outside.into())));
        let inside = self.clockwork.inside(&mut self.module, base, flow.spread(), &ranges);
        let masked = self.clockwork.mask(&mut self.module, inside, held, tap.outside, bits);
        (masked, ready.max(clock_to_q) + select)
    }

    /// One after the other what a block delivers together, wherever the time between blocks allows.
    fn serialize(&mut self, kernel: &Kernel, mut signal: Signal, block: &[Spread]) -> Signal {
        let serial = self.plan.ways[kernel.out.index()].clone();
        let mut way = block.to_vec();
        for level in (0..way.len()).rev() {
            let (from, to) = (way[level].clone(), serial[level].clone());
            let parts = from.lanes / to.lanes;
            if parts > 1 {
                signal = self.one_by_one(kernel, &signal, &way, level, &to);
            }
            way[level] = to;
        }
        signal
    }

    fn one_by_one(
        &mut self,
        kernel: &Kernel,
        signal: &Signal,
        way: &[Spread],
        level: usize,
        to: &Spread,
    ) -> Signal {
        let extents = &self.block.value(kernel.out).shape;
        let (wide, mut narrow) = (shape_of(extents, way), shape_of(extents, way));
        narrow[to.axis] = to.lanes;
        let parts = way[level].lanes / to.lanes;
        let delays = self.design.target.delays.clone();
        let late = signal.ready.iter().any(|&ready| ready > delays.clock_to_q);
        let phase = signal.phase + u32::from(late);
        let mut serial = Signal { nets: Vec::new(), ready: Vec::new(), intervals: Vec::new(), phase };
        let turns: Vec<NetId> = (1..parts)
            .map(|part| self.clockwork.before(&mut self.module, phase, way, level, part * to.interval))
            .collect();
        for p in points(&narrow) {
            let flat = |part: usize| {
                let at = |axis: usize| p[axis] + if axis == to.axis { part * to.lanes } else { 0 };
                wide.iter().enumerate().fold(0, |flat, (axis, extent)| flat * extent + at(axis))
            };
            let interval = (0..parts).map(|part| signal.intervals[flat(part)]).reduce(Interval::join);
            let interval = interval.unwrap_or(Interval::point(0));
            let bits = Bits::of(interval);
            let parts = (0..parts).map(|part| {
                let cycles = part * to.interval + usize::from(late);
                self.clockwork.delay(&mut self.module, signal.nets[flat(part)], cycles as u32)
            });
            let parts: Vec<NetId> = parts.collect();
            let (&last, others) = parts.split_last().expect("a block has at least two parts");
            let net =
                others.iter().zip(&turns).rev().fold(last, |later, (&now, &turn)| {
                    self.module.add(bits, Driver::Select(turn, now, later))
                });
            serial.nets.push(net);
            serial.ready.push(delays.clock_to_q + delays.lt(8) + turns.len() as f64 * delays.select[0]);
            serial.intervals.push(interval);
        }
        serial
    }
}

/// How many engines read each net.
pub(super) fn readers<'w>(engines: impl IntoIterator<Item = &'w Wired>) -> FxHashMap<NetId, u64> {
    let mut readers = FxHashMap::default();
    for &(net, _) in engines.into_iter().flat_map(|engine| &engine.nets) {
        *readers.entry(net).or_insert(0) += 1;
    }
    readers
}

/// What a bit of each input takes in a register: all engines that read it share that.
fn prices(engines: &[Wired], readers: &FxHashMap<NetId, u64>) -> Vec<u64> {
    let price = |n: usize| {
        let shares = engines.iter().map(|engine| pipeline::BIT / readers[&engine.nets[n].0]);
        shares.sum::<u64>().div_ceil(engines.len() as u64).max(1)
    };
    (0..engines[0].nets.len()).map(price).collect()
}

/// Engines in groups of equal datapaths.
fn same_datapath(engines: Vec<Engine>) -> Vec<Vec<Engine>> {
    let mut by_size: FxHashMap<usize, Vec<usize>> = FxHashMap::default();
    let mut groups: Vec<Vec<Engine>> = Vec::new();
    for engine in engines {
        let candidates = by_size.entry(engine.datapath.cells().len()).or_default();
        match candidates.iter().find(|&&group| groups[group][0].datapath == engine.datapath) {
            Some(&group) => groups[group].push(engine),
            None => {
                candidates.push(groups.len());
                groups.push(vec![engine]);
            }
        }
    }
    groups
}

/// A position of the first beat in all beats, the fastest level last; in padding, the last position there is.
fn positions(p: &[usize], way: &[Spread], shape: &[usize]) -> Vec<Vec<usize>> {
    way.iter().fold(vec![p.to_vec()], |known, spread| {
        let moved = |p: &Vec<usize>, beat: usize| {
            let mut p = p.clone();
            p[spread.axis] = (p[spread.axis] + beat * spread.lanes).min(shape[spread.axis] - 1);
            p
        };
        known.iter().flat_map(|p| (0..spread.beats).map(move |beat| moved(p, beat))).collect()
    })
}
