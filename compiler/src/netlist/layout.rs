//! A block becomes a module: layers in order, joined so that what meets belongs together.

use nn2hdl_runtime::index::points;
use nn2hdl_runtime::interface::{PortMap, Signature};
use nn2hdl_runtime::{Block, Call, Format, Interval, Kernel, Step, Value, ValueId};
use rustc_hash::FxHashMap;

use super::build::{Design, LOCAL};
use super::name::Names;
use super::plan::Plan;
use super::stream::Clockwork;
use super::{Bits, Module, NetId, TracePoint, engine};
use crate::datapath::elaborate::{Engine, Site, Tap, elaborate};
use crate::diagnostic::Diagnostic;
use crate::schedule::pipeline;

/// A block that has become a module.
#[derive(Clone)]
pub(super) struct Called {
    module: usize,
    latency: u32,
    trace: Vec<TracePoint>,
}

/// One beat of a value: its nets, when they are ready within their cycle, what they can be.
#[derive(Clone)]
struct Signal {
    nets: Vec<NetId>,
    ready: Vec<f64>,
    intervals: Vec<Interval>,
    phase: u32,
}

/// The module of one block while it grows.
pub(super) struct Layout<'d, 'a, 'o> {
    design: &'d mut Design<'a, 'o>,
    block: &'a Block,
    plan: Plan,
    module: Module,
    clockwork: Clockwork,
    names: Names,
    signals: Vec<Option<Signal>>,
    trace: Vec<TracePoint>,
}

impl<'d, 'a, 'o> Layout<'d, 'a, 'o> {
    pub(super) fn new(design: &'d mut Design<'a, 'o>, block: &'a Block, plan: Plan, name: String) -> Self {
        let mut names = Names::default();
        for taken in LOCAL.iter().filter(|taken| taken.len() > 1).copied().chain([name.as_str()]) {
            names.reserve(taken);
        }
        Self {
            design,
            block,
            clockwork: Clockwork::new(plan.beats),
            plan,
            module: Module::new(name),
            names,
            signals: vec![None; block.values.len()],
            trace: Vec::new(),
        }
    }

    /// The top module: ports and `valid` as the bare interface has them.
    pub(super) fn top(mut self) -> Result<(Module, Signature, Vec<TracePoint>), Diagnostic> {
        let in_valid = self.module.add_input("in_valid", vec![Bits::BIT])[0];
        self.clockwork.set_valid(in_valid);
        let program = self.design.program;
        let inputs = (self.block.params.iter().zip(&program.inputs))
            .map(|(&param, input)| self.port_map(param, &input.name, 0))
            .collect::<Vec<PortMap>>();
        for (map, &param) in inputs.iter().zip(&self.block.params) {
            self.add_param(param, &map.port);
        }
        self.steps()?;
        let results = self.registered(&self.block.results.clone(), true);
        let phase = results.first().map_or(0, |signal| signal.phase);
        let out_valid = self.clockwork.valid(&mut self.module, phase);
        self.module.add_output("out_valid", vec![out_valid]);
        let outputs = (self.block.results.iter().zip(&program.outputs))
            .map(|(&result, output)| self.port_map(result, &output.name, phase))
            .collect::<Vec<PortMap>>();
        for (signal, map) in results.into_iter().zip(&outputs) {
            self.module.add_output(&map.port, signal.nets);
        }
        let signature = Signature {
            top: self.module.name.clone(),
            inputs,
            outputs,
            latency_cycles: phase,
            latency_last_cycles: phase + self.plan.beats as u32 - 1,
            ii_cycles: self.plan.beats as u32,
        };
        self.module.doc = vec![
            format!("{}: latency {} cycles, a new frame every {}", program.name, phase, self.plan.beats),
            format!("made for {} MHz (model, not placed and routed)", self.design.target.clock_mhz),
        ];
        let top = self.design.modules.len();
        self.trace.iter_mut().filter(|point| point.scope.is_empty()).for_each(|point| point.module = top);
        Ok((self.module, signature, self.trace))
    }

