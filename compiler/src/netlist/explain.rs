//! What a plan chose for each layer, and why; the memories that hold what has to wait.

use std::collections::BTreeMap;

use nn2hdl_runtime::interface::Spread;
use nn2hdl_runtime::{Block, Program, Step, ValueId};
use serde::Serialize;

use super::plan::{Flow, Plan, plan};
use super::{Driver, Module, NetId, Netlist};
use crate::diagnostic::Diagnostic;

/// How a layer, or an input of the network, is spread over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Movement {
    /// The input's or the layer's name.
    pub name: String,
    /// Positions along the streamed axes that come, or are computed, together.
    pub lanes: usize,
    /// Cycles from one such group to the next; 0 if there is one.
    pub interval: usize,
    /// How often in a frame: so many positions share each engine.
    pub reuse: usize,
    /// Positions that are delivered together.
    pub delivered: usize,
    /// Why.
    pub reason: String,
}

/// Words that wait equally long for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// The engine or port that they come from.
    pub from: String,
    /// Bits of a word.
    pub bits: u32,
    /// Cycles: words that the memory holds.
    pub depth: u32,
    /// Memories of this kind.
    pub count: usize,
}

/// The inputs of a network whose frames take several cycles, then its layers.
///
/// # Errors
/// If it has no plan at this initiation interval.
pub fn movements(program: &Program, ii: u32) -> Result<Vec<Movement>, Diagnostic> {
    let plan = plan(program, ii)?;
    if plan.ii == 1 {
        return Ok(Vec::new());
    }
    let block = program.main();
    let inputs = block.params.iter().map(|&id| input(block, &plan, id, ii));
    let steps = block.steps.iter().zip(&plan.flows);
    Ok(inputs.chain(steps.map(|(step, flow)| layer(block, &plan, step, flow))).collect())
}

fn lanes(way: &[Spread]) -> usize {
    way.iter().map(|spread| spread.lanes).product()
}

fn beats(way: &[Spread]) -> usize {
    way.iter().map(|spread| spread.beats).product()
}

/// Cycles from one beat to the next; 0 if there is one only.
fn interval(way: &[Spread]) -> usize {
    way.iter().rev().find(|spread| spread.beats > 1).map_or(0, |spread| spread.interval)
}

fn input(block: &Block, plan: &Plan, id: ValueId, ii: u32) -> Movement {
    let (value, way) = (block.value(id), &plan.ways[id.index()]);
    let positions: usize = way.iter().map(|spread| value.shape[spread.axis]).product();
    let scan = if way.len() > 1 { ", row by row" } else { "" };
    Movement {
        name: value.name.clone(),
        lanes: lanes(way),
        interval: interval(way),
        reuse: beats(way),
        delivered: lanes(way),
        reason: format!(
            "{positions} positions{scan}: the fewest at a time with which every layer is done within {ii} cycles"
        ),
    }
}

fn layer(block: &Block, plan: &Plan, step: &Step, flow: &Flow) -> Movement {
    let streamed: Vec<ValueId> = step.reads().filter(|id| !plan.ways[id.index()].is_empty()).collect();
    let way = streamed.first().map_or(&[][..], |id| plan.ways[id.index()].as_slice());
    let name = streamed.first().map_or("", |id| block.value(*id).name.as_str());
    let out = step.writes().first().map_or(&[][..], |id| plan.ways[id.index()].as_slice());
    let movement = |way: &[Spread], reason: String| Movement {
        name: step.name().to_owned(),
        lanes: lanes(way),
        interval: interval(way),
        reuse: beats(way),
        delivered: lanes(out),
        reason,
    };
    match flow {
        Flow::Follow(together) => {
            let own = &together.spread;
            let mut reason = format!("follows {name}, {}", rhythm(way));
            if lanes(own) != lanes(out) {
                let later = "the next layers then compute fewer at a time";
                reason += &format!("; delivers {}, so that {later}", rhythm(out));
            }
            movement(own, reason)
        }
        Flow::Accumulate => {
            movement(way, format!("a running total over the {} beats of {name}, {}", beats(way), rhythm(way)))
        }
        Flow::Whole if streamed.is_empty() => {
            movement(&[], "all at once: nothing that it reads is spread over time".into())
        }
        Flow::Whole => {
            let elements: usize = streamed.iter().map(|id| block.value(*id).len()).sum();
            let reason = format!(
                "needs elements of {name} at distances that change: all {elements} are collected in registers before"
            );
            movement(&[], reason)
        }
    }
}

fn rhythm(way: &[Spread]) -> String {
    match interval(way) {
        0 => format!("{} at once", lanes(way)),
        1 => format!("{} every cycle", lanes(way)),
        cycles => format!("{} every {cycles} cycles", lanes(way)),
    }
}

/// The memories of the top module that delay what meets something later, the largest first.
pub fn delays(netlist: &Netlist) -> Vec<Waiting> {
    let top = netlist.top();
    let mut found: BTreeMap<(String, u32, u32), usize> = BTreeMap::new();
    for net in &top.nets {
        if let Driver::Delay { d, cycles } = net.driver {
            *found.entry((origin(top, d), net.bits.width, cycles)).or_default() += 1;
        }
    }
    let mut all: Vec<Waiting> =
        found.into_iter().map(|((from, bits, depth), count)| Waiting { from, bits, depth, count }).collect();
    all.sort_by_key(|Waiting { bits, depth, count, .. }| {
        std::cmp::Reverse(u64::from(*bits) * u64::from(*depth) * *count as u64)
    });
    all
}

/// The instance or port from which a net comes by registers and memories, else the module.
fn origin(module: &Module, mut net: NetId) -> String {
    loop {
        match module.net(net).driver {
            Driver::Register { d, .. } if d < net => net = d,
            Driver::Delay { d, .. } if d < net => net = d,
            Driver::Output { instance, .. } => {
                let name = &module.instances[instance as usize].name;
                return name.strip_prefix("u_").unwrap_or(name).to_owned();
            }
            Driver::Input { port, .. } => return module.inputs[port as usize].name.clone(),
            _ => return module.name.clone(),
        }
    }
}
