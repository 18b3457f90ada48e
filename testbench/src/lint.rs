use std::path::PathBuf;

use crate::{Error, Toolchain, jobs};

/// The names of Verilator's warnings that [`lint`] does not count, each known to every supported version.
///
/// Empty on purpose. Bits that a shift drops are `UNUSEDSIGNAL` unless the design says that it means
/// it, with a wire whose name has `unused` in it: `wire unused = &{1'b0, sum[3:0]};`.
pub const WAIVED: &[&str] = &[];

/// Runs Verilator's lint with all warnings on, as Verilog-2005, and fails on any.
pub fn lint(toolchain: &Toolchain, sources: &[PathBuf], top: &str) -> Result<(), Error> {
    let mut command = toolchain.verilator();
    command.args(["--lint-only", "-Wall", "--language", "1364-2005", "--top-module", top]);
    command.args(WAIVED.iter().map(|name| format!("-Wno-{name}")));
    // Verilator takes the part of a path up to its first space for the file's name, and warns of it.
    let sources = sources.iter().map(|source| std::path::absolute(source).map_err(Error::file(source)));
    let sources: Vec<PathBuf> = sources.collect::<Result<_, _>>()?;
    let shared = sources.first().and_then(|first| {
        first.ancestors().skip(1).find(|folder| sources.iter().all(|source| source.starts_with(folder)))
    });
    if let Some(folder) = shared {
        command.current_dir(folder);
        command.args(sources.iter().map(|source| source.strip_prefix(folder).unwrap_or(source)));
    }
    match jobs::run(command) {
        Ok(output) if !jobs::spoken(&output).contains("%Warning") => Ok(()),
        Ok(output) => Err(Error::Lint { top: top.to_owned(), output: jobs::spoken(&output) }),
        Err(Error::Tool { output, .. }) => Err(Error::Lint { top: top.to_owned(), output }),
        Err(error) => Err(error),
    }
}
