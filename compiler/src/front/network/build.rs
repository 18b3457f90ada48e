//! From tables to nodes.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::{HELP, kind, meant, tensors};
use crate::diagnostic::Diagnostic;
use crate::front::import::FRAME;
use crate::front::onnx::{Attribute, ConstantTensor, ElementType, Model, RawGraph, RawInput, RawNode};
use crate::ops;

const TABLES: &[&str] = &["network", "tensors", "input", "layer"];
const NETWORK: &[&str] = &["name", "weights", "outputs", "opset", "frame", "ignore"];
const INPUT: &[&str] = &["name", "shape", "format", "type"];
const LAYER: &[&str] = &[
    "name",
    "op",
    "domain",
    "inputs",
    "outputs",
    "attributes",
    "quantize_weights",
    "activation",
    "quantize",
];

struct Builder<'a> {
    graph: RawGraph,
    file: &'a str,
    tensors: BTreeMap<String, Result<ConstantTensor, String>>,
    used: BTreeSet<String>,
    /// What a layer may read under a name, and the tensor that stands for it.
    names: BTreeMap<String, String>,
    last: String,
    domains: BTreeSet<String>,
    problems: Vec<Diagnostic>,
}

pub(super) fn build(
    name: &str,
    table: &Table,
    file: &str,
    weights: Option<&[u8]>,
) -> Result<Model, Vec<Diagnostic>> {
    let mut builder = Builder {
        graph: RawGraph { name: name.to_owned(), ..RawGraph::default() },
        file,
        tensors: BTreeMap::new(),
        used: BTreeSet::new(),
        names: BTreeMap::new(),
        last: String::new(),
        domains: BTreeSet::new(),
        problems: Vec::new(),
    };
    if let Some(bytes) = weights {
        match tensors::read(bytes) {
            Ok(tensors) => builder.tensors = tensors,
            Err(message) => {
                let help = "weights are read from .safetensors files";
                return Err(vec![Diagnostic::new("weights", file, message, help)]);
            }
        }
    }
    builder.keys("", table, TABLES);
    let empty = Table::new();
    let network = table.get("network").and_then(Value::as_table).unwrap_or(&empty);
    builder.keys("network", network, NETWORK);
    let frame = builder.boolean(network, "frame").unwrap_or(true);
    let opset = builder.integer(network, "opset").unwrap_or(17);
    builder.stated(table);
    for input in builder.list(table, "input") {
        builder.input(input, frame);
    }
    for (number, layer) in builder.list(table, "layer").into_iter().enumerate() {
        builder.layer(layer, number);
    }
    builder.finish(network, opset)
}

