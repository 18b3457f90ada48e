//! Arrays in files: `.npy`, `.npz` and `.safetensors`.

mod archive;
mod element;
mod frames;
mod npy;

use std::path::Path;

pub use archive::Archive;
pub use element::Data;
pub use frames::{Frames, read_frames, read_values};
pub use npy::Stream;

use crate::directory::write_file;
use crate::failure::Failure;

/// The largest array that is read, in bytes.
const LARGEST: u64 = 16 << 30;

/// A named array, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Name; the file's, if the format has no names.
    pub name: String,
    /// Extents.
    pub shape: Vec<usize>,
    /// Elements.
    pub data: Data,
}

/// The bytes of a `.npz` file.
///
/// # Errors
/// What keeps them from being written.
pub fn to_archive(arrays: &[Array]) -> Result<Vec<u8>, String> {
    npy::write_archive(arrays)
}

/// Writes arrays to a `.npy` file, if there is one, or to a `.npz` file.
pub fn write(path: &Path, arrays: &[Array]) -> Result<(), Failure> {
    let bytes = match (extension(path, arrays.len())?, arrays) {
        (Extension::Npy, [array]) => npy::write(array),
        _ => npy::write_archive(arrays)
            .map_err(|message| Failure::new("tensor-file", path.display().to_string(), message, ""))?,
    };
    write_file(path, &bytes)
}

/// A type of file that is written.
#[derive(Debug)]
pub enum Extension {
    /// One array.
    Npy,
    /// Any number.
    Npz,
}

/// Checks that `count` arrays can be written to a file of this name.
pub fn extension(path: &Path, count: usize) -> Result<Extension, Failure> {
    let wrong = |message: &str| {
        let help = "results are written to .npy (one output) or .npz files";
        Err(Failure::usage(format!("{}: {message}", path.display()), help))
    };
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("npz") => Ok(Extension::Npz),
        Some("npy") if count == 1 => Ok(Extension::Npy),
        Some("npy") => wrong(&format!("a .npy file holds one array, the network has {count} outputs")),
        _ => wrong("this type of file is not written"),
    }
}
