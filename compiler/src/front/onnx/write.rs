//! From the neutral form to protobuf messages.

use std::collections::BTreeMap;

use super::attribute::Attribute;
use super::model::{Function, Model, RawGraph, RawInput, RawNode};
use super::proto::{
    AttributeProto, DimensionProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use super::read::kind;
use super::tensor::{self, ConstantTensor};

pub(super) fn write_model(model: &Model) -> ModelProto {
    let entry =
        |(key, value): (&String, &String)| StringStringEntryProto { key: key.clone(), value: value.clone() };
    let mut main = write_graph(&model.main);
    if model.ir_version < 4 {
        // Up to format version 3 every initializer must be listed as an input as well.
        let constant = |(name, constant): (&String, &ConstantTensor)| RawInput {
            name: name.clone(),
            shape: constant.shape.iter().copied().map(Some).collect(),
            ranked: true,
            dtype: Some(constant.dtype),
        };
        let constants = model.main.initializers.iter().map(constant);
        main.input.extend(constants.map(|input| write_value(&input)));
    }
    ModelProto {
        ir_version: model.ir_version,
        opset_import: write_opsets(&model.opsets),
        producer_name: model.producer.clone(),
        graph: Some(main),
        metadata_props: model.metadata.iter().map(entry).collect(),
        functions: model.functions.iter().map(write_function).collect(),
    }
}

fn write_opsets(opsets: &[(String, i64)]) -> Vec<OperatorSetIdProto> {
    let write =
        |(domain, version): &(String, i64)| OperatorSetIdProto { domain: domain.clone(), version: *version };
    opsets.iter().map(write).collect()
}

fn write_graph(graph: &RawGraph) -> GraphProto {
    GraphProto {
        node: graph.nodes.iter().map(write_node).collect(),
        name: graph.name.clone(),
        initializer: graph
            .initializers
            .iter()
            .map(|(name, constant)| tensor::write(constant, name))
            .collect(),
        input: graph.inputs.iter().map(write_value).collect(),
        output: graph.outputs.iter().map(write_value).collect(),
        sparse_initializer: Vec::new(),
    }
}

fn write_value(value: &RawInput) -> ValueInfoProto {
    let dim =
        |size: &Option<usize>| DimensionProto { dim_value: size.map(|size| size as i64), dim_param: None };
    let stated = value.ranked || value.dtype.is_some();
    let kind = stated.then(|| TensorTypeProto {
        elem_type: value.dtype.map_or(0, |dtype| dtype.code()),
        shape: value.ranked.then(|| TensorShapeProto { dim: value.shape.iter().map(dim).collect() }),
    });
    ValueInfoProto {
        name: value.name.clone(),
        r#type: kind.map(|tensor| TypeProto { tensor_type: Some(tensor) }),
    }
}

fn write_node(node: &RawNode) -> NodeProto {
    NodeProto {
        input: node.inputs.clone(),
        output: node.outputs.clone(),
        name: node.name.clone(),
        op_type: node.op_type.clone(),
        attribute: write_attributes(&node.attributes),
        domain: node.domain.clone(),
        overload: node.overload.clone(),
    }
}

fn write_attributes(attributes: &BTreeMap<String, Attribute>) -> Vec<AttributeProto> {
    attributes.iter().map(|(name, attribute)| write_attribute(name, attribute)).collect()
}

fn write_attribute(name: &str, attribute: &Attribute) -> AttributeProto {
    let mut proto = AttributeProto { name: name.to_owned(), ..AttributeProto::default() };
    proto.r#type = match attribute {
        Attribute::Float(value) => {
            proto.f = Some(*value as f32);
            kind::FLOAT
        }
        Attribute::Int(value) => {
            proto.i = Some(*value);
            kind::INT
        }
        Attribute::String(value) => {
            proto.s = Some(value.clone().into_bytes());
            kind::STRING
        }
        Attribute::Tensor(value) => {
            proto.t = Some(tensor::write(value, ""));
            kind::TENSOR
        }
        Attribute::Graph(value) => {
            proto.g = Some(write_graph(value));
            kind::GRAPH
        }
        Attribute::Floats(values) => {
            proto.floats = values.iter().map(|&value| value as f32).collect();
            kind::FLOATS
        }
        Attribute::Ints(values) => {
            proto.ints = values.clone();
            kind::INTS
        }
        Attribute::Strings(values) => {
            proto.strings = values.iter().map(|value| value.clone().into_bytes()).collect();
            kind::STRINGS
        }
        Attribute::Reference { name, code } => {
            proto.ref_attr_name = name.clone();
            *code
        }
    };
    proto
}

fn write_function(function: &Function) -> FunctionProto {
    FunctionProto {
        name: function.name.clone(),
        input: function.inputs.clone(),
        output: function.outputs.clone(),
        attribute: function.attributes.clone(),
        node: function.nodes.iter().map(write_node).collect(),
        opset_import: write_opsets(&function.opsets),
        domain: function.domain.clone(),
        attribute_proto: write_attributes(&function.defaults),
        overload: function.overload.clone(),
    }
}