impl Builder<'_> {
    fn problem(&mut self, code: &'static str, node: &str, message: String, help: impl Into<String>) {
        self.problems.push(Diagnostic::new(code, node, message, help));
    }

    fn keys(&mut self, node: &str, table: &Table, known: &[&str]) {
        for key in table.keys().filter(|key| !known.contains(&key.as_str())) {
            let help = format!("{} {HELP}", meant(key, known.iter().copied()));
            self.problem("unknown-key", node, format!("unknown key `{key}`"), help);
        }
    }

    fn of_type<T>(
        &mut self,
        table: &Table,
        key: &str,
        what: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = table.get(key)?;
        let found = read(value);
        if found.is_none() {
            let node = table.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            let message = format!("`{key}` is {}, expected is {what}", kind(value));
            self.problem("network-description", &node, message, HELP);
        }
        found
    }

    fn boolean(&mut self, table: &Table, key: &str) -> Option<bool> {
        self.of_type(table, key, "a boolean", Value::as_bool)
    }

    fn integer(&mut self, table: &Table, key: &str) -> Option<i64> {
        self.of_type(table, key, "an integer", Value::as_integer)
    }

    fn text(&mut self, table: &Table, key: &str) -> Option<String> {
        self.of_type(table, key, "a string", |value| value.as_str().map(str::to_owned))
    }

    fn texts(&mut self, table: &Table, key: &str) -> Option<Vec<String>> {
        self.of_type(table, key, "a list of strings", |value| {
            value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        })
    }

    fn list<'t>(&mut self, table: &'t Table, key: &str) -> Vec<&'t Table> {
        let Some(value) = table.get(key) else { return Vec::new() };
        let tables: Option<Vec<&Table>> =
            value.as_array().and_then(|list| list.iter().map(Value::as_table).collect());
        if tables.is_none() {
            let message = format!("`{key}` is no list of tables: write `[[{key}]]` above each");
            self.problem("network-description", "", message, HELP);
        }
        tables.unwrap_or_default()
    }

    /// The shapes that tensors of the file must have.
    fn stated(&mut self, table: &Table) {
        let Some(value) = table.get("tensors") else { return };
        let Some(stated) = value.as_table() else {
            self.problem("network-description", "tensors", format!("`tensors` is {}", kind(value)), HELP);
            return;
        };
        for (name, shape) in stated {
            let Some(expected) = extents(shape) else {
                self.problem("network-description", name, "a shape is a list of extents".into(), HELP);
                continue;
            };
            let found = match self.tensors.get(name) {
                Some(Ok(tensor)) if tensor.shape == expected => continue,
                Some(Ok(tensor)) => format!("the shape is {:?}, expected is {expected:?}", tensor.shape),
                Some(Err(_)) => continue,
                None => {
                    let help = meant(name, self.tensors.keys().map(String::as_str));
                    let message = format!("{} has no tensor of this name", self.file());
                    self.problem("missing-tensor", name, message, help);
                    continue;
                }
            };
            let message = format!("{}: {found}", self.file());
            self.problem("tensor-shape", name, message, "write the weights again, or mend `[tensors]`");
        }
    }

    fn file(&self) -> String {
        if self.file.is_empty() {
            "the description names no file of `weights`, so it".into()
        } else {
            self.file.to_owned()
        }
    }

    fn define(&mut self, name: &str, tensor: &str) {
        if self.names.insert(name.to_owned(), tensor.to_owned()).is_some() || self.tensors.contains_key(name)
        {
            let help = "inputs, layers and tensors of the file need names of their own";
            self.problem("defined-twice", name, "there are two of this name".into(), help);
        }
        tensor.clone_into(&mut self.last);
    }

    fn input(&mut self, table: &Table, frame: bool) {
        let name = self.text(table, "name").unwrap_or_default();
        self.keys(&name, table, INPUT);
        let shape = self.of_type(table, "shape", "a list of extents", extents);
        let (Some(shape), false) = (shape, name.is_empty()) else {
            self.problem("network-description", &name, "an input needs `name` and `shape`".into(), HELP);
            return;
        };
        let dtype = match self.text(table, "type").as_deref() {
            None | Some("float") => ElementType::Float32,
            Some("int64") => ElementType::Int64,
            Some(other) => {
                let message = format!("inputs of type `{other}` are not known");
                self.problem("network-description", &name, message, meant(other, ["float", "int64"]));
                return;
            }
        };
        let shape = frame.then_some(None).into_iter().chain(shape.into_iter().map(Some)).collect();
        self.graph.inputs.push(RawInput { name: name.clone(), shape, ranked: true, dtype: Some(dtype) });
        let tensor = match self.text(table, "format") {
            Some(format) => self.fixed(&format!("{name}/format"), &name, &format!("{name}/format"), &format),
            None => name.clone(),
        };
        self.define(&name, &tensor);
    }

    /// Adds a rounding to `format`.
    fn fixed(&mut self, node: &str, from: &str, to: &str, format: &str) -> String {
        let attributes = BTreeMap::from([("format".to_owned(), Attribute::String(format.to_owned()))]);
        self.node(node, "Fixed", None, vec![from.to_owned()], vec![to.to_owned()], attributes);
        to.to_owned()
    }

    fn node(
        &mut self,
        name: &str,
        op: &str,
        domain: Option<String>,
        inputs: Vec<String>,
        outputs: Vec<String>,
        attributes: BTreeMap<String, Attribute>,
    ) {
        let plain = |name: &str| name.replace('_', "").to_lowercase();
        let fits =
            |entry: &&ops::Entry| domain.as_deref().is_none_or(|domain| entry.domains.contains(&domain));
        let named = ops::OPERATORS.iter().filter(fits).filter(|entry| plain(entry.name) == plain(op));
        // Where a name has several meanings and no domain is stated, ONNX's own is meant.
        let Some(entry) = named.min_by_key(|entry| (entry.name != op, !entry.domains.contains(&""))) else {
            let help = meant(op, ops::OPERATORS.iter().map(|entry| entry.name));
            self.problem("unknown-operator", name, format!("there is no operator `{op}`"), help);
            return;
        };
        let domain = domain.or_else(|| entry.domains.first().map(|&domain| domain.to_owned()));
        let domain = domain.unwrap_or_default();
        self.domains.insert(domain.clone());
        self.graph.nodes.push(RawNode {
            name: name.to_owned(),
            op_type: entry.name.to_owned(),
            domain,
            overload: String::new(),
            inputs,
            outputs,
            attributes,
        });
    }

    fn layer(&mut self, table: &Table, number: usize) {
        let name = self.text(table, "name").unwrap_or_else(|| format!("layer{number}"));
        self.keys(&name, table, LAYER);
        let Some(op) = self.text(table, "op") else {
            self.problem("network-description", &name, "a layer needs `op`".into(), HELP);
            return;
        };
        let rounding = self.text(table, "quantize_weights");
        let inputs = match table.get("inputs") {
            None => vec![self.last.clone()],
            Some(Value::Array(list)) => {
                let mut inputs = Vec::with_capacity(list.len());
                for (position, value) in list.iter().enumerate() {
                    inputs.push(self.operand(&name, position, value, rounding.as_deref()));
                }
                inputs
            }
            Some(other) => {
                let message = format!("`inputs` is {}, expected is a list", kind(other));
                self.problem("network-description", &name, message, HELP);
                return;
            }
        };
        let attributes = self.attributes(&name, table);
        let results = self.texts(table, "outputs").unwrap_or_else(|| vec![name.clone()]);
        let (activation, quantize) = (self.text(table, "activation"), self.text(table, "quantize"));
        let domain = self.text(table, "domain");
        let steps = usize::from(activation.is_some()) + usize::from(quantize.is_some());
        let mut outputs = results.clone();
        if let (Some(first), 1..) = (outputs.first_mut(), steps) {
            first.push_str("/exact");
        }
        let mut tensor = outputs.first().cloned().unwrap_or_default();
        let last = results.first().cloned().unwrap_or_default();
        self.node(&name, &op, domain, inputs, outputs, attributes);
        if let Some(activation) = activation {
            let to = if quantize.is_some() { format!("{last}/activation") } else { last.clone() };
            let node = format!("{name}/activation");
            self.node(&node, &activation, None, vec![tensor], vec![to.clone()], BTreeMap::new());
            tensor = to;
        }
        if let Some(format) = quantize {
            self.fixed(&format!("{name}/quantize"), &tensor, &last, &format);
        }
        for result in results.iter().rev().filter(|result| !result.is_empty()) {
            self.define(result, result);
        }
    }

    /// The tensor that an item of `inputs` stands for.
    fn operand(&mut self, layer: &str, position: usize, value: &Value, rounding: Option<&str>) -> String {
        let literal = |value: &Value| match value {
            Value::Integer(value) => Some((*value as f64, Some(*value))),
            Value::Float(value) => Some((*value, None)),
            _ => None,
        };
        let (shape, numbers) = match value {
            Value::String(name) => return self.named(layer, name, rounding),
            Value::Array(list) => (vec![list.len()], list.iter().map(literal).collect::<Option<Vec<_>>>()),
            other => (Vec::new(), literal(other).map(|number| vec![number])),
        };
        let Some(numbers) = numbers else {
            let message = format!("input {position} is {}", kind(value));
            let help = "give the name of a tensor, a number, or a list of numbers";
            self.problem("network-description", layer, message, help);
            return String::new();
        };
        let ints: Option<Vec<i64>> = numbers.iter().map(|number| number.1).collect();
        // A list of integers is a shape or a list of axes; a lone integer is a float such as a zero point.
        let constant = match ints.filter(|_| !shape.is_empty()) {
            Some(ints) => ConstantTensor::int(shape, ints),
            None => ConstantTensor::float(shape, numbers.iter().map(|number| number.0).collect()),
        };
        let name = format!("{layer}/input{position}");
        self.graph.initializers.insert(name.clone(), constant);
        name
    }

    fn named(&mut self, layer: &str, name: &str, rounding: Option<&str>) -> String {
        if name.is_empty() {
            return String::new();
        }
        if let Some(tensor) = self.names.get(name) {
            return tensor.clone();
        }
        self.used.insert(name.to_owned());
        match self.tensors.get(name).cloned() {
            Some(Ok(constant)) => {
                self.graph.initializers.insert(name.to_owned(), constant);
                let Some(format) = rounding else { return name.to_owned() };
                let rounded = format!("{layer}/{name}");
                self.fixed(&rounded, name, &rounded, format)
            }
            Some(Err(message)) => {
                self.problem(
                    "weights",
                    name,
                    format!("{}: {message}", self.file()),
                    "store float32 or int64",
                );
                String::new()
            }
            None => {
                let known = self.names.keys().chain(self.tensors.keys()).map(String::as_str);
                let help = meant(name, known);
                let message =
                    format!("`{name}` is no input, no earlier layer, and {} has no such tensor", self.file());
                self.problem("missing-tensor", layer, message, help);
                String::new()
            }
        }
    }

    fn attributes(&mut self, name: &str, table: &Table) -> BTreeMap<String, Attribute> {
        let mut attributes = BTreeMap::new();
        let Some(stated) = table.get("attributes") else { return attributes };
        let Some(stated) = stated.as_table() else {
            self.problem("network-description", name, format!("`attributes` is {}", kind(stated)), HELP);
            return attributes;
        };
        for (key, value) in stated {
            match attribute(value) {
                Some(attribute) => {
                    attributes.insert(key.clone(), attribute);
                }
                None => {
                    let message = format!("the attribute `{key}` is {}", kind(value));
                    let help = "attributes are numbers, strings, and lists of one of them";
                    self.problem("network-description", name, message, help);
                }
            }
        }
        attributes
    }

    fn finish(mut self, network: &Table, opset: i64) -> Result<Model, Vec<Diagnostic>> {
        let outputs = self.texts(network, "outputs").unwrap_or_else(|| vec![self.last.clone()]);
        for output in outputs {
            match self.names.get(&output).cloned().filter(|name| !name.is_empty()) {
                Some(name) => {
                    let dtype = Some(ElementType::Float32);
                    self.graph.outputs.push(RawInput { name, dtype, ..RawInput::default() });
                }
                None => {
                    let help = meant(&output, self.names.keys().map(String::as_str));
                    self.problem("missing-tensor", &output, "no layer has this output".into(), help);
                }
            }
        }
        let ignored = self.texts(network, "ignore").unwrap_or_default();
        let unused: Vec<String> = (self.tensors.keys())
            .filter(|name| !self.used.contains(*name) && !ignored.contains(name))
            .cloned()
            .collect();
        for name in unused {
            let message = format!("{}: no layer reads this tensor", self.file());
            self.problem("unused-tensor", &name, message, "name it in `inputs`, or in `ignore` of [network]");
        }
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let frame = self.boolean(network, "frame");
        let mut model = Model::new(self.graph, opset);
        if frame == Some(false) {
            model.metadata.insert(FRAME.into(), "false".into());
        }
        model
            .opsets
            .extend(self.domains.into_iter().filter(|domain| !domain.is_empty()).map(|domain| (domain, 1)));
        Ok(model)
    }
}

fn extents(value: &Value) -> Option<Vec<usize>> {
    value.as_array()?.iter().map(|item| usize::try_from(item.as_integer()?).ok()).collect()
}

fn attribute(value: &Value) -> Option<Attribute> {
    Some(match value {
        Value::Integer(value) => Attribute::Int(*value),
        Value::Boolean(value) => Attribute::Int((*value).into()),
        Value::Float(value) => Attribute::Float(*value),
        Value::String(value) => Attribute::String(value.clone()),
        Value::Array(list) => {
            let ints: Option<Vec<i64>> = list.iter().map(Value::as_integer).collect();
            let texts = || list.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>();
            let floats = || {
                let float = |item: &Value| item.as_float().or(item.as_integer().map(|value| value as f64));
                list.iter().map(float).collect::<Option<_>>()
            };
            match ints {
                Some(ints) => Attribute::Ints(ints),
                None => texts().map(Attribute::Strings).or_else(|| floats().map(Attribute::Floats))?,
            }
        }
        Value::Datetime(_) | Value::Table(_) => return None,
    })
}