    /// A block's module: ports are its parameters and results, all of one phase.
    fn callee(mut self) -> Result<Called, Diagnostic> {
        for &param in &self.block.params {
            let name = self.names.claim(&self.block.value(param).name);
            self.add_param(param, &name);
        }
        self.steps()?;
        let results = self.registered(&self.block.results.clone(), false);
        let latency = results.first().map_or(0, |signal| signal.phase);
        for (n, signal) in results.into_iter().enumerate() {
            let name = self.names.claim(&format!("{}_out", self.block.value(self.block.results[n]).name));
            self.module.add_output(name, signal.nets);
        }
        self.module.doc = vec![format!("block {}: latency {latency} cycles", self.block.name)];
        let module = self.design.modules.len();
        self.trace.iter_mut().filter(|point| point.scope.is_empty()).for_each(|point| point.module = module);
        self.design.modules.push(self.module);
        Ok(Called { module, latency, trace: self.trace })
    }

    fn port_map(&mut self, id: ValueId, name: &str, phase: u32) -> PortMap {
        let Value { shape, format, .. } = self.block.value(id).clone();
        let port = self.names.claim(name);
        PortMap {
            port,
            name: name.to_owned(),
            shape,
            format,
            travel: self.plan.travel(self.block, id, phase),
        }
    }

    fn beat_shape(&self, id: ValueId) -> Vec<usize> {
        self.plan.beat_shape(self.block, id)
    }

    fn add_param(&mut self, id: ValueId, port: &str) {
        let format = self.block.value(id).format;
        let elements: usize = self.beat_shape(id).iter().product();
        let nets = self.module.add_input(port, vec![bits_of(format); elements]);
        self.signals[id.index()] = Some(Signal {
            nets,
            ready: vec![self.design.target.delays.clock_to_q; elements],
            intervals: vec![format.interval(); elements],
            phase: 0,
        });
    }

    fn steps(&mut self) -> Result<(), Diagnostic> {
        for step in &self.block.steps {
            self.design.begin(step.name());
            match step {
                Step::Kernel(kernel) => self.kernel(kernel)?,
                Step::Call(call) => self.call(call)?,
            }
        }
        Ok(())
    }

    fn signal(&self, id: ValueId) -> &Signal {
        self.signals[id.index()].as_ref().expect("a validated block writes values before it reads them")
    }

    fn kernel(&mut self, kernel: &Kernel) -> Result<(), Diagnostic> {
        let beat_shape = self.beat_shape(kernel.out);
        let engines = {
            let (signals, plan, block) = (&self.signals, &self.plan, self.block);
            let interval = |tap: &Tap| {
                let known = signals[tap.value.index()].as_ref().map(|signal| &signal.intervals);
                let inner = known.map_or(Interval::point(0), |known| known[plan.locate(block, tap).1]);
                if plan.inside(tap).is_some() {
                    inner.join(Interval::point(tap.outside.into()))
                } else {
                    inner
                }
            };
            let site = Site {
                program: self.design.program,
                block: self.block,
                positions: points(&beat_shape).collect(),
                streamed: &|id: ValueId| plan.axes[id.index()],
                interval: &interval,
            };
            elaborate(kernel, &site, &mut self.design.optimizer)?
        };
        let base = engines
            .iter()
            .flat_map(|engine| &engine.taps)
            .map(|tap| i64::from(self.signal(tap.value).phase) + self.plan.locate(self.block, tap).0)
            .fold(0, i64::max) as u32;
        let elements: usize = beat_shape.iter().product();
        let mut outputs: Vec<Option<(NetId, f64, Interval, u32)>> = vec![None; elements];
        for group in same_datapath(engines) {
            self.group(kernel, &group, base, &beat_shape, &mut outputs)?;
        }
        let phase = outputs.iter().flatten().map(|output| output.3).max().unwrap_or(base);
        let clock_to_q = self.design.target.delays.clock_to_q;
        let mut signal = Signal { nets: Vec::new(), ready: Vec::new(), intervals: Vec::new(), phase };
        for (net, ready, interval, at) in outputs.into_iter().flatten() {
            signal.nets.push(self.clockwork.delay(&mut self.module, net, phase - at));
            signal.ready.push(if at < phase { clock_to_q } else { ready });
            signal.intervals.push(interval);
        }
        self.trace_value(kernel.out, &kernel.name, &signal);
        self.signals[kernel.out.index()] = Some(signal);
        Ok(())
    }

