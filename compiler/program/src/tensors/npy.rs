//! numpy's `.npy` and `.npz`.

use std::io::{Cursor, Read, Seek, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::element::{Data, Element};
use super::{Array, LARGEST};

const MAGIC: &[u8] = b"\x93NUMPY";

/// Reads a `.npy` file; `reader` is at its beginning.
pub fn read(name: &str, mut reader: impl Read) -> Result<Array, String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut start = [0u8; 8];
    reader.read_exact(&mut start).map_err(|_| "not a numpy array")?;
    if &start[..6] != MAGIC {
        return Err("not a numpy array".into());
    }
    let mut length = [0u8; 4];
    let bytes = match start[6] {
        1 => 2,
        2 | 3 => 4,
        version => return Err(format!("version {version} of numpy's format is unknown")),
    };
    reader.read_exact(&mut length[..bytes]).map_err(failed)?;
    let length = u32::from_le_bytes(length);
    if length > 1 << 20 {
        return Err("the header is too long".into());
    }
    let mut header = vec![0; length as usize];
    reader.read_exact(&mut header).map_err(failed)?;
    let header = Header::parse(&String::from_utf8_lossy(&header))?;

    let count = header.shape.iter().try_fold(1usize, |n, &extent| n.checked_mul(extent));
    let size =
        count.and_then(|n| n.checked_mul(header.element.size())).filter(|&size| size as u64 <= LARGEST);
    let size = size.ok_or_else(|| format!("an array of more than {LARGEST} bytes is not read"))?;
    let mut data = Vec::new();
    reader.take(size as u64).read_to_end(&mut data).map_err(failed)?;
    if data.len() < size {
        return Err(format!("the array ends after {} of {size} bytes", data.len()));
    }
    let data = header.element.read(&data, header.big_endian)?;
    let data = if header.fortran { reorder(data, &header.shape) } else { data };
    Ok(Array { name: name.to_owned(), shape: header.shape, data })
}

struct Header {
    element: Element,
    big_endian: bool,
    fortran: bool,
    shape: Vec<usize>,
}

impl Header {
    /// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
    fn parse(text: &str) -> Result<Self, String> {
        let field = |key: &str| {
            let at = text.find(&format!("'{key}'")).ok_or_else(|| format!("the header lacks `{key}`"))?;
            let rest = text[at..].split_once(':').map(|(_, rest)| rest.trim_start());
            rest.ok_or_else(|| format!("`{key}` has no value"))
        };
        let descr =
            field("descr")?.strip_prefix('\'').and_then(|rest| rest.split_once('\'')).map(|(name, _)| name);
        let descr = descr.ok_or("structured arrays are not read, only plain numbers")?;
        let (element, big_endian) = element(descr)?;
        let fortran = field("fortran_order")?.starts_with("True");
        let inside =
            field("shape")?.strip_prefix('(').and_then(|rest| rest.split_once(')')).map(|(inside, _)| inside);
        let extents =
            inside.ok_or("the shape is malformed")?.split(',').map(str::trim).filter(|part| !part.is_empty());
        let shape: Option<Vec<usize>> = extents.map(|part| part.trim_end_matches('L').parse().ok()).collect();
        Ok(Self { element, big_endian, fortran, shape: shape.ok_or("the shape is malformed")? })
    }
}

fn element(descr: &str) -> Result<(Element, bool), String> {
    let (order, kind) = descr.split_at_checked(1).ok_or("the element type is missing")?;
    let int = |signed, bytes| Element::Int { signed, bytes };
    let element = match kind {
        "b1" => Element::Bool,
        "i1" => int(true, 1),
        "i2" => int(true, 2),
        "i4" => int(true, 4),
        "i8" => int(true, 8),
        "u1" => int(false, 1),
        "u2" => int(false, 2),
        "u4" => int(false, 4),
        "u8" => int(false, 8),
        "f2" => Element::Float(2),
        "f4" => Element::Float(4),
        "f8" => Element::Float(8),
        _ if kind.starts_with('O') || order == "O" => {
            return Err(
                "pickled Python objects are not read, because they can run code; save plain numbers".into()
            );
        }
        _ => {
            let read = "booleans, integers and floats of at most 64 bits are";
            return Err(format!("elements of type `{descr}` are not read: {read}"));
        }
    };
    match order {
        "<" | "|" | "=" => Ok((element, false)),
        ">" => Ok((element, true)),
        _ => Err(format!("the byte order of `{descr}` is unknown")),
    }
}

/// Column-major elements in row-major order.
fn reorder(data: Data, shape: &[usize]) -> Data {
    let count: usize = shape.iter().product();
    let mut strides = vec![1usize; shape.len()];
    for axis in 1..shape.len() {
        strides[axis] = strides[axis - 1].saturating_mul(shape[axis - 1]);
    }
    let mut order = Vec::with_capacity(count);
    let mut at = vec![0; shape.len()];
    for _ in 0..count {
        order.push(at.iter().zip(&strides).map(|(at, stride)| at * stride).sum::<usize>());
        for axis in (0..shape.len()).rev() {
            at[axis] += 1;
            if at[axis] < shape[axis] {
                break;
            }
            at[axis] = 0;
        }
    }
    match data {
        Data::Ints(data) => Data::Ints(order.into_iter().map(|n| data[n]).collect()),
        Data::Floats(data) => Data::Floats(order.into_iter().map(|n| data[n]).collect()),
    }
}

