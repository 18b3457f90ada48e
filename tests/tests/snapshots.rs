//! Small emitted designs as text, so that a reviewer sees what a change does to the hardware.
//!
//! `NN2HDL_BLESS=1` writes them anew.

use std::fs;
use std::path::Path;

use nn2hdl_compiler::back::verilog;
use nn2hdl_compiler::netlist::Netlist;
use nn2hdl_tests::design::compile;
use nn2hdl_tests::random::{convolutions, networks};

fn check(name: &str, netlist: &Netlist) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/verilog").join(name);
    let blocks = |name: &str| name.starts_with("nn2hdl_");
    let files: Vec<verilog::File> =
        verilog::print(netlist).into_iter().filter(|file| !blocks(&file.name)).collect();
    if std::env::var_os("NN2HDL_BLESS").is_some() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("the folder can be made");
        for file in &files {
            fs::write(folder.join(&file.name), &file.text).expect("the file can be written");
        }
    }
    let kept = fs::read_dir(&folder).map_or(0, Iterator::count);
    assert_eq!(kept, files.len(), "{name}: set NN2HDL_BLESS=1 if the files are meant to differ");
    for file in &files {
        let golden = fs::read_to_string(folder.join(&file.name)).unwrap_or_default();
        assert!(golden == file.text, "{name}/{}: set NN2HDL_BLESS=1 if it is meant to differ", file.name);
    }
}

#[test]
fn dense() {
    check("dense", &compile(&networks(12, 1), 1));
}

#[test]
fn stream() {
    check("stream", &compile(&convolutions(0, 10, 3, 2), 4));
}
