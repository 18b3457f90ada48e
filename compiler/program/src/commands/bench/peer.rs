//! Another runtime: a process that is asked for one measurement at a time, in turn with the rest.
//!
//! The process gets the directory with `float.onnx`, `quantized.onnx`, `frames.npz` and `answers.npz` as its last argument. It first prints one line, a
//! [`Greeting`]; then, for each line `{"engine": 0, "size": 64, "seconds": 0.2, "warm": true}` that it reads, one line
//! `{"images": …, "seconds": …, "durations": […]}` or `{"error": "…"}`. It ends when its input ends.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::engine::{Ask, Burst, Engine};
use super::record;
use crate::failure::Failure;

/// Name and version of the conversation.
const SCHEMA: &str = "nn2hdl.bench-peer/1";
/// The longest line that is read.
const LONGEST: u64 = 1 << 24;

/// What a peer says first.
#[derive(Debug, Deserialize)]
struct Greeting {
    schema: String,
    engines: Vec<Introduction>,
}

/// One engine of a peer.
#[derive(Debug, Deserialize)]
struct Introduction {
    name: String,
    software: String,
    threads: Option<u32>,
    #[serde(default)]
    notes: Vec<String>,
    #[serde(default)]
    unavailable: Option<String>,
}

#[derive(Serialize)]
struct Request {
    engine: usize,
    size: usize,
    seconds: f64,
    warm: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Reply {
    Measured {
        images: u64,
        seconds: f64,
        #[serde(default)]
        durations: Vec<f64>,
    },
    Refused {
        error: String,
    },
}

/// The process.
struct Process {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Process {
    fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        let mut limited = std::io::Read::take(&mut self.from, LONGEST);
        match limited.read_line(&mut line) {
            Ok(0) => Err("it ended".into()),
            Ok(_) => Ok(line),
            Err(error) => Err(error.to_string()),
        }
    }

    fn ask(&mut self, request: &Request) -> Result<String, String> {
        let text = serde_json::to_string(request).map_err(|error| error.to_string())?;
        let to = self.to.as_mut().ok_or("it ended")?;
        writeln!(to, "{text}").and_then(|()| to.flush()).map_err(|error| error.to_string())?;
        self.line()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Without input a peer ends by itself; one that does not is ended.
        drop(self.to.take());
        for _ in 0..100 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One engine of a process.
pub struct Peer {
    process: Rc<RefCell<Process>>,
    number: usize,
}

/// Starts a peer; `dir` is where its files are.
///
/// # Errors
/// It cannot be started, or does not introduce itself.
pub fn start(command: &str, dir: &Path) -> Result<Vec<(record::Engine, Option<Peer>)>, Failure> {
    let failed = |message: String| {
        let help = "a peer is a command such as `python3 models/onnx_bench.py --serve`; what it needs must be installed";
        Failure::new("peer", command, message, help)
    };
    let mut words = command.split_whitespace();
    let program =
        words.next().ok_or_else(|| Failure::usage("an empty peer", "`--peer COMMAND` names a program"))?;
    let mut child = Command::new(program)
        .args(words)
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("it cannot be started: {error}")))?;
    let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(failed("it has no pipes".into()));
    };
    let mut process = Process { child, to: Some(to), from: BufReader::new(from) };
    let line = process.line().map_err(|message| failed(format!("no greeting: {message}")))?;
    let greeting: Greeting = serde_json::from_str(&line)
        .map_err(|error| failed(format!("its greeting is not understood: {error}")))?;
    if greeting.schema != SCHEMA {
        return Err(failed(format!("it speaks `{}`, not `{SCHEMA}`", greeting.schema)));
    }
    let process = Rc::new(RefCell::new(process));
    let engines = greeting.engines.into_iter().enumerate().map(|(number, introduced)| {
        let Introduction { name, software, threads, notes, unavailable } = introduced;
        let peer = unavailable.is_none().then(|| Peer { process: Rc::clone(&process), number });
        let engine = record::Engine {
            name,
            software,
            threads,
            timing: record::Timing::Measured,
            notes,
            unavailable,
            latency: None,
            points: Vec::new(),
            origin: None,
        };
        (engine, peer)
    });
    Ok(engines.collect())
}

impl Engine for Peer {
    fn burst(&mut self, Ask { size, seconds, warm }: Ask) -> Result<Burst, String> {
        let request = Request { engine: self.number, size, seconds, warm };
        let line = self.process.borrow_mut().ask(&request)?;
        let reply: Reply =
            serde_json::from_str(&line).map_err(|_| "its answer is not understood".to_owned())?;
        let positive = |value: f64| value.is_finite() && value > 0.0;
        match reply {
            Reply::Refused { error } => Err(error),
            Reply::Measured { images, seconds, durations }
                if images > 0 && positive(seconds) && durations.iter().all(|&d| positive(d)) =>
            {
                Ok(Burst { images, seconds, durations })
            }
            Reply::Measured { .. } => Err("its figures are not above 0".into()),
        }
    }
}
