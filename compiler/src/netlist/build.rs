//! A program becomes a netlist.
//!
//! Each layer's engines become modules, instantiated in the block's module and joined by registers so that what
//! meets belongs to the same frame and beat. `valid` travels beside the data and never waits.

use nn2hdl_runtime::{BlockId, Program};
use rustc_hash::FxHashMap;

use super::layout::{Called, Layout};
use super::name::Names;
use super::plan::plan;
use super::validate::validate;
use super::{Module, Netlist};
use crate::cmvm::Effort;
use crate::datapath::linear::Optimizer;
use crate::diagnostic::Diagnostic;
use crate::schedule::Delays;

/// What the hardware is made for.
#[derive(Clone, Debug)]
pub struct Target {
    /// Clock frequency in MHz.
    pub clock_mhz: f64,
    /// Initiation interval asked for, in cycles.
    pub ii: u32,
    /// Delay model.
    pub delays: Delays,
    /// How much is tried for each adder graph.
    pub effort: Effort,
    /// Adder levels allowed above the least possible; `None` leaves the depth to the optimizer.
    pub max_depth: Option<u32>,
}

impl Default for Target {
    fn default() -> Self {
        Self {
            clock_mhz: 320.0,
            ii: 1,
            delays: Delays::default(),
            effort: Effort::Default,
            max_depth: Some(1),
        }
    }
}

/// Who watches while a design is made. `()` does not.
pub trait Watch: Sync {
    /// A layer begins: its name, how many are done and how many there are.
    fn begin(&self, layer: &str, done: usize, total: usize) {
        let _ = (layer, done, total);
    }

    /// Another adder graph of the layer is searched for.
    fn search(&self) {}

    /// Asked now and then while more than the default effort is spent: whether the search for better adder graphs of
    /// this layer ends.
    fn stop(&self) -> bool {
        false
    }
}

impl Watch for () {}

/// The design of a validated program. `top` is the name of its top module.
pub fn build(
    program: &Program,
    top: &str,
    target: &Target,
    watch: &dyn Watch,
) -> Result<Netlist, Diagnostic> {
    let plan = plan(program, target.ii)?;
    let adder = |width: u32| target.delays.add(width);
    let mut names = Names::default();
    for name in LOCAL {
        names.reserve(name);
    }
    let top = names.claim(top);
    let mut design = Design {
        program,
        target,
        optimizer: Optimizer::new(
            target.effort,
            target.max_depth,
            &adder,
            target.delays.product_width(1e6 / target.clock_mhz),
            watch,
        ),
        modules: Vec::new(),
        names,
        top: top.clone(),
        blocks: FxHashMap::default(),
        watch,
        done: 0,
        steps: program.blocks.iter().map(|block| block.steps.len()).sum(),
    };
    let (module, signature, trace) = Layout::new(&mut design, program.main(), plan, top).top()?;
    let mut modules = design.modules;
    modules.push(module);
    let netlist = Netlist { modules, signature, trace };
    match validate(&netlist) {
        Ok(()) => Ok(netlist),
        Err(faults) => {
            let fault = faults.first().map(ToString::to_string).unwrap_or_default();
            Err(Diagnostic::new(
                "internal",
                &program.name,
                fault,
                "this is a bug in nn2hdl: please report it with the model",
            ))
        }
    }
}

/// Names that modules have for ports and wires of their own; a module of such a name would be hidden by them. Those of
/// one letter are engines' ports: a block may use them for its own.
pub(super) const LOCAL: [&str; 7] = ["clk", "rst", "in_valid", "out_valid", "unused", "x", "y"];

/// What all modules of a design share while it is built.
pub(super) struct Design<'a, 'o> {
    pub(super) program: &'a Program,
    pub(super) target: &'a Target,
    pub(super) optimizer: Optimizer<'o>,
    pub(super) modules: Vec<Module>,
    pub(super) names: Names,
    pub(super) top: String,
    pub(super) blocks: FxHashMap<BlockId, Called>,
    watch: &'o dyn Watch,
    done: usize,
    steps: usize,
}

impl Design<'_, '_> {
    /// Period of the clock in ps.
    pub(super) fn period(&self) -> f64 {
        1e6 / self.target.clock_mhz
    }

    /// A module name that begins with the design's own and that nothing in the module around it has.
    pub(super) fn module_name(&mut self, layer: &str, around: &mut Names) -> String {
        loop {
            let name = self.names.claim(&format!("{}_{layer}", self.top));
            if around.reserve(&name) {
                return name;
            }
        }
    }

    pub(super) fn begin(&mut self, layer: &str) {
        self.watch.begin(layer, self.done, self.steps);
        self.done += 1;
    }
}
