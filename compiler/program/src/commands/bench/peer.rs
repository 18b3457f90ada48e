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
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::engine::{Ask, Burst, Engine};
use super::record;
use crate::failure::Failure;

/// Name and version of the conversation.
const SCHEMA: &str = "nn2hdl.bench-peer/1";
/// The longest line that is read.
const LONGEST: u64 = 1 << 24;
/// A buffer may take so many times the seconds that were asked for, beyond [`Patience::reply`].
const FACTOR: f64 = 40.0;

/// How long a peer may be silent; then it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Before its greeting.
    pub greeting: Duration,
    /// Before an answer to a request of no seconds.
    pub reply: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self { greeting: minute, reply: minute }
    }
}

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
    lines: Receiver<Result<String, String>>,
    patience: Patience,
}

/// The lines of a process, read by a thread of their own, which ends with the process.
fn lines(from: ChildStdout) -> Receiver<Result<String, String>> {
    let (put, lines) = sync_channel(1);
    let mut from = BufReader::new(from);
    std::thread::spawn(move || {
        loop {
            let mut line = String::new();
            let mut limited = std::io::Read::take(&mut from, LONGEST);
            let read = match limited.read_line(&mut line) {
                Ok(0) => return,
                Ok(_) if !line.ends_with('\n') && line.len() as u64 == LONGEST => {
                    Err(format!("a line of more than {LONGEST} bytes"))
                }
                Ok(_) => Ok(line),
                Err(error) => Err(error.to_string()),
            };
            let last = read.is_err();
            if put.send(read).is_err() || last {
                return;
            }
        }
    });
    lines
}

impl Process {
    /// The next line; a process that is silent for `limit` is killed.
    fn line(&mut self, limit: Duration) -> Result<String, String> {
        match self.lines.recv_timeout(limit) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => Err("it ended".into()),
            Err(RecvTimeoutError::Timeout) => {
                self.to = None;
                let _ = self.child.kill();
                Err(format!("no answer within {} s; it was ended", limit.as_secs_f64()))
            }
        }
    }

    fn ask(&mut self, request: &Request) -> Result<String, String> {
        let text = serde_json::to_string(request).map_err(|error| error.to_string())?;
        let to = self.to.as_mut().ok_or("it was ended: an answer took too long")?;
        writeln!(to, "{text}").and_then(|()| to.flush()).map_err(|error| error.to_string())?;
        let seconds = Duration::try_from_secs_f64(request.seconds * FACTOR).unwrap_or(Duration::MAX);
        self.line(self.patience.reply.saturating_add(seconds))
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
/// It cannot be started, or does not introduce itself in time.
pub fn start(
    command: &str,
    dir: &Path,
    patience: Patience,
) -> Result<Vec<(record::Engine, Option<Peer>)>, Failure> {
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
    let mut process = Process { child, to: Some(to), lines: lines(from), patience };
    let line =
        process.line(patience.greeting).map_err(|message| failed(format!("no greeting: {message}")))?;
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
        engine.check().map_err(|message| failed(format!("engine {number}: {message}")))?;
        Ok((engine, peer))
    });
    engines.collect()
}

impl Engine for Peer {
    fn burst(&mut self, Ask { size, seconds, warm }: Ask) -> Result<Burst, String> {
        let request = Request { engine: self.number, size, seconds, warm };
        let line = self.process.borrow_mut().ask(&request)?;
        let reply: Reply =
            serde_json::from_str(&line).map_err(|_| "its answer is not understood".to_owned())?;
        let possible = record::possible;
        match reply {
            Reply::Refused { error } => Err(error),
            Reply::Measured { images, seconds, durations }
                if possible(images as f64 / seconds)
                    && durations.iter().all(|&seconds| possible(seconds * 1e6)) =>
            {
                Ok(Burst { images, seconds, durations })
            }
            Reply::Measured { .. } => Err("its figures are impossible".into()),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(50);

    fn started(text: &str, patience: Patience) -> Result<Vec<(record::Engine, Option<Peer>)>, Failure> {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("peer");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        start(&format!("sh {}", path.display()), root.path(), patience)
    }

    #[test]
    fn silent_peers_are_ended_and_impossible_ones_refused() {
        let silent = started("exec sleep 3600", Patience { greeting: SHORT, reply: LONG });
        let message = silent.map(|_| ()).unwrap_err().problems[0].message.clone();
        assert!(message.contains("no greeting: no answer within 0.05 s"), "{message}");

        let greeting = r#"echo '{"schema": "nn2hdl.bench-peer/1", "engines": [{"name": "a", "software": "b", "threads": 1}]}'"#;
        let text = format!("{greeting}\nexec sleep 3600");
        let mut engines = started(&text, Patience { greeting: LONG, reply: SHORT }).unwrap();
        let mut peer = engines.remove(0).1.unwrap();
        let ask = Ask { size: 1, seconds: 0.0, warm: false };
        assert!(peer.burst(ask).unwrap_err().contains("no answer within 0.05 s"));
        assert!(peer.burst(ask).unwrap_err().contains("took too long"));

        let text = format!("{greeting}\nread request\nexec echo '{{\"images\": 1, \"seconds\": 1e-300}}'");
        let mut engines = started(&text, Patience::default()).unwrap();
        assert_eq!(engines.remove(0).1.unwrap().burst(ask), Err("its figures are impossible".into()));

        let unnamed = greeting.replace(r#""a""#, r#""""#);
        let message =
            started(&unnamed, Patience::default()).map(|_| ()).unwrap_err().problems[0].message.clone();
        assert!(message.contains("1 to 200 characters"), "{message}");
    }
}
