//! The settings of a design, resolved: options before the configuration file before the zoo model's own.

use clap::Parser;
use nn2hdl_compiler::cmvm::Effort;
use nn2hdl_compiler::front::Options;
use nn2hdl_compiler::netlist::Target;
use nn2hdl_compiler::schedule::Delays;

use crate::args::{DesignArgs, Tried};
use crate::config;
use crate::failure::Failure;
use crate::model::{Model, read};

/// How often the effort `thorough` takes the rounds of the default.
const THOROUGH: u32 = 25;

/// Everything that decides what is compiled from a model.
#[derive(Debug)]
pub struct Settings {
    /// For the front end.
    pub options: Options,
    /// For the hardware.
    pub target: Target,
}

/// Resolves settings for `model`.
pub fn resolve(typed: &DesignArgs, model: &Model) -> Result<Settings, Failure> {
    #[derive(Parser)]
    struct Zoo {
        #[command(flatten)]
        design: DesignArgs,
    }
    let zoo = Zoo::try_parse_from(std::iter::once("zoo").chain(model.options.iter().copied()))
        .map_err(|error| {
            Failure::new("internal", "", error.to_string(), "this is a bug in nn2hdl; please report it")
        })?
        .design;
    let config = typed.config.as_deref().map(config::load).transpose()?.unwrap_or_default();
    let layers = [&zoo, &config, typed];

    let mut options = Options::default();
    let mut target = Target::default();
    for layer in layers {
        for one in &layer.input_format {
            match &one.name {
                Some(name) => {
                    options.input_formats.insert(name.clone(), one.format);
                }
                None => options.input_format = Some(one.format),
            }
        }
        options.default_format = layer.default_format.or(options.default_format);
        options.output_node = layer.output_node.clone().or(options.output_node);
        options.table_bits = layer.table_bits.unwrap_or(options.table_bits);
        target.clock_mhz = layer.clock_mhz.unwrap_or(target.clock_mhz);
        target.effort = match layer.effort {
            None => target.effort,
            Some(Tried::Fast) => Effort::Fast,
            Some(Tried::Default) => Effort::Default,
            Some(Tried::Thorough) => Effort::Thorough { times: THOROUGH },
        };
        target.ii = layer.ii.unwrap_or(target.ii);
        if let Some(path) = &layer.delays {
            let bytes = read(path, 1 << 20)?;
            target.delays = delays(&bytes).map_err(|message| {
                let help = "a delay model has the same keys as compiler/src/schedule/delays.json";
                Failure::new("delays", "", message, help).about(path.display().to_string())
            })?;
        }
    }
    if !(1.0..=2000.0).contains(&target.clock_mhz) {
        return Err(Failure::usage(
            format!("a clock of {} MHz is not possible", target.clock_mhz),
            "1 to 2000 MHz are",
        ));
    }
    if target.ii == 0 {
        return Err(Failure::usage(
            "an II of 0 cycles is not possible",
            "`--ii 1` takes a frame every cycle",
        ));
    }
    if !(1..=24).contains(&options.table_bits) {
        let message = format!("tables of {} input bits are not possible", options.table_bits);
        return Err(Failure::usage(message, "1 to 24 bits are"));
    }
    Ok(Settings { options, target })
}

fn delays(bytes: &[u8]) -> Result<Delays, String> {
    let delays: Delays = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let pairs = [delays.adder, delays.compare, delays.select, delays.extreme, delays.table, delays.multiply];
    let mut all = [delays.clock_to_q, delays.setup].into_iter().chain(pairs.into_iter().flatten());
    match all.find(|delay| !(0.0..=1e9).contains(delay)) {
        Some(delay) => Err(format!("{delay} is not a delay in ps")),
        None => Ok(delays),
    }
}
