//! Samples per CPU second of the emulator on the jet tagger, one thread, and its answers; see `tests/bench/compare_emulator`.
//!
//! usage: `emulator_rate MODEL.onnx CODES.npy ANSWERS.npy SECONDS`

use std::fs;
use std::time::{Duration, Instant};

use ndarray::Array2;
use ndarray_npy::write_npy;
use nn2hdl_compiler::front::{self, Options};
use nn2hdl_runtime::Emulator;
use nn2hdl_tests::random::codes;

const FRAMES: usize = 10_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [model, codes_path, answers_path, seconds] = args.as_slice() else {
        return Err("usage: emulator_rate MODEL.onnx CODES.npy ANSWERS.npy SECONDS".into());
    };
    let graph = front::import(&fs::read(model)?).map_err(|problems| problems[0].to_string())?;
    let options = Options {
        input_format: Some("fixed<16,6>".parse()?),
        output_node: Some("Add_3_out0".into()),
        ..Options::default()
    };
    let program = front::compile(&graph, &options).map_err(|problems| problems[0].to_string())?.program;
    // Standardised features lie within ±8, not at the format's extremes.
    let inputs: Vec<i64> = codes(&program, FRAMES, 1)[0].iter().map(|code| code / 4).collect();
    let emulator = Emulator::new(&program)?.with_threads(1);
    let answers = emulator.run(&[&inputs], FRAMES)?.swap_remove(0);
    // Biases of the last layer are in the decoder: a trailing affine step is the host's.
    let logits = program.outputs[0].decoder.decode(&answers, program.output_value(0).len());
    let answers: Vec<i64> = logits.iter().map(|value| (value * 2048.0).round() as i64).collect();
    write_npy(codes_path, &Array2::from_shape_vec((FRAMES, inputs.len() / FRAMES), inputs.clone())?)?;
    write_npy(answers_path, &Array2::from_shape_vec((FRAMES, answers.len() / FRAMES), answers)?)?;
    let until = Instant::now() + Duration::from_secs_f64(seconds.parse()?);
    let (start, mut samples, mut best) = (cpu_seconds()?, 0usize, f64::INFINITY);
    while Instant::now() < until {
        let begin = cpu_seconds()?;
        for _ in 0..10 {
            std::hint::black_box(emulator.run(&[&inputs], FRAMES)?);
        }
        best = best.min((cpu_seconds()? - begin) / (10 * FRAMES) as f64);
        samples += 10 * FRAMES;
    }
    let rate = samples as f64 / (cpu_seconds()? - start);
    println!("{{\"samples_per_cpu_s\": {rate}, \"best\": {}}}", 1.0 / best);
    Ok(())
}

/// CPU time of this thread, which does all the work.
fn cpu_seconds() -> Result<f64, Box<dyn std::error::Error>> {
    let stat = fs::read_to_string("/proc/self/schedstat")?;
    let nanoseconds: f64 = stat.split_whitespace().next().ok_or("no CPU time")?.parse()?;
    Ok(nanoseconds / 1e9)
}
