//! Emitted C++ becomes a program, and frames go through it.

use std::fs;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::HlsToolchain;
use crate::cache::Cache;
use crate::{BuildStats, Error, Optimization, jobs};

const FLAGS: [&str; 2] = ["-std=c++14", "-w"];

/// A compiled design.
#[derive(Debug)]
pub struct CModel {
    program: PathBuf,
    stats: BuildStats,
}

impl CModel {
    /// Compiles the design `top` of a folder, or takes it from the cache, which is that of [`crate::Model`].
    pub fn build(
        toolchain: &HlsToolchain,
        folder: &Path,
        top: &str,
        optimization: Optimization,
    ) -> Result<Self, Error> {
        let began = Instant::now();
        let cpu_before = jobs::children_cpu_seconds();
        let folder = std::path::absolute(folder).map_err(Error::file(folder))?;
        let level = match optimization {
            Optimization::O0 => "-O0",
            Optimization::O1 => "-O1",
        };
        let functions = format!("{top}.cpp");
        let sources = [functions.clone(), format!("{top}.h"), "weights.h".into(), "tb.cpp".into()];
        let mut key = FLAGS.iter().fold(toolchain.key(), |key, flag| key.field(flag)).field(level);
        for name in &sources {
            let path = folder.join(name);
            key = key.field(name).field(fs::read(&path).map_err(Error::file(&path))?);
        }
        let cache = Cache::open()?;
        let entry = format!("{}.csim", key.finish());
        let _lock = cache.lock(&entry);
        let program = cache.entry(&entry);
        let cached = program.is_file();
        if !cached {
            let workshop = cache.workshop()?;
            let built = workshop.path().join("tb");
            // One translation unit: the headers are the larger part of a small design.
            let mut command = toolchain.command();
            command.args(FLAGS).arg(level).arg("-isystem").arg(toolchain.include());
            command.arg("-include").arg(folder.join(&functions)).arg("-I").arg(&folder);
            command.arg(folder.join("tb.cpp")).arg("-o").arg(&built);
            jobs::run(command)?;
            cache.publish(&built, &entry)?;
        }
        let cpu_seconds = jobs::children_cpu_seconds().zip(cpu_before).map(|(after, before)| after - before);
        let stats = BuildStats { cached, wall_seconds: began.elapsed().as_secs_f64(), cpu_seconds };
        Ok(Self { program, stats })
    }

    /// What the build took.
    pub fn build_stats(&self) -> BuildStats {
        self.stats
    }

    /// The codes of every output, `frames` × elements of it each, and the seconds that the function took.
    pub fn run(
        &self,
        inputs: &[Vec<i64>],
        frames: usize,
        outputs: &[usize],
    ) -> Result<(Vec<Vec<i64>>, f64), Error> {
        if frames == 0 {
            return Ok((vec![Vec::new(); outputs.len()], 0.0));
        }
        let workshop = Cache::open()?.workshop()?;
        let (given, answered) = (workshop.path().join("frames.txt"), workshop.path().join("answers.txt"));
        write(&given, inputs, frames).map_err(Error::file(&given))?;
        let mut command = Command::new(&self.program);
        command.arg(&given).arg("-o").arg(&answered);
        let said = jobs::run(command)?;
        let malformed = |what: String| Error::Simulation { message: what };
        let mut found: Vec<Vec<i64>> = outputs.iter().map(|len| Vec::with_capacity(frames * len)).collect();
        let file = fs::File::open(&answered).map_err(Error::file(&answered))?;
        let mut count = 0;
        for line in BufReader::new(file).lines() {
            let line = line.map_err(Error::file(&answered))?;
            let mut codes = line.split_ascii_whitespace();
            for (to, &len) in found.iter_mut().zip(outputs) {
                for _ in 0..len {
                    let code = codes.next().and_then(|code| code.parse().ok());
                    to.push(
                        code.ok_or_else(|| malformed(format!("frame {count} of the answers is too short")))?,
                    );
                }
            }
            if codes.next().is_some() {
                return Err(malformed(format!("frame {count} of the answers is too long")));
            }
            count += 1;
        }
        if count != frames {
            return Err(malformed(format!("{count} frames came out, {frames} went in")));
        }
        let text = String::from_utf8_lossy(&said.stdout);
        let seconds = text.split("; ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
        Ok((found, seconds.unwrap_or(f64::NAN)))
    }
}

fn write(path: &Path, inputs: &[Vec<i64>], frames: usize) -> std::io::Result<()> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    for frame in 0..frames {
        for codes in inputs {
            let len = codes.len() / frames;
            for code in &codes[frame * len..][..len] {
                write!(file, "{code} ")?;
            }
        }
        writeln!(file)?;
    }
    file.flush()
}
