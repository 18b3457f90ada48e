//! Attributes of a node, and typed access to them.

use std::collections::BTreeMap;

use super::error::DecodeError;
use super::model::{RawGraph, RawNode};
use super::tensor::ConstantTensor;

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// A float32, widened.
    Float(f64),
    /// An integer.
    Int(i64),
    /// Text.
    String(String),
    /// A constant tensor.
    Tensor(ConstantTensor),
    /// A subgraph; it may read tensors of the graph around it.
    Graph(Box<RawGraph>),
    /// Float32s, widened.
    Floats(Vec<f64>),
    /// Integers.
    Ints(Vec<i64>),
    /// Texts.
    Strings(Vec<String>),
    /// In the body of a function: the value of the function's attribute of this name.
    Reference {
        /// Name of the function's attribute.
        name: String,
        /// The type's number in the specification, 0 if not stated.
        code: i32,
    },
}

impl Attribute {
    /// What it is, in words.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Float(_) => "a float",
            Self::Int(_) => "an integer",
            Self::String(_) => "a string",
            Self::Tensor(_) => "a tensor",
            Self::Graph(_) => "a graph",
            Self::Floats(_) => "a list of floats",
            Self::Ints(_) => "a list of integers",
            Self::Strings(_) => "a list of strings",
            Self::Reference { .. } => "a reference to an attribute of the function",
        }
    }
}

/// A type that an attribute can be read as.
pub trait FromAttribute<'a>: Sized {
    /// The type in words.
    const KIND: &'static str;

    /// The value, if the attribute is of this type.
    fn from_attribute(attribute: &'a Attribute) -> Option<Self>;
}

macro_rules! from_attribute {
    ($($variant:ident => $type:ty, $kind:literal, $value:ident => $read:expr;)*) => {$(
        impl<'a> FromAttribute<'a> for $type {
            const KIND: &'static str = $kind;

            fn from_attribute(attribute: &'a Attribute) -> Option<Self> {
                match attribute {
                    Attribute::$variant($value) => Some($read),
                    _ => None,
                }
            }
        }
    )*};
}

from_attribute! {
    Float => f64, "a float", value => *value;
    Int => i64, "an integer", value => *value;
    String => &'a str, "a string", value => value;
    Tensor => &'a ConstantTensor, "a tensor", value => value;
    Graph => &'a RawGraph, "a graph", value => value;
    Floats => &'a [f64], "a list of floats", value => value;
    Ints => &'a [i64], "a list of integers", value => value;
    Strings => &'a [String], "a list of strings", value => value;
}

impl RawNode {
    /// The attribute, `None` if absent; an error if it is of another type.
    pub fn attribute<'a, T: FromAttribute<'a>>(&'a self, name: &str) -> Result<Option<T>, DecodeError> {
        let Some(attribute) = self.attributes.get(name) else { return Ok(None) };
        T::from_attribute(attribute).map(Some).ok_or_else(|| DecodeError::AttributeType {
            node: self.name.clone(),
            op_type: self.op_type.clone(),
            attribute: name.to_owned(),
            expected: T::KIND,
            found: attribute.kind(),
        })
    }

    /// The attribute, which must be present.
    pub fn required<'a, T: FromAttribute<'a>>(&'a self, name: &str) -> Result<T, DecodeError> {
        self.attribute(name)?.ok_or_else(|| DecodeError::AttributeMissing {
            node: self.name.clone(),
            op_type: self.op_type.clone(),
            attribute: name.to_owned(),
        })
    }

    /// A required integer.
    pub fn int(&self, name: &str) -> Result<i64, DecodeError> {
        self.required(name)
    }

    /// An integer with a default.
    pub fn int_or(&self, name: &str, default: i64) -> Result<i64, DecodeError> {
        Ok(self.attribute(name)?.unwrap_or(default))
    }

    /// A required list of integers.
    pub fn ints(&self, name: &str) -> Result<&[i64], DecodeError> {
        self.required(name)
    }

    /// A list of integers with a default.
    pub fn ints_or<'a>(&'a self, name: &str, default: &'a [i64]) -> Result<&'a [i64], DecodeError> {
        Ok(self.attribute(name)?.unwrap_or(default))
    }

