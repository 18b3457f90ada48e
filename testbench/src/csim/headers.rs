//! Where the C++ compiler and the headers of `ap_int` are.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::Error;
use crate::cache::Key;
use crate::toolchain::first_line;

/// Files whose text decides what `ap_int` means.
const HEADERS: [&str; 6] =
    ["ap_int.h", "ap_common.h", "ap_decl.h", "ap_int_base.h", "ap_int_ref.h", "etc/ap_private.h"];

/// The C++ compiler and the headers that C simulations are built with.
#[derive(Debug, Clone)]
pub struct HlsToolchain {
    cxx: PathBuf,
    cxx_version: String,
    include: PathBuf,
}

impl HlsToolchain {
    /// Finds the C++ compiler: `CXX`, else `g++`; and the folder of `ap_int.h`: `NN2HDL_AP_TYPES`, else `include` in
    /// the folder that `XILINX_HLS` names.
    pub fn find() -> Result<Self, Error> {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let vitis = set("XILINX_HLS").map(|root| root.join("include"));
        let tried: Vec<PathBuf> = [set("NN2HDL_AP_TYPES"), vitis].into_iter().flatten().collect();
        match tried.iter().find(|folder| folder.join("ap_int.h").is_file()) {
            Some(folder) => Self::with_headers(folder),
            None => Err(Error::HeadersNotFound { tried }),
        }
    }

    /// The same with the headers of a given folder.
    pub fn with_headers(include: &Path) -> Result<Self, Error> {
        let include = std::path::absolute(include).map_err(Error::file(include))?;
        if !include.join("ap_int.h").is_file() {
            return Err(Error::HeadersNotFound { tried: vec![include] });
        }
        let cxx = PathBuf::from(env::var_os("CXX").unwrap_or_else(|| OsString::from("g++")));
        let cxx_version = first_line(&cxx, &["--version"])
            .map_err(|reason| Error::CompilerNotFound { tried: cxx.clone(), reason })?;
        Ok(Self { cxx, cxx_version, include })
    }

    /// What the C++ compiler says of its version.
    pub fn cxx_version(&self) -> &str {
        &self.cxx_version
    }

    /// The folder of `ap_int.h`.
    pub fn include(&self) -> &Path {
        &self.include
    }

    pub(super) fn command(&self) -> Command {
        Command::new(&self.cxx)
    }

    /// A key of the compiler and of the headers' text.
    pub(super) fn key(&self) -> Key {
        let key = Key::default().field(&self.cxx_version);
        HEADERS.iter().fold(key, |key, name| key.field(fs::read(self.include.join(name)).unwrap_or_default()))
    }
}
