//! Blocks as functions: arrays and the calls that fill them.

use std::collections::BTreeMap;

use askama::Template;
use nn2hdl_runtime::range::{self, BlockRange};
use nn2hdl_runtime::{Block, Call, Kernel, Program, Step, ValueId};

use super::kernel::{KernelView, Writer, declaration};
use super::tables::Tables;
use super::types::Type;
use super::{Settings, clean, ports};
use crate::netlist::name::Names;

/// What `function.cpp` substitutes: calls in order, some of them repeated.
#[derive(Template)]
#[template(path = "function.cpp")]
pub(super) struct FunctionView {
    doc: String,
    name: String,
    pub arguments: String,
    pragmas: Vec<String>,
    locals: Vec<LocalView>,
    calls: Vec<String>,
    repeats: bool,
    repeat: u32,
    repeat_pragmas: Vec<String>,
    repeated: Vec<String>,
}

struct LocalView {
    declaration: String,
    pragmas: Vec<String>,
}

/// The functions of a program, as they come.
pub(super) struct Code<'a> {
    program: &'a Program,
    namespace: String,
    pub tables: Tables,
    pub kernels: Vec<KernelView>,
    pub blocks: Vec<FunctionView>,
    /// Functions of kernels by their text without the name: equal ones are one function.
    known: BTreeMap<String, String>,
    /// For each block the name of its function.
    functions: Vec<Option<String>>,
}

impl<'a> Code<'a> {
    pub fn new(program: &'a Program, tables: Tables, namespace: &str) -> Self {
        Self {
            program,
            namespace: namespace.to_owned(),
            tables,
            kernels: Vec::new(),
            blocks: Vec::new(),
            known: BTreeMap::new(),
            functions: vec![None; program.blocks.len()],
        }
    }

    /// The functions of all blocks that are called; the top function is the result.
    pub fn main(&mut self, settings: &Settings) -> FunctionView {
        let blocks = &self.program.blocks;
        let last = blocks.len() - 1;
        let mut budgets: Vec<Option<usize>> = vec![None; blocks.len()];
        budgets[last] = Some(settings.ii.max(1) as usize);
        for number in (0..=last).rev() {
            let Some(budget) = budgets[number] else { continue };
            for step in &blocks[number].steps {
                if let Step::Call(call) = step {
                    let inner = (budget / call.repeat as usize).max(1);
                    let known = &mut budgets[call.block.index()];
                    *known = Some(known.map_or(inner, |known| known.min(inner)));
                }
            }
        }
        for number in 0..last {
            if let Some(ii) = budgets[number] {
                let name = self.tables.names.claim(&blocks[number].name);
                self.functions[number] = Some(name.clone());
                let function = Function::new(self, number, ii, None).write(name);
                self.blocks.push(function);
            }
        }
        let ii = budgets[last].unwrap_or(1);
        Function::new(self, last, ii, Some(settings)).write(settings.top.clone())
    }

    /// The qualified name of a kernel's function, and the values it reads.
    fn kernel(
        &mut self,
        block: &Block,
        kernel: &Kernel,
        range: &BlockRange,
        step: usize,
        ii: usize,
    ) -> (String, Vec<ValueId>) {
        let nodes = range.nodes[step].as_ref().expect("a kernel has intervals");
        let program = self.program;
        let write = |tables: &mut Tables, canonical| {
            Writer::new(program, block, kernel, tables, canonical).write(nodes, &range.empty[step], ii)
        };
        let (mut view, reads) = write(&mut self.tables, true);
        view.doc.clear();
        let text = view.render().expect("a template that only substitutes cannot fail");
        let name = match self.known.get(&text) {
            Some(name) => name.clone(),
            None => {
                let (mut view, _) = write(&mut self.tables, false);
                view.name = self.tables.names.claim(&kernel.name);
                let name = view.name.clone();
                self.known.insert(text, name.clone());
                self.kernels.push(view);
                name
            }
        };
        (format!("{}::{name}", self.namespace), reads)
    }
}

/// One block while its function is written.
struct Function<'c, 'a> {
    code: &'c mut Code<'a>,
    block: &'a Block,
    range: BlockRange,
    ii: usize,
    names: Names,
    arguments: Vec<String>,
    pragmas: Vec<String>,
    locals: Vec<LocalView>,
    calls: Vec<String>,
    /// Where each value can be read: one array, or one for each reader.
    places: Vec<Vec<String>>,
    /// Names of the arrays that a value is copied to in the end.
    copies: Vec<(ValueId, String)>,
    /// Names of results that are written where they arise.
    direct: Vec<Option<String>>,
}

