//! Yosys on an emitted design: flat, or each distinct module once.

mod cells;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::failure::Failure;

pub use cells::Usage;

/// An emitted module.
struct Source {
    name: String,
    path: PathBuf,
    /// Names of the modules it instantiates, and how often.
    children: BTreeMap<String, u64>,
}

/// What was found.
pub struct Synthesis {
    /// Of the whole design.
    pub total: Usage,
    /// Of all instances of a module that the top instantiates, with everything below them, and of the top's own cells
    /// under its own name; only the total if the design is flat.
    pub layers: Vec<Layer>,
    /// What Yosys calls itself.
    pub tool: String,
}

/// A module of the top.
pub struct Layer {
    /// Its name.
    pub module: String,
    /// Instances in the top.
    pub instances: u64,
    /// Of all of them.
    pub usage: Usage,
}

/// What a progress bar is told: modules done and their number.
pub type Progress<'a> = &'a mut (dyn FnMut(&str, usize, usize) + Send);

/// Maps the modules in `sources`, each after those that it instantiates, onto a family of Xilinx devices.
pub fn synthesize(
    sources: &[PathBuf],
    top: &str,
    family: &str,
    flatten: bool,
    progress: Progress<'_>,
) -> Result<Synthesis, Failure> {
    let tool = version()?;
    let modules = read(sources)?;
    let blocks: Vec<&Source> = modules.iter().filter(|module| is_block(&module.name)).collect();
    let number = modules.iter().position(|module| module.name == top).ok_or_else(|| {
        Failure::new(
            "damaged-design",
            top,
            "the top module is not among the files",
            "compile the model again",
        )
    })?;
    if flatten {
        progress("Yosys, the whole design", 0, 1);
        let (total, others) = map(&modules.iter().collect::<Vec<_>>(), &[], top, family)?;
        refuse_others(top, &others)?;
        return Ok(Synthesis { total, layers: Vec::new(), tool });
    }
    let wanted: Vec<usize> = reachable(&modules, number);
    let found: Mutex<BTreeMap<usize, Usage>> = Mutex::default();
    let failed: Mutex<Option<Failure>> = Mutex::default();
    let next = AtomicUsize::new(0);
    let progress = Mutex::new(progress);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(wanted.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(&index) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if failed.lock().is_ok_and(|failed| failed.is_some()) {
                        return;
                    }
                    let module = &modules[index];
                    let own: Vec<&Source> = blocks.iter().copied().chain([module]).collect();
                    let children = modules.iter().filter(|other| module.children.contains_key(&other.name));
                    let children: Vec<&Source> = children.filter(|other| !is_block(&other.name)).collect();
                    match map(&own, &children, &module.name, family) {
                        Ok((usage, others)) => {
                            let strange = others.keys().find(|name| !module.children.contains_key(*name));
                            if strange.is_some()
                                && let Ok(mut failed) = failed.lock()
                            {
                                *failed = refuse_others(&module.name, &others).err();
                            }
                            let Ok(mut found) = found.lock() else { return };
                            found.insert(index, usage);
                            if let Ok(mut progress) = progress.lock() {
                                progress(&format!("Yosys: {}", module.name), found.len(), wanted.len());
                            }
                        }
                        Err(failure) => {
                            if let Ok(mut failed) = failed.lock() {
                                failed.get_or_insert(failure);
                            }
                        }
                    }
                }
            });
        }
    });
    if let Some(failure) = failed.into_inner().ok().flatten() {
        return Err(failure);
    }
    let own = found.into_inner().unwrap_or_default();
    let mut whole: BTreeMap<&str, Usage> = BTreeMap::new();
    for &index in &wanted {
        let module = &modules[index];
        let mut usage = own.get(&index).copied().unwrap_or_default();
        for (child, &count) in module.children.iter().filter(|(child, _)| !is_block(child)) {
            usage += whole.get(child.as_str()).copied().unwrap_or_default() * count;
        }
        whole.insert(&module.name, usage);
    }
    let children = modules[number].children.iter().filter(|(child, _)| !is_block(child));
    let mut layers: Vec<Layer> = children
        .map(|(module, &instances)| Layer {
            module: module.clone(),
            instances,
            usage: whole.get(module.as_str()).copied().unwrap_or_default() * instances,
        })
        .collect();
    let usage = own.get(&number).copied().unwrap_or_default();
    layers.push(Layer { module: top.to_owned(), instances: 1, usage });
    Ok(Synthesis { total: whole.get(top).copied().unwrap_or_default(), layers, tool })
}

/// The parametric blocks are part of the modules that use them.
fn is_block(name: &str) -> bool {
    name.starts_with("nn2hdl_")
}

