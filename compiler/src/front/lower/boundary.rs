//! The main block's inputs and outputs.

use std::collections::BTreeMap;

use nn2hdl_runtime::codec::Affine;
use nn2hdl_runtime::{Decoder, Encoder, Input, Interval, Output, Overflow, Quantizer, Rounding, ValueId};

use super::{Codes, Lower, Quantity, nearest};
use crate::diagnostic::Diagnostic;
use crate::graph::Graph;
use crate::ops::Fault;

impl Lower<'_> {
    pub(super) fn main_block(&mut self, graph: &Graph) {
        let mut values = BTreeMap::new();
        for &id in &graph.inputs {
            let info = graph.info(id);
            // An input of unknown shape has been complained about.
            let Some(shape) = info.shape.clone() else { continue };
            let host = self.source(&info.name, &shape, graph.framed, info.integer);
            match self.stated_format(&info.name, host, info.codes) {
                Ok(quantity) => drop(values.insert(id, quantity)),
                Err(fault) => self.problems.push(fault.at(&info.name)),
            }
        }
        self.check_format_names(graph);
        self.nodes(graph, &mut values);
        let mut results = Vec::new();
        for (number, id) in graph.outputs.iter().enumerate() {
            if graph.outputs[..number].contains(id) {
                self.note(format!("output `{}` is listed twice; it is one output", graph.info(*id).name));
                continue;
            }
            let Some(quantity) = values.get(id).cloned() else { continue };
            let name = graph.info(*id).name.clone();
            self.node.clone_from(&name);
            self.outputs = vec![(name.clone(), quantity.shape.clone())];
            self.kernels = 0;
            match self.output(&name, &quantity) {
                Ok(result) => results.push(result),
                Err(fault) => self.problems.push(fault.at(&name)),
            }
        }
        if !self.problems.is_empty() {
            return;
        }
        for number in 0..self.writer.sources.len() {
            if let Err(fault) = self.unused(number) {
                self.problems.push(fault.at(&self.writer.sources[number].name));
                return;
            }
        }
        self.extents.clone_from(&self.writer.extents);
        for (number, source) in self.writer.sources.iter().enumerate() {
            if let Some((value, encoder)) = &source.value {
                self.writer.block.params.push(*value);
                self.program.inputs.push(Input { name: source.name.clone(), encoder: encoder.clone() });
                self.bounds.push(self.writer.bounds.remove(&number));
            }
        }
        for (value, output) in results {
            self.writer.block.results.push(value);
            self.program.outputs.push(output);
        }
        self.observed();
        self.program.blocks.push(std::mem::replace(&mut self.writer, super::Writer::new("")).block);
    }

    fn check_format_names(&mut self, graph: &Graph) {
        for name in self.options.input_formats.keys() {
            if !graph.inputs.iter().any(|&id| graph.info(id).name == *name) {
                let names: Vec<&str> = graph.inputs.iter().map(|&id| graph.info(id).name.as_str()).collect();
                self.problems.push(Diagnostic::new(
                    "unknown-input",
                    name.clone(),
                    "a format is stated for an input that does not exist",
                    format!("the inputs are: {}", names.join(", ")),
                ));
            }
        }
    }

    /// An input that nothing reads still has a port, of one bit.
    fn unused(&mut self, number: usize) -> Result<(), Fault> {
        if self.writer.sources[number].value.is_some() {
            return Ok(());
        }
        let format = Interval::new(0, 1).format(0);
        let quantizer = Quantizer { format, rounding: Rounding::Trn, overflow: Overflow::Sat };
        self.set_source(number, Encoder::Fixed(quantizer), format)?;
        let name = self.writer.sources[number].name.clone();
        self.note(format!("input `{name}` is not used"));
        Ok(())
    }

    fn output(&mut self, name: &str, quantity: &Quantity) -> Result<(ValueId, Output), Fault> {
        let mut quantity = quantity.clone();
        if matches!(quantity.codes, Codes::Host(..)) && quantity.integer {
            return Err(Fault::unsupported(
                "an input of indices is an output",
                "end the network at another tensor",
            ));
        }
        // Integers leave as themselves, with their zero point.
        let moved = quantity.integer && quantity.plain_scale().is_none();
        if matches!(quantity.codes, Codes::Host(..)) || quantity.is_clamped() || moved {
            quantity = self.plain(&quantity)?;
        }
        let value = self.value(&quantity)?;
        let quantity = if quantity.is_constant() { self.coded(&quantity)? } else { quantity };
        let (links, inner) = quantity.chain.channels(&quantity.shape);
        let channels =
            links.iter().map(|link| Affine { scale: nearest(&link.a), offset: nearest(&link.b) }).collect();
        Ok((value, Output { name: name.to_owned(), decoder: Decoder { channels, inner } }))
    }
}