impl<'c, 'a> Function<'c, 'a> {
    /// The function of block `number`; with settings, the top function.
    fn new(code: &'c mut Code<'a>, number: usize, ii: usize, top: Option<&Settings>) -> Self {
        let program = code.program;
        let block = &program.blocks[number];
        let range = range::analyse(program, block).expect("a validated block has intervals");
        let count = block.values.len();
        let mut function = Self {
            code,
            block,
            range,
            ii,
            names: Names::default(),
            arguments: Vec::new(),
            pragmas: Vec::new(),
            locals: Vec::new(),
            calls: Vec::new(),
            places: vec![Vec::new(); count],
            copies: Vec::new(),
            direct: vec![None; count],
        };
        let readers = function.readers();
        let claim = |function: &mut Self, n: usize, fixed: Option<&Vec<String>>, text: &str| match fixed {
            Some(fixed) => {
                function.names.reserve(&fixed[n]);
                fixed[n].clone()
            }
            None => function.names.claim(text),
        };
        let mut params = Vec::new();
        for (n, &id) in block.params.iter().enumerate() {
            let value = block.value(id);
            let name = claim(&mut function, n, top.map(|top| &top.inputs), &value.name);
            function.arguments.push(format!("const {}", declaration(block, id, &name)));
            if top.is_some() {
                function.pragmas.extend(ports::interface(&name, value, ii));
            }
            params.push((id, name));
        }
        for (n, &id) in block.results.iter().enumerate() {
            let value = block.value(id);
            let text = format!("{}_out", value.name);
            let name = claim(&mut function, n, top.map(|top| &top.outputs), &text);
            function.arguments.push(declaration(block, id, &name));
            if top.is_some() {
                function.pragmas.extend(ports::interface(&name, value, ii));
            }
            let plain = readers[id.index()] == 1 && !block.params.contains(&id);
            if plain && function.direct[id.index()].is_none() {
                function.direct[id.index()] = Some(name);
            } else {
                function.copies.push((id, name));
            }
        }
        for (id, name) in params {
            function.spread(id, name, readers[id.index()]);
        }
        function.pragmas.push(match (ii, top) {
            (1, Some(_)) => "PIPELINE II=1".to_owned(),
            (1, None) => "INLINE".to_owned(),
            _ => "DATAFLOW".to_owned(),
        });
        function
    }

    /// For each value how many steps and results read it.
    fn readers(&self) -> Vec<usize> {
        let mut readers = vec![0; self.block.values.len()];
        for step in &self.block.steps {
            let mut read: Vec<ValueId> = step.reads().collect();
            if let Step::Kernel(_) = step {
                read.sort_unstable();
                read.dedup();
            }
            read.into_iter().for_each(|id| readers[id.index()] += 1);
        }
        self.block.results.iter().for_each(|id| readers[id.index()] += 1);
        readers
    }

    fn local(&mut self, id: ValueId, text: &str) -> String {
        let name = self.names.claim(text);
        self.locals.push(LocalView {
            declaration: declaration(self.block, id, &name),
            pragmas: ports::storage(&name, self.block.value(id), self.ii),
        });
        name
    }

    /// A value has arrived in `array`: in a dataflow region each reader gets a copy of its own.
    fn spread(&mut self, id: ValueId, array: String, readers: usize) {
        if self.ii == 1 || readers < 2 {
            self.places[id.index()] = vec![array];
            return;
        }
        let value = self.block.value(id);
        let (mut from, mut places) = (array, Vec::with_capacity(readers));
        for left in (1..readers).rev() {
            let name = value.name.clone();
            let (one, rest) =
                (self.local(id, &format!("{name}_copy")), self.local(id, &format!("{name}_copy")));
            let kind = Type::code(value.format).name();
            let namespace = &self.code.namespace;
            self.calls.push(format!("{namespace}::fork<{kind}, {}>({from}, {one}, {rest})", value.len()));
            places.push(one);
            if left == 1 {
                places.push(rest.clone());
            }
            from = rest;
        }
        self.places[id.index()] = places;
    }

    /// The array to read a value from, once for each reader.
    fn take(&mut self, id: ValueId) -> String {
        let places = &mut self.places[id.index()];
        if places.len() > 1 { places.remove(0) } else { places[0].clone() }
    }

    /// The array that a step writes a value to.
    fn target(&mut self, id: ValueId) -> String {
        match self.direct[id.index()].clone() {
            Some(name) => name,
            None => self.local(id, &self.block.value(id).name.clone()),
        }
    }

