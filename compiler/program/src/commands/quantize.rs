//! `quantize`: a float model becomes a QONNX file.

use std::collections::BTreeMap;

use nn2hdl_compiler::front;
use nn2hdl_compiler::front::onnx::encode;
use nn2hdl_compiler::quantize::format::{Method, Per, ScaleKind};
use nn2hdl_compiler::quantize::report::{Kind, OutputReport, Report, TensorReport};
use nn2hdl_compiler::quantize::{self, Bits, Quantized, Settings};
use serde::{Deserialize, Serialize};

use crate::args::{CalibrationMethod, Granularity, QuantizeArgs, QuantizeSettings, Scales};
use crate::directory::{can_write, write_file};
use crate::failure::Failure;
use crate::output::{Output, Progress, table};
use crate::{config, model, tensors};

const KEYS: &[&str] = &[
    "bits",
    "weight-bits",
    "activation-bits",
    "output-bits",
    "method",
    "percentile",
    "per",
    "scale",
    "layers",
];

/// Bits that can be asked for.
const BITS: std::ops::RangeInclusive<u32> = 2..=24;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    bits: Option<u32>,
    weight_bits: Option<u32>,
    activation_bits: Option<u32>,
    output_bits: Option<u32>,
    method: Option<String>,
    percentile: Option<f64>,
    per: Option<String>,
    scale: Option<String>,
    #[serde(default)]
    layers: BTreeMap<String, Layer>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Layer {
    weight_bits: Option<u32>,
    activation_bits: Option<u32>,
}

#[derive(Serialize)]
struct Written<'a> {
    schema: &'static str,
    model: &'a str,
    file: String,
    weight_bits: u32,
    activation_bits: u32,
    output_bits: u32,
    #[serde(flatten)]
    report: &'a Report,
}

pub fn run(args: &QuantizeArgs, output: Output) -> Result<u8, Failure> {
    let settings = settings(args)?;
    let model = model::load(args.model.as_deref())?;
    let fail = |problems| Failure::from(problems).about(&model.origin);
    let progress = Progress::new();
    progress.say("reading the model", 0, 0);
    let decoded = front::read(&model.bytes).map_err(fail)?;
    let graph = quantize::graph(&decoded).map_err(fail)?;
    let frames = tensors::read_values(&args.calibration, &model.name, &graph)?;
    if frames.is_empty() {
        return Err(Failure::new("no-frames", &args.calibration, "there are no frames to calibrate on", ""));
    }
    can_write(&args.output)?;
    let mut say = |what: &str, done: usize, total: usize| progress.say(what, done, total);
    let Quantized { model: changed, report } =
        quantize::quantize(&decoded, &frames, &settings, &mut say).map_err(fail)?;
    drop(progress);
    write_file(&args.output, &encode(&changed))?;
    let written = Written {
        schema: "nn2hdl.quantize/1",
        model: &model.name,
        file: args.output.display().to_string(),
        weight_bits: settings.weight_bits,
        activation_bits: settings.activation_bits,
        output_bits: settings.output_bits,
        report: &report,
    };
    if let Some(path) = &args.report {
        write_file(path, serde_json::to_string_pretty(&written).unwrap_or_default().as_bytes())?;
    }
    output.result(&written, &words(&report, &written.file));
    Ok(0)
}

