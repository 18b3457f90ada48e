//! `synth`: Yosys on an emitted design, by module and at once.

mod run;

use run::{compile, run};

#[test]
fn modules_and_the_whole_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("two words");
    compile("tracer-conv", &dir, &[]);
    let dir = dir.to_str().expect("a path of text");
    let synth = |more: &[&str]| {
        let ran = run(&[&["synth", dir, "--json"], more].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.json()
    };
    let (modules, flat) = (synth(&[]), synth(&["--flatten"]));
    for found in [&modules, &flat] {
        assert_eq!(found["schema"], "nn2hdl.synth/1");
        assert!(found["lut"].as_u64() > Some(0) && found["ff"].as_u64() > Some(0), "{found}");
    }
    let layers = modules["per_layer"].as_array().expect("layers");
    let total: u64 = layers.iter().filter_map(|layer| layer["lut"].as_u64()).sum();
    assert_eq!(modules["lut"].as_u64(), Some(total));
    assert!(flat["per_layer"].as_array().is_some_and(Vec::is_empty));
    let ran = run(&["synth", dir, "--family", "no such"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("xcup"), "{}", ran.stderr);
}
