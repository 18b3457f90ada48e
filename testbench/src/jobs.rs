use std::{
    fs,
    process::{Command, Output},
    sync::{Mutex, mpsc},
    thread,
};

use crate::Error;

/// Runs one tool to its end; a failure carries all it said.
pub(crate) fn run(mut command: Command) -> Result<Output, Error> {
    let tool = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| Error::Tool {
        tool: tool.clone(),
        status: error.to_string(),
        output: String::new(),
    })?;
    if output.status.success() {
        return Ok(output);
    }
    Err(Error::Tool { tool, status: output.status.to_string(), output: spoken(&output) })
}

/// Runs independent commands, as many at once as the machine has cores, and reports each one done.
pub(crate) fn run_all(commands: Vec<Command>, done: &mut dyn FnMut(usize)) -> Result<(), Error> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let workers = cores.min(commands.len());
    let queue = Mutex::new(commands.into_iter());
    let (sender, receiver) = mpsc::channel();
    let mut failure = None;

    thread::scope(|scope| {
        for _ in 0..workers {
            let (queue, sender) = (&queue, sender.clone());
            scope.spawn(move || {
                loop {
                    let next = queue.lock().ok().and_then(|mut queue| queue.next());
                    let Some(command) = next else { break };
                    if sender.send(run(command)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut finished = 0;
        for result in receiver {
            match result {
                Ok(_) => {
                    finished += 1;
                    done(finished);
                }
                Err(error) => {
                    failure.get_or_insert(error);
                    if let Ok(mut queue) = queue.lock() {
                        queue.by_ref().for_each(drop);
                    }
                }
            }
        }
    });
    failure.map_or(Ok(()), Err)
}

pub(crate) fn spoken(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text.trim_end().to_owned()
}

/// CPU seconds of all children that this process has waited for; `None` where `/proc` is absent.
pub(crate) fn children_cpu_seconds() -> Option<f64> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(13);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}
