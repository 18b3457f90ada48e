//! Rules of the house that a compiler does not check.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}

/// Every tracked or new file that git does not ignore, with its text if it is text.
fn files() -> Vec<(String, String)> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git lists the files");
    let names = String::from_utf8(listed.stdout).expect("file names are UTF-8");
    let files: Vec<(String, String)> = names
        .lines()
        .filter_map(|name| Some((name.to_owned(), fs::read_to_string(root().join(name)).ok()?)))
        .collect();
    assert!(files.len() > 50, "git listed {} files only", files.len());
    files
}

fn refuse(rule: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

#[test]
fn sources_stay_small() {
    let long = files()
        .iter()
        .filter(|(name, _)| name.ends_with(".rs"))
        .map(|(name, text)| (text.lines().count(), name))
        .filter(|(lines, _)| *lines > 600)
        .map(|(lines, name)| format!("{name}: {lines} lines"))
        .collect();
    refuse("no source file has more than 600 lines", long);
}

#[test]
fn no_path_of_a_machine() {
    let paths = ["/ro\u{6f}t/", "/wor\u{6b}/", "/hom\u{65}/", "/tm\u{70}/"];
    let found = files()
        .iter()
        .flat_map(|(name, text)| text.lines().enumerate().map(move |(n, line)| (name, n, line)))
        .filter(|(_, _, line)| paths.iter().any(|path| line.contains(path)))
        .map(|(name, n, line)| format!("{name}:{}: {}", n + 1, line.trim()))
        .collect();
    refuse("no file names a path of the machine it was written on", found);
}

#[test]
fn nothing_is_left_undone() {
    let words = ["todo!(", "unimplemented!(", "dbg!(", "#[ignore"];
    let found = files()
        .iter()
        .filter(|(name, _)| name.ends_with(".rs") && name != "tests/tests/tidy.rs")
        .flat_map(|(name, text)| text.lines().enumerate().map(move |(n, line)| (name, n, line)))
        .filter(|(_, _, line)| words.iter().any(|word| line.contains(word)))
        .map(|(name, n, line)| format!("{name}:{}: {}", n + 1, line.trim()))
        .collect();
    refuse("no stub and no ignored test", found);
}

/// Templates substitute and repeat; widths, sums and decisions belong to the view structs behind them.
#[test]
fn templates_decide_nothing() {
    let decides = |inside: &str| {
        let text = inside.replace("->", "").replace("-%}", "").replace("{%-", "");
        ["+", "*", "/", "<", ">", "==", "!="].iter().any(|sign| text.contains(sign))
    };
    let mut found = Vec::new();
    for (name, text) in files().iter().filter(|(name, _)| name.starts_with("templates/")) {
        for (n, line) in text.lines().enumerate() {
            let tags = line.split("{%").skip(1).filter_map(|rest| rest.split("%}").next());
            let values = line.split("{{").skip(1).filter_map(|rest| rest.split("}}").next());
            // One zero bit is the idiom that takes up what nobody reads.
            let text = line.replace("&{1'b0,", "");
            let literal_width =
                text.as_bytes().windows(2).any(|pair| pair[0].is_ascii_digit() && pair[1] == b'\'');
            if tags.chain(values).any(decides) || literal_width {
                found.push(format!("{name}:{}: {line}", n + 1));
            }
        }
    }
    refuse("a template has no arithmetic, comparison or literal width", found);
}

/// The meaning cannot learn about Verilog, and the oracle cannot learn about the compiler.
#[test]
fn dependencies_point_one_way() {
    let manifest = |name: &str| {
        let text =
            fs::read_to_string(root().join(name).join("Cargo.toml")).expect("the crate has a manifest");
        let needed = text.split("[dependencies]").nth(1).unwrap_or_default();
        needed.split("[dev-dependencies]").next().unwrap_or_default().to_owned()
    };
    assert!(!manifest("runtime").contains("nn2hdl-"), "runtime depends on nothing of ours");
    assert!(!manifest("testbench").contains("nn2hdl-compiler"), "testbench does not know the compiler");
    assert!(!manifest("compiler").contains("nn2hdl-testbench"), "the compiler does not know the testbench");
}

/// The compiler maps bytes to bytes; files and the terminal belong to the program.
#[test]
fn the_compiler_touches_no_file() {
    let found = files()
        .iter()
        .filter(|(name, _)| {
            (name.starts_with("compiler/src/") || name.starts_with("runtime/src/")) && name.ends_with(".rs")
        })
        .filter(|(_, text)| {
            ["std::fs", "File::open", "File::create", "println!", "eprintln!"].iter().any(|word| {
                let product = text.split("#[cfg(test)]").next().unwrap_or_default();
                product.contains(word)
            })
        })
        .filter(|(name, _)| !name.contains("/tests"))
        .map(|(name, _)| name.clone())
        .collect();
    refuse("compiler and runtime do no IO", found);
}

/// The blocks of `hdl/` know no operator.
#[test]
fn hdl_knows_no_operator() {
    let operators = ["conv", "gemm", "matmul", "relu", "softmax", "quant", "argmax", "dense"];
    let found = files()
        .iter()
        .filter(|(name, _)| name.starts_with("hdl/"))
        .filter(|(_, text)| operators.iter().any(|word| text.to_lowercase().contains(word)))
        .map(|(name, _)| name.clone())
        .collect();
    refuse("hdl/ names no operator", found);
}

#[test]
fn licences_are_compatible() {
    let accepted = [
        "Apache-2.0",
        "MIT",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "Zlib",
        "Unicode-3.0",
        "Unlicense",
        "0BSD",
        "CC0-1.0",
        "MIT-0",
        "BSL-1.0",
        "Apache-2.0 WITH LLVM-exception",
    ];
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo describes the dependencies");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    assert!(packages.len() > 30);
    // An alternative is enough; of a conjunction every part must be accepted.
    let fits = |licence: &str| {
        licence.replace('/', " OR ").split(" OR ").any(|choice| {
            choice
                .split(" AND ")
                .all(|part| accepted.contains(&part.trim_matches(|c| c == '(' || c == ')' || c == ' ')))
        })
    };
    let refused = packages
        .iter()
        .map(|package| {
            (package["name"].to_string(), package["license"].as_str().unwrap_or("none").to_owned())
        })
        .filter(|(_, licence)| !fits(licence))
        .map(|(name, licence)| format!("{name}: {licence}"))
        .collect();
    refuse("every dependency's licence goes with Apache-2.0", refused);
}
