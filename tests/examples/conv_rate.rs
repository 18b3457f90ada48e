//! Images per second of the emulator on two threads, codes of 8 bits in and as narrow as they fit out; see
//! `tests/bench/compare_conv_emulator`.
//!
//! usage: `conv_rate MODEL.onnx [--output-node NAME]`, then on stdin lines `IMAGES.u8 SECONDS`: raw bytes of whole
//! images. For each line one JSON object on stdout.

use std::fs;
use std::io::{self, BufRead, Write};
use std::time::{Duration, Instant};

use nn2hdl_compiler::front::{self, Options};
use nn2hdl_runtime::{Codes, CodesMut, Emulator, Program};

const THREADS: usize = 2;

/// Room for one output.
enum Room {
    Bytes(Vec<u8>),
    Short(Vec<i16>),
    Long(Vec<i32>),
}

impl Room {
    fn new(program: &Program, output: usize, frames: usize) -> Self {
        let value = program.output_value(output);
        let (len, range) = (frames * value.len(), value.format.interval());
        if range.lo >= 0 && range.hi <= u8::MAX.into() {
            Self::Bytes(vec![0; len])
        } else if range.lo >= i16::MIN.into() && range.hi <= i16::MAX.into() {
            Self::Short(vec![0; len])
        } else {
            Self::Long(vec![0; len])
        }
    }

    fn codes(&mut self) -> CodesMut<'_> {
        match self {
            Self::Bytes(codes) => codes.as_mut_slice().into(),
            Self::Short(codes) => codes.as_mut_slice().into(),
            Self::Long(codes) => codes.as_mut_slice().into(),
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let model = args.next().ok_or("usage: conv_rate MODEL.onnx [--output-node NAME]")?;
    let output_node = args.find(|arg| arg != "--output-node");
    let begin = Instant::now();
    let graph = front::import(&fs::read(model)?).map_err(|problems| problems[0].to_string())?;
    let options = Options { output_node, ..Options::default() };
    let program = front::compile(&graph, &options).map_err(|problems| problems[0].to_string())?.program;
    let lowered = begin.elapsed();
    let emulator = Emulator::new(&program)?.with_threads(THREADS);
    eprintln!("lowered in {lowered:?}, planned in {:?}", begin.elapsed() - lowered);
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (path, seconds) = line.split_once(' ').ok_or("a line is a file and seconds")?;
        let images = fs::read(path)?;
        let frames = images.len() / program.input_value(0).len();
        let mut rooms: Vec<Room> =
            (0..program.outputs.len()).map(|output| Room::new(&program, output, frames)).collect();
        let mut run =
            || emulator.run_into(&[Codes::U8(&images)], rooms.iter_mut().map(Room::codes).collect(), frames);
        run()?;
        let (until, cpu, begin) =
            (Instant::now() + Duration::from_secs_f64(seconds.parse()?), cpu_seconds()?, Instant::now());
        let mut done = 0usize;
        while Instant::now() < until {
            run()?;
            done += frames;
        }
        let (wall, cpu) = (begin.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
        let rate = done as f64 / wall;
        println!("{{\"images_per_s\": {rate:.1}, \"cpu_s_per_image\": {:e}}}", cpu / done as f64);
        io::stdout().flush()?;
    }
    Ok(())
}

/// CPU time of this process, its threads included.
fn cpu_seconds() -> Result<f64, Box<dyn std::error::Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit_once(')').ok_or("no process")?.1.split_whitespace().collect();
    let ticks = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    // The kernel's unit for these fields, on every architecture.
    Ok(ticks / 100.0)
}