fn refuse_others(module: &str, others: &BTreeMap<String, u64>) -> Result<(), Failure> {
    let Some((cell, count)) = others.iter().next() else { return Ok(()) };
    let message = format!("{count} cells of the unknown kind {cell} are left after mapping");
    Err(Failure::new("synthesis", module, message, "try another --family, such as xcup or xc7"))
}

/// The modules below `top` with itself, each after those that it instantiates.
fn reachable(modules: &[Source], top: usize) -> Vec<usize> {
    let mut wanted: BTreeSet<&str> = BTreeSet::from([modules[top].name.as_str()]);
    let mut list: Vec<usize> = Vec::new();
    for index in (0..=top).rev() {
        if wanted.contains(modules[index].name.as_str()) {
            wanted.extend(modules[index].children.keys().filter(|name| !is_block(name)).map(String::as_str));
            list.push(index);
        }
    }
    list.reverse();
    list
}

fn read(sources: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    let mut modules: Vec<Source> = Vec::new();
    for path in sources {
        let text = fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut children: BTreeMap<String, u64> = BTreeMap::new();
        // An instance stands at the beginning of its line, which is how the emitter writes it.
        for word in text.lines().filter_map(|line| line.trim_start().split([' ', '#', '(']).next()) {
            if modules.iter().any(|module| module.name == word) {
                *children.entry(word.to_owned()).or_default() += 1;
            }
        }
        modules.push(Source { name, path: path.clone(), children });
    }
    Ok(modules)
}

fn missing(error: &std::io::Error) -> Failure {
    Failure::new(
        "no-yosys",
        "",
        format!("yosys cannot be run: {error}"),
        "install it: `scripts/install-tools`, or the package `yosys` of the system",
    )
}

fn version() -> Result<String, Failure> {
    let answer = Command::new("yosys").arg("-V").output().map_err(|error| missing(&error))?;
    Ok(String::from_utf8_lossy(&answer.stdout).split(" (").next().unwrap_or_default().trim().to_owned())
}

/// Maps `top`, whose `children` are known by their ports only: usage and cells that are no family's.
fn map(
    own: &[&Source],
    children: &[&Source],
    top: &str,
    family: &str,
) -> Result<(Usage, BTreeMap<String, u64>), Failure> {
    let folder = tempfile::tempdir().map_err(|error| Failure::file(Path::new("."), &error))?;
    let report = folder.path().join("stat.txt");
    let script = folder.path().join("run.ys");
    let quoted = |path: &Path| {
        let absolute = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        format!("\"{}\"", absolute.display())
    };
    let mut text = String::new();
    for child in children {
        text.push_str(&format!("read_verilog -lib {}\n", quoted(&child.path)));
    }
    for source in own {
        text.push_str(&format!("read_verilog {}\n", quoted(&source.path)));
    }
    text.push_str(&format!("synth_xilinx -family {family} -nodsp -noiopad -noclkbuf -flatten -top {top}\n"));
    text.push_str(&format!("tee -q -o stat.txt stat -top {top}\n"));
    fs::write(&script, text).map_err(|error| Failure::file(&script, &error))?;
    let answer = Command::new("yosys").arg("-q").arg("-s").arg(&script).current_dir(folder.path()).output();
    let answer = answer.map_err(|error| missing(&error))?;
    if !answer.status.success() {
        let words = String::from_utf8_lossy(&answer.stderr).into_owned();
        let last = words.lines().rev().find(|line| line.contains("ERROR")).unwrap_or("no message").to_owned();
        return Err(Failure::new(
            "synthesis",
            top,
            last,
            "families are those of Yosys' synth_xilinx, such as xcup, xcu, xc7",
        ));
    }
    let text = fs::read_to_string(&report).map_err(|error| Failure::file(&report, &error))?;
    Ok(cells::count(&cells_of(&text)))
}

/// The cells that `stat` lists: a kind and a count in each line behind `Number of cells`.
fn cells_of(text: &str) -> BTreeMap<String, u64> {
    let lines = text.lines().skip_while(|line| !line.contains("Number of cells:")).skip(1);
    lines
        .map_while(|line| {
            let mut words = line.split_whitespace();
            let (cell, count) = (words.next()?, words.next()?.parse().ok()?);
            Some((cell.to_owned(), count))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_read_from_the_report() {
        let text = "=== top ===\n\n   Number of wires:  3\n   Number of cells:   12\n     FDRE    4\n     LUT6    8\n\n=== other\n";
        let cells: Vec<(String, u64)> = cells_of(text).into_iter().collect();
        assert_eq!(cells, [("FDRE".to_owned(), 4), ("LUT6".to_owned(), 8)]);
    }
}