    /// Emits the module of equal engines and its instances.
    fn group(
        &mut self,
        kernel: &Kernel,
        engines: &[Engine],
        base: u32,
        beat_shape: &[usize],
        outputs: &mut [Option<(NetId, f64, Interval, u32)>],
    ) -> Result<(), Diagnostic> {
        let datapath = &engines[0].datapath;
        let mut arrivals = vec![0f64; datapath.inputs().len()];
        let mut connections = Vec::new();
        for engine in engines {
            let mut nets = Vec::new();
            for (tap, arrival) in engine.taps.iter().zip(&mut arrivals) {
                let (net, ready) = self.tap(tap, base);
                nets.push(net);
                *arrival = arrival.max(ready);
            }
            connections.push(nets);
        }
        let delays = &self.design.target.delays;
        let stages =
            pipeline::pipeline(datapath, &arrivals, self.design.period(), delays).map_err(|error| {
                Diagnostic::new(
                    "clock",
                    &kernel.name,
                    error.to_string(),
                    "lower `--clock-mhz` or quantize to fewer bits",
                )
            })?;
        let clock_to_q = delays.clock_to_q;
        let name = self.design.module_name(&kernel.name, &mut self.names);
        let mut module = engine::module(&name, datapath, &stages);
        module.doc = vec![format!(
            "layer {}: {} inputs, {} outputs, {} register ranks",
            kernel.name,
            datapath.inputs().len(),
            datapath.outputs.len(),
            stages.output
        )];
        let index = self.design.modules.len();
        for (engine, nets) in engines.iter().zip(connections) {
            // An engine whose outputs are all constant has nothing to connect.
            let instance = self.names.claim(&format!("u_{}", kernel.name));
            let ports = if nets.is_empty() { Vec::new() } else { vec![nets] };
            let found = self.module.add_instance(instance, index, &module, ports).swap_remove(0);
            for ((p, net), &wire) in engine.positions.iter().zip(found).zip(&datapath.outputs) {
                let flat = p.iter().zip(beat_shape).fold(0, |flat, (&at, &extent)| flat * extent + at);
                let direct = stages.stage[wire.index()] == stages.output;
                let ready = if direct { stages.ready[wire.index()] } else { clock_to_q };
                outputs[flat] = Some((net, ready, datapath.interval(wire), base + stages.output));
            }
        }
        self.design.modules.push(module);
        Ok(())
    }

    /// The net of a tap in the cycle `base`, masked at the frame's borders, and when it is ready.
    fn tap(&mut self, tap: &Tap, base: u32) -> (NetId, f64) {
        let (beat, flat) = self.plan.locate(self.block, tap);
        let signal = self.signal(tap.value);
        let (net, ready) = (signal.nets[flat], signal.ready[flat]);
        let age = (i64::from(base) - i64::from(signal.phase) - beat) as u32;
        let delays = &self.design.target.delays;
        let ready = if age > 0 { delays.clock_to_q } else { ready };
        let held = self.clockwork.delay(&mut self.module, net, age);
        match self.plan.inside(tap) {
            None => (held, ready),
            Some((first, end)) => {
                let bits = Bits::of(
                    self.signal(tap.value).intervals[flat].join(Interval::point(tap.outside.into())),
                );
                let masked =
                    self.clockwork.mask(&mut self.module, held, bits, tap.outside, base, (first, end));
                let delays = &self.design.target.delays;
                (masked, ready.max(delays.clock_to_q + delays.lt(8)) + 2.0 * delays.select[0])
            }
        }
    }

