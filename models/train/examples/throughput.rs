//! Trains a recipe on the synthetic source and prints crops per second: `throughput RECIPE DIR`.

use std::path::Path;

use nn2hdl_train::{Recipe, Settings, Synthetic, train};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, recipe, dir] = args.as_slice() else { return Err("usage: throughput RECIPE DIR".into()) };
    let recipe = Recipe::parse(&std::fs::read_to_string(recipe)?)?;
    let source = Synthetic { seed: 7, height: 8, width: 64 };
    let settings = Settings { dir: Path::new(dir), start: None, progress: false, stop: &|| false };
    let begun = std::time::Instant::now();
    let outcome = train(&recipe, &source, &settings)?;
    let crops: u64 = recipe.stage.iter().map(|stage| stage.steps * stage.batch as u64).sum();
    for record in outcome.records {
        println!("{}", serde_json::to_string(&record)?);
    }
    println!("{:.0} crops per second, validation included", crops as f64 / begun.elapsed().as_secs_f64());
    Ok(())
}