    fn write(mut self, name: String) -> FunctionView {
        let block = self.block;
        let readers = self.readers();
        for (number, step) in block.steps.iter().enumerate() {
            match step {
                Step::Kernel(kernel) => self.kernel(number, kernel, readers[kernel.out.index()]),
                Step::Call(call) => self.call(call, &readers),
            }
        }
        for (id, name) in std::mem::take(&mut self.copies) {
            let from = self.take(id);
            let call = self.copy(id, &from, &name);
            self.calls.push(call);
        }
        FunctionView {
            doc: clean(&block.name),
            name,
            arguments: self.arguments.join(", "),
            pragmas: self.pragmas,
            locals: self.locals,
            calls: self.calls,
            repeats: false,
            repeat: 0,
            repeat_pragmas: Vec::new(),
            repeated: Vec::new(),
        }
    }

    fn copy(&self, id: ValueId, from: &str, to: &str) -> String {
        let value = self.block.value(id);
        let kind = Type::code(value.format).name();
        format!("{}::copy<{kind}, {}>({from}, {to})", self.code.namespace, value.len())
    }

    fn kernel(&mut self, number: usize, kernel: &Kernel, readers: usize) {
        let (function, reads) = self.code.kernel(self.block, kernel, &self.range, number, self.ii);
        let mut arguments: Vec<String> = reads.into_iter().map(|id| self.take(id)).collect();
        let out = self.target(kernel.out);
        arguments.push(out.clone());
        self.calls.push(format!("{function}({})", arguments.join(", ")));
        self.spread(kernel.out, out, readers);
    }

    fn call(&mut self, call: &Call, readers: &[usize]) {
        let function = self.code.functions[call.block.index()].clone().expect("a callee comes earlier");
        let mut function = format!("{}::{function}", self.code.namespace);
        if call.repeat > 1 {
            function = self.repeated(call, &function);
        }
        let mut arguments: Vec<String> = call.args.iter().map(|&id| self.take(id)).collect();
        let results: Vec<String> = call.results.iter().map(|&id| self.target(id)).collect();
        arguments.extend(results.iter().cloned());
        self.calls.push(format!("{function}({})", arguments.join(", ")));
        for (&id, array) in call.results.iter().zip(results) {
            self.spread(id, array, readers[id.index()]);
        }
    }

    /// A function that repeats a block, with the arrays that are carried around.
    fn repeated(&mut self, call: &Call, function: &str) -> String {
        let block = self.block;
        let mut names = Names::default();
        let name = |names: &mut Names, id: ValueId, suffix: &str| {
            names.claim(&format!("{}{suffix}", block.value(id).name))
        };
        let args: Vec<String> = call.args.iter().map(|&id| name(&mut names, id, "")).collect();
        let results: Vec<String> = call.results.iter().map(|&id| name(&mut names, id, "_out")).collect();
        let carried: Vec<String> =
            call.args[..call.carried].iter().map(|&id| name(&mut names, id, "_state")).collect();
        let arguments: Vec<String> = (call.args.iter().zip(&args))
            .map(|(&id, name)| format!("const {}", declaration(block, id, name)))
            .chain(call.results.iter().zip(&results).map(|(&id, name)| declaration(block, id, name)))
            .collect();
        let locals = (call.args.iter().zip(&carried))
            .map(|(&id, name)| LocalView {
                declaration: declaration(block, id, name),
                pragmas: ports::storage(name, block.value(id), self.ii),
            })
            .collect();
        let calls = call.args.iter().zip(args.iter().zip(&carried));
        let calls = calls.map(|(&id, (from, to))| self.copy(id, from, to)).collect();
        let inner: Vec<&str> =
            carried.iter().chain(&args[call.carried..]).chain(&results).map(String::as_str).collect();
        let mut repeated = vec![format!("{function}({})", inner.join(", "))];
        let feedback = call.results.iter().zip(results.iter().zip(&carried));
        repeated.extend(feedback.map(|(&id, (from, to))| self.copy(id, from, to)));
        let name = self.code.tables.names.claim(&call.name);
        let unrolled = self.ii == 1;
        let one = |text: &str| vec![text.to_owned()];
        self.code.blocks.push(FunctionView {
            doc: clean(&format!("{}: {} times", call.name, call.repeat)),
            name: name.clone(),
            arguments: arguments.join(", "),
            pragmas: one(if unrolled { "INLINE" } else { "INLINE off" }),
            locals,
            calls,
            repeats: true,
            repeat: call.repeat,
            repeat_pragmas: if unrolled { one("UNROLL") } else { Vec::new() },
            repeated,
        });
        format!("{}::{name}", self.code.namespace)
    }
}
