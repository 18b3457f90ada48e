//! `cosim`: 0 for whole designs, at the promised latency; 3 and the place for damaged ones.

mod run;

use std::fs;
use std::path::Path;

use run::{compile, run};
use serde_json::Value;

/// Compares 300 random frames.
fn cosim(dir: &Path, code: i32) -> Value {
    let ran = run(&["cosim", dir.to_str().unwrap(), "--random", "300", "--json"]);
    assert_eq!(ran.code, Some(code), "{}{}", ran.stdout, ran.stderr);
    ran.json()
}

/// Changes one file of a fresh design; the layer that is named.
fn damaged(model: &str, options: &[&str], file: &str, change: impl Fn(&str) -> String) -> Value {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("design");
    compile(model, &dir, options);
    let path = dir.join("rtl").join(file);
    let text = fs::read_to_string(&path).unwrap();
    let changed = change(&text);
    assert_ne!(text, changed, "nothing was changed");
    fs::write(&path, changed).unwrap();
    let json = cosim(&dir, 3);
    assert!(dir.join("cosim.vcd").is_file());
    assert!(json["mismatches"].as_u64().unwrap() > 0);
    let first = json["first_difference"].clone();
    for key in ["frame", "cycle"] {
        assert!(first[key].is_u64(), "{first}");
    }
    first
}

/// Replaces the register behind `name` by a wire.
fn without_register(text: &str, name: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with(&format!("{name} <= ")))
        .map(|line| {
            if line.ends_with(&format!(" {name};")) {
                line.replacen("reg", "wire", 1)
            } else {
                line.to_owned()
            }
        })
        .collect();
    let source =
        text.lines().find_map(|line| line.trim_start().strip_prefix(&format!("{name} <= "))).unwrap();
    lines.join("\n").replace("endmodule", &format!("    assign {name} = {source}\nendmodule")) + "\n"
}

/// The first register of a module.
fn first_register(text: &str) -> &str {
    let line = text.lines().find(|line| line.trim_start().starts_with("reg ")).unwrap();
    line.trim_end_matches(';').rsplit(' ').next().unwrap()
}

#[test]
fn whole_designs_are_equal_at_the_promised_latency() {
    let root = tempfile::tempdir().unwrap();
    for (number, (model, options)) in
        [("muon-window", &[][..]), ("tracer-conv", &["--ii", "7"])].into_iter().enumerate()
    {
        let dir = root.path().join(number.to_string());
        let report = compile(model, &dir, options)["report"].clone();
        let json = cosim(&dir, 0);
        assert_eq!((json["frames"].as_u64(), json["mismatches"].as_u64()), (Some(300), Some(0)));
        for key in ["latency_cycles", "latency_last_cycles", "ii_cycles"] {
            assert_eq!(json[key], report[key], "{model}: {key}");
        }
        assert!(json["first_difference"].is_null() && !dir.join("cosim.vcd").exists());
    }
}

#[test]
fn a_removed_register_of_a_stream_names_its_layer() {
    let file = "tracer_conv_Conv_conv_sum.v";
    let first =
        damaged("tracer-conv", &["--ii", "7"], file, |text| without_register(text, first_register(text)));
    assert_eq!(first["layer"], "Conv_conv_sum", "{first}");
}

#[test]
fn a_difference_behind_the_last_layer_names_the_output() {
    let first = damaged("muon-window", &[], "muon_window.v", |text| {
        text.replacen("assign logits = {", "assign logits = ~{", 1)
    });
    assert_eq!(first["layer"], "output logits", "{first}");
    let first = damaged("muon-window", &[], "muon_window.v", |text| without_register(text, "in_valid_q3"));
    assert_eq!(first["layer"], "output out_valid", "{first}");
}

/// C simulation of what `compile` wrote: equal as it is, 3 and the place once a constant is damaged.
#[test]
fn c_simulation_is_compared_too() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("design");
    compile("muon-window", &dir, &[]);
    let headers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/ap_types");
    let cosim = |code| {
        let mut command =
            run::command(&["cosim", dir.to_str().unwrap(), "--hls", "--random", "300", "--json"]);
        if std::env::var_os("NN2HDL_AP_TYPES").is_none() && std::env::var_os("XILINX_HLS").is_none() {
            command.env("NN2HDL_AP_TYPES", &headers);
        }
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{text} (`scripts/install-tools` installs the headers)");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let json = cosim(0);
    assert_eq!((json["schema"].as_str(), json["simulation"].as_str()), (Some("nn2hdl.cosim/1"), Some("hls")));
    assert_eq!((json["frames"].as_u64(), json["mismatches"].as_u64()), (Some(300), Some(0)));
    assert!(json["first_difference"].is_null());

    let path = dir.join("hls/muon_window.cpp");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("acc = 0;", "acc = 1;", 1)).unwrap();
    let json = cosim(3);
    assert!(json["mismatches"].as_u64().unwrap() > 0);
    let first = &json["first_difference"];
    assert_eq!(first["layer"], "output logits", "{first}");
    assert!(
        first["frame"].is_u64() && first["element"].is_u64() && first["expected"] != first["found"],
        "{first}"
    );

    // Without headers the way out is said.
    let mut command = run::command(&["cosim", dir.to_str().unwrap(), "--hls"]);
    let output = command.env_remove("NN2HDL_AP_TYPES").env_remove("XILINX_HLS").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("NN2HDL_AP_TYPES"));
}
