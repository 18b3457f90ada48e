//! Other tools accept what is emitted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nn2hdl_compiler::artifact;
use nn2hdl_compiler::front::{self, Options};
use nn2hdl_compiler::netlist::Target;
use nn2hdl_models::zoo;

/// Every design: the zoo's, a streamed one, and the jet tagger where it is.
fn designs() -> Vec<(String, Vec<u8>, Options, u32)> {
    let own = zoo().iter().filter(|model| model.unrolled);
    let mut designs: Vec<_> =
        own.map(|model| (model.name.to_owned(), model.onnx.to_vec(), Options::default(), 1)).collect();
    designs.extend(
        zoo()
            .iter()
            .filter(|model| model.name == "tracer-conv")
            .map(|model| ("tracer-conv streamed".to_owned(), model.onnx.to_vec(), Options::default(), 7)),
    );
    let jet = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/models/qkeras_jettagging.onnx");
    match fs::read(&jet) {
        Ok(bytes) => {
            let input_format = Some("fixed<16,6>".parse().expect("a format"));
            designs.push(("jet tagger".into(), bytes, Options { input_format, ..Options::default() }, 1));
        }
        Err(_) => {
            assert!(std::env::var_os("CI").is_none(), "{} is missing", jet.display());
            eprintln!("NOT TESTED: {} is missing", jet.display());
        }
    }
    designs
}

fn accept(tool: &str, arguments: &dyn Fn(&str, &[PathBuf]) -> Vec<String>) {
    for (name, bytes, options, ii) in designs() {
        let graph = front::import(&bytes).expect("the model can be read");
        let program = front::compile(&graph, &options).expect("the model compiles").program;
        let target = Target { ii, ..Target::default() };
        let made = artifact::compile(&program, &target, Vec::new(), &()).expect("a design");
        let folder = tempfile::tempdir().expect("a folder");
        let mut sources = Vec::new();
        for file in made.files.iter().filter(|file| file.path.ends_with(".v")) {
            let path = folder.path().join(file.path.trim_start_matches("rtl/"));
            fs::write(&path, &file.bytes).expect("a file");
            sources.push(path);
        }
        let top = &made.netlist.signature.top;
        for top in [top.clone(), format!("{top}_axis"), format!("{top}_ap")] {
            let output = Command::new(tool)
                .args(arguments(&top, &sources))
                .current_dir(folder.path())
                .output()
                .unwrap_or_else(|error| panic!("{tool}: {error}; `scripts/install-tools` installs it"));
            let said = format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
            assert!(
                output.status.success() && !said.to_lowercase().contains("warning"),
                "{name}, {top}: {tool} says\n{said}"
            );
        }
    }
}

#[test]
fn icarus_accepts_every_design() {
    accept("iverilog", &|top, sources| {
        let options = ["-g2005", "-Wall", "-Wno-timescale", "-t", "null", "-s", top];
        options
            .iter()
            .map(|&word| word.to_owned())
            .chain(sources.iter().map(|path| path.display().to_string()))
            .collect()
    });
}

#[test]
fn yosys_accepts_every_design() {
    accept("yosys", &|top, sources| {
        let list: Vec<String> = sources.iter().map(|path| path.display().to_string()).collect();
        let script =
            format!("read_verilog {}; hierarchy -check -top {top}; proc; check -assert", list.join(" "));
        vec!["-q".into(), "-p".into(), script]
    });
}