/// The names of the arrays in a `.npz` file.
pub fn names(archive: &ZipArchive<impl Read + Seek>) -> Vec<String> {
    archive.file_names().filter_map(|name| name.strip_suffix(".npy")).map(str::to_owned).collect()
}

/// Reads one array of a `.npz` file.
pub fn read_from(archive: &mut ZipArchive<impl Read + Seek>, name: &str) -> Result<Array, String> {
    let file = archive.by_name(&format!("{name}.npy")).map_err(|error| error.to_string())?;
    read(name, file)
}

/// The bytes of a `.npy` file.
pub fn write(array: &Array) -> Vec<u8> {
    let descr = match array.data {
        Data::Ints(_) => "<i8",
        Data::Floats(_) => "<f8",
    };
    let mut bytes = header(descr, &array.shape);
    match &array.data {
        Data::Ints(data) => data.iter().for_each(|value| bytes.extend(value.to_le_bytes())),
        Data::Floats(data) => data.iter().for_each(|value| bytes.extend(value.to_le_bytes())),
    }
    bytes
}

/// What stands before the elements in a `.npy` file.
pub fn header(descr: &str, shape: &[usize]) -> Vec<u8> {
    let extents: String = shape.iter().map(|extent| format!("{extent}, ")).collect();
    let extents = if shape.len() == 1 { extents.trim_end() } else { extents.trim_end_matches(", ") };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({extents}), }}");
    while !(MAGIC.len() + 4 + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes
}

/// The same time stamp in every `.npz` file, so that the same arrays are the same bytes.
fn options(method: CompressionMethod) -> SimpleFileOptions {
    let options = SimpleFileOptions::default().compression_method(method);
    options.last_modified_time(DateTime::default()).large_file(true)
}

/// A deflated `.npz` file that is written element by element.
pub struct Stream<W: Write + Seek>(ZipWriter<W>);

impl<W: Write + Seek> Stream<W> {
    /// An empty file.
    pub fn new(out: W) -> Self {
        Self(ZipWriter::new(out))
    }

    /// Begins an array of bytes, whose elements follow.
    pub fn begin(&mut self, name: &str, shape: &[usize]) -> std::io::Result<()> {
        let options = options(CompressionMethod::Deflated).compression_level(Some(1));
        self.0.start_file(format!("{name}.npy"), options)?;
        self.0.write_all(&header("|u1", shape))
    }

    /// Adds elements to the array begun last.
    pub fn bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.write_all(bytes)
    }

    /// Ends the file.
    pub fn finish(self) -> std::io::Result<W> {
        Ok(self.0.finish()?)
    }
}

/// The bytes of a `.npz` file.
pub fn write_archive(arrays: &[Array]) -> Result<Vec<u8>, String> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = options(CompressionMethod::Stored);
    for array in arrays {
        archive.start_file(format!("{}.npy", array.name), options).map_err(|error| error.to_string())?;
        archive.write_all(&write(array)).map_err(|error| error.to_string())?;
    }
    archive.finish().map(Cursor::into_inner).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0, header.len() as u8, 0]);
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn what_is_written_is_read() {
        for shape in [vec![], vec![4], vec![2, 3], vec![0, 7]] {
            let count: usize = shape.iter().product();
            for data in [Data::Ints((0..count as i64).collect()), Data::Floats(vec![0.5; count])] {
                let array = Array { name: "x".into(), shape: shape.clone(), data };
                assert_eq!(read("x", &write(&array)[..]), Ok(array.clone()));
                let bytes = write_archive(std::slice::from_ref(&array)).unwrap();
                let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
                assert_eq!(names(&archive), ["x"]);
                assert_eq!(read_from(&mut archive, "x"), Ok(array));
            }
        }
    }

    #[test]
    fn column_major_arrays_are_reordered() {
        let bytes =
            file("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", &[0, 10, 1, 11, 2, 12]);
        assert_eq!(read("x", &bytes[..]).unwrap().data, Data::Ints(vec![0, 1, 2, 10, 11, 12]));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let refused = |header: &str, word: &str| {
            let error = read("x", &file(header, &[0; 8])[..]).unwrap_err();
            assert!(error.contains(word), "{error}");
        };
        refused("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "pickled");
        refused("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "structured");
        refused("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "<c8");
        refused("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", "8 of 12");
        refused(
            "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 9), }",
            "more than",
        );
        refused("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "shape");
        assert!(read("x", &b"PK"[..]).is_err());
        assert!(read("x", MAGIC).is_err());
    }
}
