//! `report.html`.

mod run;

use std::fs;

use run::compile;

#[test]
fn the_report_holds_every_layer_and_port_and_nothing_from_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let pages: Vec<String> = ["a", "b"]
        .iter()
        .map(|name| {
            let dir = folder.path().join(name);
            let report = compile("tracer-graph", &dir, &[])["report"].clone();
            let page = fs::read_to_string(dir.join("report.html")).unwrap();
            for list in ["inputs", "outputs"] {
                for port in report[list].as_array().unwrap() {
                    let cell = format!("<td>{}</td>", port["port"].as_str().unwrap());
                    assert!(page.contains(&cell), "{cell}");
                }
            }
            let program: serde_json::Value =
                serde_json::from_slice(&fs::read(dir.join("program.json")).unwrap()).unwrap();
            for step in program["blocks"].as_array().unwrap().last().unwrap()["steps"].as_array().unwrap() {
                let step = step.get("kernel").unwrap_or(&step["call"]);
                let cell = format!("<td>{}</td>", step["name"].as_str().unwrap());
                assert!(page.contains(&cell), "{cell}");
            }
            for elsewhere in ["http:", "https:", "src=", "href=", "url(", "@import", "<script"] {
                assert!(!page.contains(elsewhere), "{elsewhere}");
            }
            page
        })
        .collect();
    assert_eq!(pages[0], pages[1]);
}

/// The cycles of the last layer and its cost are those of the whole design, where it is one engine.
#[test]
fn the_figures_are_those_of_the_json_report() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("conv");
    let report = compile("tracer-conv", &dir, &[])["report"].clone();
    let page = fs::read_to_string(dir.join("report.html")).unwrap();
    let latency = &report["latency_cycles"];
    assert!(page.contains(&format!("<td>{latency} cycles, ")), "{latency}");
    assert!(page.contains("proved from the weights") && page.contains("clk, rst"));
    // Every engine's cost is found in a layer's row: nothing but registers is left over.
    assert!(page.contains("<tr><td>borders, registers between layers</td><td></td><td></td><td></td><td></td><td></td><td></td><td>0</td>"), "{page}");
}

const STREAMED: &str = r#"
[network]
name = "streamed"

[[input]]
name = "x"
shape = [1, 12, 40]
format = "ufixed<4,4>"

[[layer]]
name = "most"
op = "MaxPool"
inputs = ["x"]
attributes = { kernel_shape = [3, 3], pads = [1, 1, 1, 1] }

[[layer]]
name = "both"
op = "Add"
inputs = ["most", "x"]
quantize = "ufixed<4,4,TRN,SAT>"

[[layer]]
name = "half"
op = "MaxPool"
inputs = ["both"]
attributes = { kernel_shape = [2, 2], strides = [2, 2] }

[[layer]]
name = "end"
op = "GlobalMaxPool"
inputs = ["half"]
"#;

/// A raster scan: which lanes each layer has and why, and the rows that wait in memories.
#[test]
fn a_streamed_design_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let (model, dir) = (folder.path().join("streamed.toml"), folder.path().join("streamed"));
    fs::write(&model, STREAMED).unwrap();
    let report = compile(model.to_str().unwrap(), &dir, &["--ii", "480"])["report"].clone();
    let page = fs::read_to_string(dir.join("report.html")).unwrap();
    let schedule = report["schedule"].as_array().unwrap();
    let row = |name: &str| schedule.iter().find(|row| row["name"] == name).unwrap();
    for name in ["x", "most", "half", "end"] {
        assert!(page.contains(&format!("<td>{}</td>", row(name)["reason"].as_str().unwrap())), "{name}");
    }
    for (name, interval, reuse) in [("x", 1, 480), ("most", 1, 480), ("half", 2, 120), ("end", 2, 120)] {
        let found = row(name);
        let figures =
            [&found["lanes"], &found["interval"], &found["reuse"]].map(|figure| figure.as_u64().unwrap());
        assert_eq!(figures, [1, interval, reuse], "{found}");
    }
    assert!(row("end")["reason"].as_str().unwrap().contains("running total"));
    let waiting = report["delays"].as_array().unwrap();
    let rows = waiting.iter().filter(|waiting| waiting["from"] == "x" && waiting["bits"] == 4);
    let held: u64 =
        rows.map(|waiting| waiting["depth"].as_u64().unwrap() * waiting["count"].as_u64().unwrap()).sum();
    assert!((70..=90).contains(&held), "a window of three rows holds two: {waiting:?}");
    // Frames that come whole have no such section.
    let dir = folder.path().join("whole");
    let report = compile("tracer-conv", &dir, &[])["report"].clone();
    assert_eq!(report["schedule"].as_array().unwrap().len(), 0);
    assert!(!fs::read_to_string(dir.join("report.html")).unwrap().contains("Streams"));
}