    fn call(&mut self, call: &Call) -> Result<(), Diagnostic> {
        let called = match self.design.blocks.get(&call.block) {
            Some(called) => called.clone(),
            None => {
                let block = self.design.program.block(call.block);
                let name = self.design.module_name(&block.name, &mut self.names);
                let plan = Plan::unrolled(block.values.len());
                let called = Layout::new(self.design, block, plan, name).callee()?;
                self.design.blocks.insert(call.block, called.clone());
                called
            }
        };
        let mut args = self.registered(&call.args, false);
        let mut results = Vec::new();
        for repetition in 0..call.repeat {
            let phase = args.iter().map(|signal| signal.phase).max().unwrap_or(0);
            let nets = args.iter().map(|signal| self.held(signal, phase)).collect();
            let instance = self.names.claim(&format!("u_{}", call.name));
            let module = self.design.modules[called.module].clone();
            let ports = self.module.add_instance(&instance, called.module, &module, nets);
            for point in &called.trace {
                let mut point = point.clone();
                point.path.insert(0, format!("{}#{repetition}", call.name));
                point.scope.insert(0, instance.clone());
                point.travel.phase += phase;
                self.trace.push(point);
            }
            results = (call.results.iter().zip(ports))
                .map(|(&id, nets)| {
                    let format = self.block.value(id).format;
                    let ready = vec![self.design.target.delays.clock_to_q; nets.len()];
                    let intervals = vec![format.interval(); nets.len()];
                    Signal { nets, ready, intervals, phase: phase + called.latency }
                })
                .collect::<Vec<Signal>>();
            args[..call.carried].clone_from_slice(&results[..call.carried]);
        }
        for (&id, signal) in call.results.iter().zip(results) {
            self.trace_value(id, &call.name, &signal);
            self.signals[id.index()] = Some(signal);
        }
        Ok(())
    }

    fn held(&mut self, signal: &Signal, phase: u32) -> Vec<NetId> {
        signal
            .nets
            .iter()
            .map(|&net| self.clockwork.delay(&mut self.module, net, phase - signal.phase))
            .collect()
    }

    /// Values in their full formats, straight from registers, all of one phase; padding lanes zero if asked.
    fn registered(&mut self, ids: &[ValueId], top: bool) -> Vec<Signal> {
        let clock_to_q = self.design.target.delays.clock_to_q;
        let settled = |signal: &Signal| {
            signal.ready.iter().all(|&ready| ready <= clock_to_q) && (!top || signal.phase > 0)
        };
        let phase = ids
            .iter()
            .map(|&id| self.signal(id))
            .map(|s| s.phase + u32::from(!settled(s)))
            .max()
            .unwrap_or(0);
        let masked = top && !self.plan.positions.is_multiple_of(self.plan.lanes);
        let phase = phase + u32::from(masked);
        ids.iter()
            .map(|&id| {
                let signal = self.signal(id).clone();
                let mut nets = self.held(&signal, phase - u32::from(masked));
                if masked {
                    nets = self.pad(id, nets, phase - 1);
                }
                let bits = bits_of(self.block.value(id).format);
                let nets: Vec<NetId> = nets.into_iter().map(|net| self.module.resize(net, bits)).collect();
                Signal {
                    ready: vec![clock_to_q; nets.len()],
                    intervals: vec![self.block.value(id).format.interval(); nets.len()],
                    nets,
                    phase,
                }
            })
            .collect()
    }

    /// Zero in the lanes that the last beat does not fill, then a register.
    fn pad(&mut self, id: ValueId, nets: Vec<NetId>, phase: u32) -> Vec<NetId> {
        let shape = self.beat_shape(id);
        let Some(axis) = self.plan.axes[id.index()] else { return nets };
        points(&shape)
            .zip(nets)
            .map(|(p, net)| {
                let tap = Tap { value: id, at: p.iter().map(|&at| at as i64).collect(), outside: 0 };
                debug_assert!(axis < p.len());
                let net = match self.plan.inside(&tap) {
                    Some(beats) => {
                        let bits = self.module.bits(net);
                        self.clockwork.mask(&mut self.module, net, bits, 0, phase, beats)
                    }
                    None => net,
                };
                self.clockwork.delay(&mut self.module, net, 1)
            })
            .collect()
    }

    fn trace_value(&mut self, id: ValueId, layer: &str, signal: &Signal) {
        let Value { name, shape, .. } = self.block.value(id).clone();
        self.trace.push(TracePoint {
            path: Vec::new(),
            value: id,
            name,
            layer: layer.to_owned(),
            shape,
            travel: self.plan.travel(self.block, id, signal.phase),
            scope: Vec::new(),
            module: 0,
            nets: signal.nets.clone(),
        });
    }
}

fn bits_of(format: Format) -> Bits {
    Bits { signed: format.signed, width: format.width }
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
