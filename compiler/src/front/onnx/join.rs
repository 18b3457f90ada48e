//! Two networks in a row.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Model, RawInput, RawNode};
use crate::diagnostic::Diagnostic;

/// `first` with `second` behind it: the outputs of the one are the inputs of the other, in order. Tensors, nodes and
/// constants of the second whose names are taken get a prime.
///
/// # Errors
/// If their numbers or known extents differ, or both import an operator set in different versions or define one function.
pub fn join(first: Model, second: Model) -> Result<Model, Diagnostic> {
    check(&first, &second)?;
    let mut taken = names(&first);
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    for (from, to) in first.main.outputs.iter().zip(&second.main.inputs) {
        renamed.insert(to.name.clone(), from.name.clone());
    }
    for name in names(&second) {
        if renamed.contains_key(&name) {
            continue;
        }
        let mut other = name.clone();
        while !taken.insert(other.clone()) {
            other.push('\'');
        }
        renamed.insert(name, other);
    }
    let new = |name: &String| renamed.get(name).unwrap_or(name).clone();
    let mut whole = first;
    let moved = |node: RawNode| RawNode {
        name: new(&node.name),
        inputs: node.inputs.iter().map(new).collect(),
        outputs: node.outputs.iter().map(new).collect(),
        ..node
    };
    whole.main.nodes.extend(second.main.nodes.into_iter().map(moved));
    let constants = second.main.initializers.into_iter().map(|(name, constant)| (new(&name), constant));
    whole.main.initializers.extend(constants);
    whole.main.outputs = second.main.outputs;
    whole.main.outputs.iter_mut().for_each(|output| output.name = new(&output.name));
    for (domain, version) in second.opsets {
        if whole.opset(&domain).is_none() {
            whole.opsets.push((domain, version));
        }
    }
    whole.functions.extend(second.functions);
    Ok(whole)
}

fn check(first: &Model, second: &Model) -> Result<(), Diagnostic> {
    let refuse =
        |place: &str, message: String, help: &str| Err(Diagnostic::new("no-join", place, message, help));
    let (outputs, inputs) = (&first.main.outputs, &second.main.inputs);
    if outputs.len() != inputs.len() {
        let message =
            format!("{} outputs do not fit the {} inputs of the next network", outputs.len(), inputs.len());
        return refuse(
            &first.main.name,
            message,
            "join networks of which each takes what the one before delivers",
        );
    }
    for (from, to) in outputs.iter().zip(inputs) {
        let differ = |(a, b): (&Option<usize>, &Option<usize>)| a.is_some() && b.is_some() && a != b;
        let other = from.shape.len() != to.shape.len() || from.shape.iter().zip(&to.shape).any(differ);
        if from.ranked && other {
            let message =
                format!("{} does not fit the next network's `{}` of {}", extents(from), to.name, extents(to));
            return refuse(&from.name, message, "join networks of which each takes what the one before delivers");
        }
    }
    for (domain, version) in &second.opsets {
        if let Some(other) = first.opset(domain).filter(|other| other != version) {
            let domain = if domain.is_empty() { "ai.onnx" } else { domain };
            let message = format!("operator set `{domain}` is imported in versions {other} and {version}");
            return refuse(
                &second.main.name,
                message,
                "convert one of the networks with onnx.version_converter",
            );
        }
    }
    let same = |name: &super::Function| {
        first.functions.iter().any(|other| (&other.domain, &other.name) == (&name.domain, &name.name))
    };
    match second.functions.iter().find(|function| same(function)) {
        Some(function) => refuse(&function.name, "both networks define this function".into(), "rename one"),
        None => Ok(()),
    }
}

/// Extents, `?` where one is open.
fn extents(tensor: &RawInput) -> String {
    let extent = |extent: &Option<usize>| extent.map_or("?".to_owned(), |extent| extent.to_string());
    match tensor.shape.is_empty() {
        true => "a scalar".to_owned(),
        false => tensor.shape.iter().map(extent).collect::<Vec<_>>().join(" × "),
    }
}

/// Every name of tensors, constants and nodes.
fn names(model: &Model) -> BTreeSet<String> {
    let main = &model.main;
    let values = main.inputs.iter().chain(&main.outputs).map(|value| &value.name);
    let nodes =
        main.nodes.iter().flat_map(|node| node.inputs.iter().chain(&node.outputs).chain([&node.name]));
    let all = values.chain(main.initializers.keys()).chain(nodes);
    all.filter(|name| !name.is_empty()).cloned().collect()
}
