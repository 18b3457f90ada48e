//! A block becomes a module: layers in order, joined so that what meets belongs together.

mod accumulate;
mod kernel;

use nn2hdl_runtime::index::points;
use nn2hdl_runtime::interface::{PortMap, Signature};
use nn2hdl_runtime::{Block, Call, Format, Interval, Step, Value, ValueId};

use super::build::{Design, LOCAL};
use super::name::Names;
use super::plan::Plan;
use super::stream::Clockwork;
use super::{Bits, Driver, Module, NetId, TracePoint};
use crate::diagnostic::Diagnostic;

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
            clockwork: Clockwork::new(plan.ii),
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
        let beats = self.block.params.iter().map(|&id| self.plan.travel(self.block, id, 0).beats()).max();
        self.clockwork.set_valid(&mut self.module, in_valid, beats.unwrap_or(1));
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
        let travel = self.block.results.first().map(|&id| self.plan.travel(self.block, id, phase));
        let way = travel.as_ref().map_or(&[][..], |travel| &travel.spread);
        let out_valid = self.clockwork.beat(&mut self.module, phase, way);
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
            latency_last_cycles: phase + travel.map_or(0, |travel| travel.reach()) as u32,
            ii_cycles: self.plan.ii as u32,
        };
        self.module.doc = vec![
            format!("{}: latency {} cycles, a new frame every {}", program.name, phase, self.plan.ii),
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
        for (step, flow) in self.block.steps.iter().zip(self.plan.flows.clone()) {
            self.design.begin(step.name());
            match step {
                Step::Kernel(kernel) => self.kernel(kernel, &flow)?,
                Step::Call(call) => self.call(call)?,
            }
        }
        Ok(())
    }

    fn signal(&self, id: ValueId) -> &Signal {
        self.signals[id.index()].as_ref().expect("a validated block writes values before it reads them")
    }

    fn call(&mut self, call: &Call) -> Result<(), Diagnostic> {
        let called = match self.design.blocks.get(&call.block) {
            Some(called) => called.clone(),
            None => {
                let block = self.design.program.block(call.block);
                let name = self.design.module_name(&block.name, &mut self.names);
                let plan = Plan::unrolled(block);
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
        let padded = |id: &ValueId| {
            let way = &self.plan.ways[id.index()];
            let shape = &self.block.value(*id).shape;
            way.iter().any(|spread| !shape[spread.axis].is_multiple_of(spread.lanes))
        };
        let masked = top && ids.iter().any(padded);
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
        let way = self.plan.ways[id.index()].clone();
        points(&self.beat_shape(id))
            .zip(nets)
            .map(|(p, mut net)| {
                let ranges = self.plan.filled(self.block, id, &p);
                if ranges.iter().any(Option::is_some) {
                    let bits = self.module.bits(net);
                    let inside = self.clockwork.inside(&mut self.module, phase, &way, &ranges);
                    let zero = self.module.constant(0);
                    net = self.module.add(bits, Driver::Select(inside, net, zero));
                }
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