fn settings(args: &QuantizeArgs) -> Result<Settings, Failure> {
    let config: Config = match &args.config {
        Some(path) => config::parsed(path, KEYS, "quantize")?,
        None => Config::default(),
    };
    let typed = &args.settings;
    let bits = |own: Option<u32>, all: Option<u32>| own.or(all);
    let activation = bits(typed.activation_bits, typed.bits).or(bits(config.activation_bits, config.bits));
    let weight = bits(typed.weight_bits, typed.bits).or(bits(config.weight_bits, config.bits));
    let (weight_bits, activation_bits) = (weight.unwrap_or(8), activation.unwrap_or(8));
    let output_bits = typed.output_bits.or(config.output_bits);
    let output_bits = output_bits.unwrap_or_else(|| activation_bits.max((activation_bits + 4).min(12)));
    let layer = |layer: Layer| Bits { weights: layer.weight_bits, activation: layer.activation_bits };
    let layers: BTreeMap<String, Bits> =
        config.layers.into_iter().map(|(name, own)| (name, layer(own))).collect();
    let own = layers.values().flat_map(|layer| [layer.weights, layer.activation]).flatten();
    if let Some(bits) =
        own.chain([weight_bits, activation_bits, output_bits]).find(|bits| !BITS.contains(bits))
    {
        return Err(Failure::usage(format!("{bits} bits are not possible"), "2 to 24 bits are"));
    }
    let QuantizeSettings { method, per, scale, percentile, .. } = typed;
    let method = match chosen(*method, config.method.as_deref(), "method")? {
        Some(CalibrationMethod::MinMax) => Method::MinMax,
        Some(CalibrationMethod::Percentile) => {
            let share = percentile.or(config.percentile).unwrap_or(99.9);
            if !(share > 0.0 && share <= 100.0) {
                let message = format!("{share} percent of the values cannot be covered");
                return Err(Failure::usage(message, "more than 0 and at most 100 can"));
            }
            Method::Percentile(share)
        }
        Some(CalibrationMethod::Mse) | None => Method::Mse,
    };
    if percentile.is_some() && !matches!(method, Method::Percentile(_)) {
        let message = "`--percentile` is the share that the method `percentile` covers";
        return Err(Failure::usage(message, "add `--method percentile`"));
    }
    let per = match chosen(*per, config.per.as_deref(), "per")? {
        Some(Granularity::Tensor) => Per::Tensor,
        Some(Granularity::Channel) | None => Per::Channel,
    };
    let scale = match chosen(*scale, config.scale.as_deref(), "scale")? {
        Some(Scales::Arbitrary) => ScaleKind::Arbitrary,
        Some(Scales::PowerOfTwo) | None => ScaleKind::PowerOfTwo,
    };
    Ok(Settings { weight_bits, activation_bits, output_bits, layers, method, per, scale })
}

/// What was typed, or else what the file says.
fn chosen<T: clap::ValueEnum + Copy>(
    typed: Option<T>,
    file: Option<&str>,
    key: &str,
) -> Result<Option<T>, Failure> {
    let Some(text) = file.filter(|_| typed.is_none()) else { return Ok(typed) };
    T::from_str(text, false).map(Some).map_err(|_| {
        let names: Vec<String> = T::value_variants()
            .iter()
            .filter_map(|v| v.to_possible_value())
            .map(|v| v.get_name().to_owned())
            .collect();
        Failure::usage(format!("`{key}` is {text:?}"), format!("it is one of {}", names.join(", ")))
    })
}

fn words(report: &Report, file: &str) -> String {
    let head = ["tensor", "of", "least", "greatest", "format", "scale", "SQNR dB", "saturated"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(report.tensors.iter().map(row));
    let mut text = table(&rows);
    if !report.folded.is_empty() {
        text.push_str(&format!("folded into weights: {}\n", report.folded.join(", ")));
    }
    if report.kept > 0 {
        text.push_str(&format!("{} quantizers of the model were kept\n", report.kept));
    }
    text.push_str(&outputs(&report.outputs, report.frames, "float"));
    for note in &report.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    text.push_str(&format!("\nwrote {file}; next: `nn2hdl compile {file} -o DIR`\n"));
    text
}

/// The outputs of a changed network against those of the `original`, for people.
pub fn outputs(outputs: &[OutputReport], frames: usize, original: &str) -> String {
    let line = |output: &OutputReport| {
        let OutputReport { output, greatest_error, same_largest, sqnr_db } = output;
        let (share, ratio) = (100.0 * same_largest, decibel(*sqnr_db));
        format!(
            "{output} against {original} on {frames} frames: largest in the same place in {share:.1} %, \
             greatest error {greatest_error:.3e}, {ratio} dB\n"
        )
    };
    outputs.iter().map(line).collect()
}

fn decibel(ratio: Option<f64>) -> String {
    ratio.map_or("exact".into(), |ratio| format!("{ratio:.1}"))
}

fn row(tensor: &TensorReport) -> Vec<String> {
    let TensorReport { min, max, bits, signed, least_scale, greatest_scale, scales, loss, .. } = tensor;
    let kind = match tensor.kind {
        Kind::Input => "input",
        Kind::Weights => "weights",
        Kind::Bias => "bias",
        Kind::Result => "result",
    };
    let scale = match scales {
        1 => format!("{least_scale:.3e}"),
        n => format!("{n}: {least_scale:.1e}–{greatest_scale:.1e}"),
    };
    vec![
        tensor.tensor.clone(),
        kind.to_owned(),
        format!("{min:.4}"),
        format!("{max:.4}"),
        format!("{}{bits}", if *signed { "int" } else { "uint" }),
        scale,
        decibel(tensor.sqnr_db),
        format!("{}/{}", loss.saturated, loss.samples),
    ]
}
