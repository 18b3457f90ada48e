//! What Verilator wrote: the ports it found and the C++ files to compile.

use std::{
    collections::BTreeSet,
    fs, mem,
    path::{Path, PathBuf},
};

use crate::{Direction, Error, Port};

/// Up to this many bytes of C++ the whole model is one compilation: reading `verilated.h` costs more than the rest.
const SMALL: u64 = 128 * 1024;

/// A file to compile that includes generated ones.
pub(super) struct Unit {
    pub(super) text: String,
    pub(super) optimized: bool,
}

/// The directories that hold generated files: the top module's, then one for each hierarchical block.
pub(super) fn directories(top: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut blocks = entries(top)?;
    blocks.retain(|path| path.is_dir());
    blocks.insert(0, top.to_owned());
    Ok(blocks)
}

/// Groups the generated files, largest pieces alone, so that few compilations read the headers and several can run
/// at once. Initialisation code (`__Slow`) is worth no optimisation.
pub(super) fn units(directories: &[PathBuf], harness: &str) -> Result<Vec<Unit>, Error> {
    let mut units = Vec::new();
    for (number, directory) in directories.iter().enumerate() {
        let first = if number == 0 { harness } else { "" };
        directory_units(directory, first, &mut units)?;
    }
    Ok(units)
}

fn directory_units(directory: &Path, first: &str, units: &mut Vec<Unit>) -> Result<(), Error> {
    let mut sized = Vec::new();
    for path in entries(directory)? {
        if path.extension().is_some_and(|extension| extension == "cpp") {
            let size = path.metadata().map_err(Error::file(&path))?.len();
            sized.push((path, size));
        }
    }
    let slow = |path: &Path| path.to_string_lossy().contains("__Slow");
    let small = sized.iter().map(|(_, size)| size).sum::<u64>() <= SMALL;

    let mut unit = Unit { text: first.to_owned(), optimized: true };
    let mut fill = if small || first.is_empty() { 0 } else { SMALL };
    for optimized in [true, false] {
        for (path, size) in sized.iter().filter(|(path, _)| slow(path) != optimized) {
            if !small && (fill + size > SMALL || unit.optimized != optimized) {
                units.push(mem::replace(&mut unit, Unit { text: String::new(), optimized }));
                fill = 0;
            }
            fill += size;
            unit.text.push_str(&format!("#include \"{}\"\n", path.display()));
        }
    }
    units.push(unit);
    Ok(())
}

/// The run-time sources that the generated files need, e.g. `verilated` and `verilated_dpi`.
pub(super) fn runtime_sources(directories: &[PathBuf]) -> Result<BTreeSet<String>, Error> {
    let mut sources = BTreeSet::new();
    for path in
        directories.iter().map(|directory| entries(directory)).collect::<Result<Vec<_>, _>>()?.concat()
    {
        if path.to_string_lossy().ends_with("_classes.mk") {
            let text = fs::read_to_string(&path).map_err(Error::file(&path))?;
            let (_, globals) = text.split_once("VM_GLOBAL_FAST").unwrap_or_default();
            let names = globals.split_whitespace().filter(|word| word.starts_with("verilated"));
            sources.extend(names.map(str::to_owned));
        }
    }
    Ok(sources)
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let listed = fs::read_dir(directory).and_then(|entries| {
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()
    });
    let mut paths = listed.map_err(Error::file(directory))?;
    paths.sort();
    Ok(paths)
}

/// Checks the request's ports against those Verilator found.
pub(super) fn check_ports(directory: &Path, top: &str, clock: &str, ports: &[Port]) -> Result<(), Error> {
    let path = directory.join("Vdut.h");
    let text = fs::read_to_string(&path).map_err(Error::file(&path))?;
    let found: Vec<Port> = text.lines().filter_map(declared_port).collect();
    let clock = Port::input(clock, 1);
    for port in ports.iter().chain([&clock]) {
        let member = member_name(&port.name);
        let actual = found.iter().find(|actual| actual.name == member);
        if actual.is_some_and(|actual| (actual.width, actual.direction) == (port.width, port.direction)) {
            continue;
        }
        return Err(Error::Port {
            top: top.to_owned(),
            asked: describe(port, &port.name),
            found: match actual {
                Some(actual) => format!("it has {}", describe(actual, &port.name)),
                None => {
                    let all: Vec<String> = found.iter().map(|port| describe(port, &port.name)).collect();
                    format!("its ports are: {}", all.join(", "))
                }
            },
        });
    }
    let missing = found.iter().find(|actual| {
        actual.direction == Direction::Input
            && !ports.iter().chain([&clock]).any(|port| member_name(&port.name) == actual.name)
    });
    missing.map_or(Ok(()), |port| {
        Err(Error::Port {
            top: top.to_owned(),
            asked: "such set of inputs".into(),
            found: format!("it also has {}, which nothing would drive", describe(port, &port.name)),
        })
    })
}

fn describe(port: &Port, name: &str) -> String {
    let direction = match port.direction {
        Direction::Input => "input",
        Direction::Output => "output",
    };
    format!("{direction} `{name}` of {} bits", port.width)
}

/// Reads a line like `VL_INW(&a,99,0,4);`.
fn declared_port(line: &str) -> Option<Port> {
    let (kind, arguments) = line.trim().strip_suffix(");")?.split_once("(&")?;
    let direction = match kind.trim_end_matches(['8', '1', '6', '4', 'W']) {
        "VL_IN" => Direction::Input,
        "VL_OUT" => Direction::Output,
        _ => return None,
    };
    let mut arguments = arguments.split(',');
    let name = arguments.next()?.to_owned();
    let msb: u32 = arguments.next()?.parse().ok()?;
    let lsb: u32 = arguments.next()?.parse().ok()?;
    Some(Port { name, width: msb.abs_diff(lsb) + 1, direction })
}

/// The C++ name that Verilator gives a port: of several underscores in a row, each after the first is written `__05F`.
pub(super) fn member_name(name: &str) -> String {
    let mut member = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            '_' if member.ends_with('_') => member.push_str("__05F"),
            _ => member.push(letter),
        }
    }
    member
}
