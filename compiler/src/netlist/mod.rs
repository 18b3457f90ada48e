//! Hardware with time: modules of nets, registers and instances. One step is one clock cycle.
//!
//! Every width, name, order and register is settled here; the evaluator runs it, back ends print it.

pub mod build;
pub mod cost;
pub mod engine;
pub mod evaluate;
pub mod explain;
mod layout;
pub mod name;
pub mod plan;
pub mod position;
mod stream;
pub mod validate;

use nn2hdl_runtime::ValueId;
use nn2hdl_runtime::interface::{Signature, Travel};
use serde::Serialize;

pub use build::{Target, Watch, build};
pub use cost::Cost;
pub use evaluate::Evaluator;

/// A net of a module, by position. Operands come earlier, but for registers'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetId(pub u32);

impl NetId {
    /// The position in the module.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A whole design.
#[derive(Clone, Debug)]
pub struct Netlist {
    /// Modules; instances name earlier ones only, the last is the top.
    pub modules: Vec<Module>,
    /// How the top is to be driven and read.
    pub signature: Signature,
    /// Where the program's values can be seen.
    pub trace: Vec<TracePoint>,
}

impl Netlist {
    /// The top module.
    pub fn top(&self) -> &Module {
        self.modules.last().expect("a netlist has a top module")
    }

    /// Names of the modules with so many instances that a simulator does well to compile them once.
    pub fn replicated(&self) -> Vec<String> {
        const INSTANCES: usize = 8;
        const NETS: usize = 64;
        let mut instances = vec![0; self.modules.len()];
        let all = self.modules.iter().flat_map(|module| &module.instances);
        all.for_each(|instance| instances[instance.module] += 1);
        let counted = self.modules.iter().zip(instances);
        let worth = counted.filter(|(module, n)| *n >= INSTANCES && module.nets.len() >= NETS);
        worth.map(|(module, _)| module.name.clone()).collect()
    }
}

/// A module.
#[derive(Clone, Debug)]
pub struct Module {
    /// Its name, legal and unique.
    pub name: String,
    /// What it is, for the reader of the emitted file.
    pub doc: Vec<String>,
    /// Input ports, clock and reset aside.
    pub inputs: Vec<Port>,
    /// Output ports with the nets that drive their elements.
    pub outputs: Vec<(Port, Vec<NetId>)>,
    /// Nets.
    pub nets: Vec<Net>,
    /// Instances of other modules.
    pub instances: Vec<Instance>,
}

/// A flat vector of elements, the first in the low bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Name.
    pub name: String,
    /// Sign and width of each element.
    pub elements: Vec<Bits>,
}

impl Port {
    /// Bits in all.
    pub fn width(&self) -> u32 {
        self.elements.iter().map(|bits| bits.width).sum()
    }

    /// The bit where element `n` begins.
    pub fn offset(&self, n: usize) -> u32 {
        self.elements[..n].iter().map(|bits| bits.width).sum()
    }
}

/// Sign and width of a net.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Bits {
    /// Two's complement.
    pub signed: bool,
    /// Bits, at least 1, at most 64.
    pub width: u32,
}

impl Bits {
    /// An unsigned bit.
    pub const BIT: Self = Self { signed: false, width: 1 };

    /// The bits that hold an interval.
    pub fn of(interval: nn2hdl_runtime::Interval) -> Self {
        let (signed, width) = interval.width();
        Self { signed, width }
    }

    /// `value`'s low bits, read back.
    pub fn read(self, value: i128) -> i64 {
        nn2hdl_runtime::expr::wrap(value, self.signed, self.width) as i64
    }
}

/// A net.
#[derive(Clone, Debug)]
pub struct Net {
    /// Sign and width.
    pub bits: Bits,
    /// What drives it.
    pub driver: Driver,
}

/// What drives a net.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Driver {
    /// An element of an input port.
    Input {
        /// The port.
        port: u32,
        /// The element.
        element: u32,
    },
    /// An element of an instance's output port.
    Output {
        /// The instance.
        instance: u32,
        /// The port.
        port: u32,
        /// The element.
        element: u32,
    },
    /// A constant.
    Const(i64),
    /// Bits of `a` from `lo` on.
    Slice {
        /// Operand.
        a: NetId,
        /// First bit.
        lo: u32,
    },
    /// `a` with zeros appended on the right.
    Shl {
        /// Operand.
        a: NetId,
        /// Number of zeros.
        n: u32,
    },
    /// `a` in more bits.
    Extend(NetId),
    /// Bits side by side, the first lowest.
    Concat(Vec<NetId>),
    /// `(a << shift_a) ± (b << shift_b)`.
    Add {
        /// First operand.
        a: NetId,
        /// Second operand.
        b: NetId,
        /// Shift of the first.
        shift_a: u32,
        /// Shift of the second.
        shift_b: u32,
        /// Whether the second is subtracted.
        subtract: bool,
    },
    /// `a × b`.
    Mul(NetId, NetId),
    /// The larger.
    Max(NetId, NetId),
    /// The smaller.
    Min(NetId, NetId),
    /// 1 if `a < b`.
    Lt(NetId, NetId),
    /// `b` if `a`, else `c`.
    Select(NetId, NetId, NetId),
    /// `data[bits of a]`.
    Rom {
        /// Address.
        a: NetId,
        /// One word for each pattern of the address bits.
        data: Vec<i64>,
    },
    /// A register.
    Register {
        /// Its input, possibly a later net.
        d: NetId,
        /// Whether reset clears it: control only, data are not reset.
        reset: bool,
    },
    /// What another net was some cycles before: a memory.
    Delay {
        /// Its input.
        d: NetId,
        /// Cycles, at least 3.
        cycles: u32,
    },
}

