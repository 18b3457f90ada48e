//! What Verilator wrote: the ports it found and the C++ files to compile.

use std::{
    fs,
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

/// Groups the generated files, largest pieces alone, so that few compilations read the headers and several can run
/// at once. Initialisation code (`__Slow`) is worth no optimisation.
pub(super) fn units(directory: &Path, harness: &str) -> Result<Vec<Unit>, Error> {
    let mut sized: Vec<(String, u64)> = Vec::new();
    for entry in fs::read_dir(directory).map_err(Error::file(directory))? {
        let entry = entry.map_err(Error::file(directory))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".cpp") {
            sized.push((name, entry.metadata().map_err(Error::file(entry.path()))?.len()));
        }
    }
    sized.sort();

    let small = sized.iter().map(|(_, size)| size).sum::<u64>() <= SMALL;
    let mut units = vec![Unit { text: harness.to_owned(), optimized: true }];
    let mut fill = if small { 0 } else { SMALL };
    for optimized in [true, false] {
        for (name, size) in sized.iter().filter(|(name, _)| name.contains("__Slow") != optimized) {
            if !small && (fill + size > SMALL || units.last().is_none_or(|unit| unit.optimized != optimized)) {
                units.push(Unit { text: String::new(), optimized });
                fill = 0;
            }
            fill += size;
            if let Some(unit) = units.last_mut() {
                unit.text.push_str(&format!("#include \"{name}\"\n"));
            }
        }
    }
    Ok(units)
}

/// The run-time sources that the model needs, e.g. `verilated` and `verilated_vcd_c`.
pub(super) fn runtime_sources(directory: &Path) -> Result<Vec<String>, Error> {
    let path = directory.join("Vdut_classes.mk");
    let text = fs::read_to_string(&path).map_err(Error::file(&path))?;
    let (_, globals) = text.split_once("VM_GLOBAL_FAST").unwrap_or_default();
    Ok(globals.split_whitespace().filter(|word| word.starts_with("verilated")).map(str::to_owned).collect())
}

/// Checks the request's ports against those Verilator found.
pub(super) fn check_ports(directory: &Path, top: &str, clock: &str, ports: &[Port]) -> Result<(), Error> {
    let path: PathBuf = directory.join("Vdut.h");
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
