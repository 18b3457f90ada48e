//! Files of arrays.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use zip::ZipArchive;

use super::element::Element;
use super::{Array, LARGEST, npy};
use crate::failure::Failure;

/// A file of arrays; each is read when it is asked for.
pub enum Archive {
    /// One array without a name.
    Npy(Array),
    /// A zip file of `.npy` files.
    Npz(ZipArchive<Box<dyn Source>>),
    /// A whole `.safetensors` file in memory.
    SafeTensors(Vec<u8>),
}

/// What a zip file is read from.
pub trait Source: Read + Seek {}
impl<T: Read + Seek> Source for T {}

fn unreadable(path: &str, message: impl Into<String>) -> Failure {
    Failure::new("tensor-file", path, message, "arrays are read from .npy, .npz and .safetensors files")
}

impl Archive {
    /// Opens a file by its extension.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let shown = path.display().to_string();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if !["npy", "npz", "safetensors"].contains(&extension) {
            return Err(unreadable(&shown, format!("files of type `.{extension}` are not read")));
        }
        let file = BufReader::new(File::open(path).map_err(|error| Failure::file(path, &error))?);
        let wrong = |message: String| unreadable(&shown, message);
        match extension {
            "npy" => npy::read("", file).map(Self::Npy).map_err(wrong),
            "npz" => Self::npz(file).map_err(wrong),
            _ => {
                let bytes = crate::model::read(path, LARGEST)?;
                SafeTensors::deserialize(&bytes).map_err(|error| wrong(error.to_string()))?;
                Ok(Self::SafeTensors(bytes))
            }
        }
    }

    /// A `.npz` file that is part of the program.
    pub fn embedded(bytes: &'static [u8]) -> Result<Self, Failure> {
        Self::npz(Cursor::new(bytes)).map_err(|message| unreadable("sample", message))
    }

    fn npz(source: impl Source + 'static) -> Result<Self, String> {
        let source: Box<dyn Source> = Box::new(source);
        ZipArchive::new(source).map(Self::Npz).map_err(|error| error.to_string())
    }

    /// The names of its arrays, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = match self {
            Self::Npy(_) => Vec::new(),
            Self::Npz(archive) => npy::names(archive),
            Self::SafeTensors(bytes) => {
                let tensors = SafeTensors::deserialize(bytes);
                tensors
                    .map(|tensors| tensors.names().into_iter().map(str::to_owned).collect())
                    .unwrap_or_default()
            }
        };
        names.sort();
        names
    }

    /// Reads one array.
    pub fn read(&mut self, name: &str) -> Result<Array, String> {
        match self {
            Self::Npy(array) => Ok(array.clone()),
            Self::Npz(archive) => npy::read_from(archive, name),
            Self::SafeTensors(bytes) => {
                let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
                let tensor = tensors.tensor(name).map_err(|error| error.to_string())?;
                let data = element(tensor.dtype())?.read(tensor.data(), false)?;
                Ok(Array { name: name.to_owned(), shape: tensor.shape().to_vec(), data })
            }
        }
    }
}

fn element(dtype: Dtype) -> Result<Element, String> {
    let int = |signed, bytes| Element::Int { signed, bytes };
    Ok(match dtype {
        Dtype::BOOL => Element::Bool,
        Dtype::U8 => int(false, 1),
        Dtype::I8 => int(true, 1),
        Dtype::I16 => int(true, 2),
        Dtype::U16 => int(false, 2),
        Dtype::I32 => int(true, 4),
        Dtype::U32 => int(false, 4),
        Dtype::I64 => int(true, 8),
        Dtype::U64 => int(false, 8),
        Dtype::F16 => Element::Float(2),
        Dtype::BF16 => Element::BFloat,
        Dtype::F32 => Element::Float(4),
        Dtype::F64 => Element::Float(8),
        other => return Err(format!("elements of type {other:?} are not read")),
    })
}