    /// A required float.
    pub fn float(&self, name: &str) -> Result<f64, DecodeError> {
        self.required(name)
    }

    /// A float with a default.
    pub fn float_or(&self, name: &str, default: f64) -> Result<f64, DecodeError> {
        Ok(self.attribute(name)?.unwrap_or(default))
    }

    /// A required string.
    pub fn string(&self, name: &str) -> Result<&str, DecodeError> {
        self.required(name)
    }

    /// A string with a default.
    pub fn string_or<'a>(&'a self, name: &str, default: &'a str) -> Result<&'a str, DecodeError> {
        Ok(self.attribute(name)?.unwrap_or(default))
    }

    /// A required tensor.
    pub fn tensor(&self, name: &str) -> Result<&ConstantTensor, DecodeError> {
        self.required(name)
    }

    /// One error for each attribute that is not among the `known` ones, so that none is ignored in silence.
    pub fn refuse_unknown(&self, known: &[&str]) -> Vec<DecodeError> {
        let unknown = self.attributes.keys().filter(|name| !known.contains(&name.as_str()));
        let error = |name: &String| DecodeError::AttributeUnknown {
            node: self.name.clone(),
            op_type: self.op_type.clone(),
            attribute: name.clone(),
            known: known.iter().map(|&name| name.to_owned()).collect(),
        };
        unknown.map(error).collect()
    }

    /// A reader that remembers which attributes it was asked for.
    pub fn reader(&self) -> AttributeReader<'_> {
        AttributeReader { node: self, asked: Vec::new() }
    }

    /// The node as it is in one call of its function: each reference is replaced by the caller's value or else the
    /// default, and left out if there is neither (it then takes the operator's own default). Subgraphs too.
    pub fn bound(&self, values: &BTreeMap<String, Attribute>) -> RawNode {
        let mut node = self.clone();
        bind(&mut node, values);
        node
    }
}

fn bind(node: &mut RawNode, values: &BTreeMap<String, Attribute>) {
    let attributes = std::mem::take(&mut node.attributes);
    node.attributes = attributes
        .into_iter()
        .filter_map(|(name, attribute)| match attribute {
            Attribute::Reference { name: target, .. } => {
                values.get(&target).map(|value| (name, value.clone()))
            }
            Attribute::Graph(mut graph) => {
                graph.nodes.iter_mut().for_each(|node| bind(node, values));
                Some((name, Attribute::Graph(graph)))
            }
            other => Some((name, other)),
        })
        .collect();
}

/// Reads a node's attributes and knows which were not read; see [`RawNode::reader`].
///
/// An importer asks for all that it understands, then calls [`finish`](Self::finish).
#[derive(Debug)]
pub struct AttributeReader<'a> {
    node: &'a RawNode,
    asked: Vec<String>,
}

impl<'a> AttributeReader<'a> {
    /// The attribute, `None` if absent; an error if it is of another type.
    pub fn get<T: FromAttribute<'a>>(&mut self, name: &str) -> Result<Option<T>, DecodeError> {
        self.ignore(name);
        self.node.attribute(name)
    }

    /// The attribute or a default.
    pub fn or<T: FromAttribute<'a>>(&mut self, name: &str, default: T) -> Result<T, DecodeError> {
        Ok(self.get(name)?.unwrap_or(default))
    }

    /// The attribute, which must be present.
    pub fn required<T: FromAttribute<'a>>(&mut self, name: &str) -> Result<T, DecodeError> {
        self.ignore(name);
        self.node.required(name)
    }

    /// Marks an attribute as known although its value does not matter.
    pub fn ignore(&mut self, name: &str) {
        if !self.asked.iter().any(|asked| asked == name) {
            self.asked.push(name.to_owned());
        }
    }

    /// One error for each attribute that was never asked for.
    pub fn finish(self) -> Vec<DecodeError> {
        let asked = self.asked.iter().map(String::as_str).collect::<Vec<_>>();
        self.node.refuse_unknown(&asked)
    }
}
