//! `inspect`: what a model consists of.

use nn2hdl_compiler::cmvm::Effort;
use nn2hdl_compiler::netlist::Cost;
use nn2hdl_compiler::netlist::position::{PositionCost, per_position};
use nn2hdl_runtime::Program;
use serde::Serialize;

use super::lower;
use crate::args::InspectArgs;
use crate::failure::Failure;
use crate::forecast::{Work, work};
use crate::output::{Output, grouped, table};
use crate::{model, settings};

#[derive(Serialize)]
struct Inspected {
    schema: &'static str,
    model: String,
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
    layers: Vec<Layer>,
    parameters: u64,
    nonzero_weights: u64,
    bit_operations: u64,
    /// Adder bits per position of an image, of all layers; absent if there is no image.
    position_adder_bits: Option<u64>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Tensor {
    name: String,
    shape: Vec<usize>,
    format: String,
}

#[derive(Serialize)]
struct Layer {
    name: String,
    result: Tensor,
    parameters: u64,
    nonzero_weights: u64,
    bit_operations: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<Cost>,
}

pub fn run(args: &InspectArgs, output: Output) -> Result<u8, Failure> {
    let model = model::load(args.model.as_deref())?;
    let settings = settings::resolve(&args.design, &model)?;
    let lowered = lower(&model, &settings)?;
    let positions = per_position(&lowered.program, Effort::Default).map_err(Failure::from)?;
    let inspected = inspect(&lowered.program, positions, lowered.notes);
    output.result(&inspected, &words(&inspected));
    Ok(0)
}

fn inspect(program: &Program, positions: Vec<PositionCost>, notes: Vec<String>) -> Inspected {
    let main = program.main();
    let tensor = |value: &nn2hdl_runtime::Value, name: &str| Tensor {
        name: name.to_owned(),
        shape: value.shape.clone(),
        format: value.format.to_string(),
    };
    let inputs =
        program.inputs.iter().enumerate().map(|(n, input)| tensor(program.input_value(n), &input.name));
    let outputs =
        program.outputs.iter().enumerate().map(|(n, output)| tensor(program.output_value(n), &output.name));
    let mut all = Work::default();
    let layers = main.steps.iter().map(|step| {
        let (value, work) = (main.value(step.writes()[0]), work(program, step));
        all.join(&work);
        let (parameters, nonzero_weights) = work.parameters(program);
        let (name, result) = (step.name().to_owned(), tensor(value, &value.name));
        let position = positions.iter().find(|position| position.layer == name).map(|position| position.cost);
        Layer { name, result, parameters, nonzero_weights, bit_operations: work.bit_operations, position }
    });
    let layers: Vec<Layer> = layers.collect();
    let (parameters, nonzero_weights) = all.parameters(program);
    Inspected {
        schema: "nn2hdl.inspect/1",
        model: program.name.clone(),
        inputs: inputs.collect(),
        outputs: outputs.collect(),
        parameters,
        nonzero_weights,
        bit_operations: all.bit_operations,
        position_adder_bits: (!positions.is_empty())
            .then(|| positions.iter().map(|position| position.cost.adder_bits).sum()),
        layers,
        notes,
    }
}

fn words(inspected: &Inspected) -> String {
    let mut rows = vec![
        ["layer", "shape", "format", "parameters", "nonzero", "bit operations"].map(str::to_owned).to_vec(),
    ];
    if inspected.position_adder_bits.is_some() {
        rows[0].push("adder bits / position".into());
    }
    let tensor = |kind: &str, Tensor { name, shape, format }: &Tensor| {
        vec![format!("{kind}{name}"), extents(shape), format.clone()]
    };
    rows.extend(inspected.inputs.iter().map(|input| tensor("input ", input)));
    for Layer { name, result, parameters, nonzero_weights, bit_operations, position } in &inspected.layers {
        let mut row = tensor("", result);
        row[0].clone_from(name);
        row.extend([*parameters, *nonzero_weights, *bit_operations].map(grouped));
        row.extend(position.map(|cost| grouped(cost.adder_bits)));
        rows.push(row);
    }
    rows.extend(inspected.outputs.iter().map(|output| tensor("output ", output)));
    let totals = [inspected.parameters, inspected.nonzero_weights, inspected.bit_operations].map(grouped);
    let all = ["in all".into(), String::new(), String::new()].into_iter().chain(totals);
    rows.push(all.chain(inspected.position_adder_bits.map(grouped)).collect());
    let notes: String = inspected.notes.iter().map(|note| format!("note: {note}\n")).collect();
    format!("{}\n{}{notes}", inspected.model, table(&rows))
}

fn extents(shape: &[usize]) -> String {
    if shape.is_empty() {
        "scalar".into()
    } else {
        shape.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
    }
}