impl Driver {
    /// The earlier nets that the driver reads, instances aside.
    pub fn operands(&self) -> Vec<NetId> {
        match self {
            Self::Input { .. } | Self::Output { .. } | Self::Const(_) | Self::Register { .. } => Vec::new(),
            Self::Delay { d, .. } => vec![*d],
            Self::Slice { a, .. } | Self::Shl { a, .. } | Self::Extend(a) | Self::Rom { a, .. } => vec![*a],
            Self::Add { a, b, .. } | Self::Mul(a, b) | Self::Max(a, b) | Self::Min(a, b) | Self::Lt(a, b) => {
                vec![*a, *b]
            }
            Self::Select(a, b, c) => vec![*a, *b, *c],
            Self::Concat(parts) => parts.clone(),
        }
    }
}

/// An instance of a module.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Name, unique in its module.
    pub name: String,
    /// The module, by position.
    pub module: usize,
    /// The nets at each input port.
    pub inputs: Vec<Vec<NetId>>,
}

/// Where a program value can be seen.
#[derive(Clone, Debug)]
pub struct TracePoint {
    /// Calls that lead to the value, outermost first: name, `#`, repetition.
    pub path: Vec<String>,
    /// The value, in its own block.
    pub value: ValueId,
    /// Its name.
    pub name: String,
    /// The layer that computes it.
    pub layer: String,
    /// Shape of the value.
    pub shape: Vec<usize>,
    /// How the value travels; its phase counts from the frame's first input beat.
    pub travel: Travel,
    /// Names of the instances that lead to the module of the nets, outermost first.
    pub scope: Vec<String>,
    /// The module, by position.
    pub module: usize,
    /// One net for each element of a beat.
    pub nets: Vec<NetId>,
}

impl Module {
    /// An empty module.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            doc: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            nets: Vec::new(),
            instances: Vec::new(),
        }
    }

    /// The net `id`.
    pub fn net(&self, id: NetId) -> &Net {
        &self.nets[id.index()]
    }

    /// Sign and width of the net `id`.
    pub fn bits(&self, id: NetId) -> Bits {
        self.net(id).bits
    }

    /// Adds a net.
    pub fn add(&mut self, bits: Bits, driver: Driver) -> NetId {
        self.nets.push(Net { bits, driver });
        NetId(self.nets.len() as u32 - 1)
    }

    /// Adds an input port and its nets.
    pub fn add_input(&mut self, name: impl Into<String>, elements: Vec<Bits>) -> Vec<NetId> {
        let port = self.inputs.len() as u32;
        let nets = elements
            .iter()
            .enumerate()
            .map(|(element, &bits)| self.add(bits, Driver::Input { port, element: element as u32 }))
            .collect();
        self.inputs.push(Port { name: name.into(), elements });
        nets
    }

    /// Adds an output port driven by `nets`.
    pub fn add_output(&mut self, name: impl Into<String>, nets: Vec<NetId>) {
        let elements = nets.iter().map(|&net| self.bits(net)).collect();
        self.outputs.push((Port { name: name.into(), elements }, nets));
    }

    /// Adds an instance of `module` and the nets of its output ports.
    pub fn add_instance(
        &mut self,
        name: impl Into<String>,
        index: usize,
        module: &Self,
        inputs: Vec<Vec<NetId>>,
    ) -> Vec<Vec<NetId>> {
        let instance = self.instances.len() as u32;
        self.instances.push(Instance { name: name.into(), module: index, inputs });
        let ports = module.outputs.iter().enumerate();
        ports
            .map(|(port, (shape, _))| {
                let elements = shape.elements.iter().enumerate();
                elements
                    .map(|(element, &bits)| {
                        self.add(
                            bits,
                            Driver::Output { instance, port: port as u32, element: element as u32 },
                        )
                    })
                    .collect()
            })
            .collect()
    }

    /// Adds a constant.
    pub fn constant(&mut self, value: i64) -> NetId {
        let bits = Bits::of(nn2hdl_runtime::Interval::point(value.into()));
        self.add(bits, Driver::Const(value))
    }

    /// Adds a register behind `d`.
    pub fn register(&mut self, d: NetId, reset: bool) -> NetId {
        self.add(self.bits(d), Driver::Register { d, reset })
    }

    /// The net `a` with `bits`: extended, or cut where the value is known to fit.
    pub fn resize(&mut self, a: NetId, bits: Bits) -> NetId {
        let from = self.bits(a);
        match (from == bits, bits.width > from.width, &self.net(a).driver) {
            (true, _, _) => a,
            (_, _, &Driver::Const(value)) => self.add(bits, Driver::Const(value)),
            (_, true, _) => self.add(bits, Driver::Extend(a)),
            _ => self.add(bits, Driver::Slice { a, lo: 0 }),
        }
    }

    /// Whether the module, or one of its instances, has a register.
    pub fn is_clocked(&self, modules: &[Self]) -> bool {
        self.nets.iter().any(|net| matches!(net.driver, Driver::Register { .. } | Driver::Delay { .. }))
            || self.instances.iter().any(|instance| modules[instance.module].is_clocked(modules))
    }

    /// Whether the module, or one of its instances, has a register that reset clears.
    pub fn is_reset(&self, modules: &[Self]) -> bool {
        self.nets.iter().any(|net| matches!(net.driver, Driver::Register { reset: true, .. }))
            || self.instances.iter().any(|instance| modules[instance.module].is_reset(modules))
    }
}
