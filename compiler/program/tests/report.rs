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
