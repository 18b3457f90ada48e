//! `check`: every problem, and what the design would cost.

use nn2hdl_compiler::diagnostic::Diagnostic;
use nn2hdl_compiler::netlist::plan::plan;
use serde::Serialize;

use super::lower;
use crate::args::CheckArgs;
use crate::failure::Failure;
use crate::forecast::{Forecast, forecast};
use crate::output::{Output, describe, grouped};
use crate::{model, settings};

#[derive(Serialize)]
struct Checked<'a> {
    schema: &'static str,
    model: &'a str,
    problems: &'a [Diagnostic],
    forecast: Option<Forecast>,
    notes: &'a [String],
}

pub fn run(args: &CheckArgs, output: Output) -> Result<u8, Failure> {
    let model = model::load(args.model.as_deref())?;
    let settings = settings::resolve(&args.design, &model)?;
    let (problems, forecast, notes) = match lower(&model, &settings) {
        Ok(lowered) => {
            let forecast = forecast(&lowered.program, settings.target.ii);
            let mut problems: Vec<Diagnostic> = forecast.refusal(&model.name).into_iter().collect();
            problems.extend(plan(&lowered.program, settings.target.ii).err());
            (problems, Some(forecast), lowered.notes)
        }
        Err(failure) => (failure.problems, None, Vec::new()),
    };
    output.remark(describe(Some(&model.origin), &problems).trim_end());
    let mut words = match problems.len() {
        0 => format!("{}: no problems\n", model.name),
        1 => format!("{}: 1 problem\n", model.name),
        n => format!("{}: {n} problems\n", model.name),
    };
    if let Some(forecast) = forecast {
        let (adders, lut) = (grouped(forecast.adders), grouped(forecast.lut));
        words.push_str(&format!("forecast at II {}: about {adders} adders, {lut} LUT\n", forecast.ii));
    }
    let checked = Checked {
        schema: "nn2hdl.check/1",
        model: &model.name,
        problems: &problems,
        forecast,
        notes: &notes,
    };
    output.result(&checked, &words);
    Ok(u8::from(!problems.is_empty()))
}
