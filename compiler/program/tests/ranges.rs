//! `emulate --stats` and `--deny overflow`.

mod run;

use std::fs;
use std::path::Path;

use run::{compile, run};
use serde_json::Value;

/// Frames of 40 numbers, all `fill` but where `places` say otherwise.
fn frames(path: &Path, count: usize, fill: f32, places: &[(usize, f32)]) {
    let mut values = vec![fill; 40 * count];
    places.iter().for_each(|&(at, value)| values[at] = value);
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({count}, 2, 20), }}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    fs::write(path, bytes).unwrap();
}

fn counts(range: &Value) -> [u64; 4] {
    ["saturated", "wrapped", "below", "above"].map(|key| range[key].as_u64().unwrap())
}

#[test]
fn overflows_of_an_input_are_counted_and_denied() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (dir, input, answers, report) = (path("dir"), path("x.npy"), path("y.npy"), path("r.json"));
    compile("tracer-conv", Path::new(&dir), &["--input-format", "x=fixed<5,3,RND,SAT>"]);
    let wrap = ["tracer-conv", "--input-format", "x=fixed<5,3,RND,WRAP>"];
    for (source, kind, word) in [(&[dir.as_str()][..], 0, "saturated"), (&wrap, 1, "wrapped")] {
        let emulate = |more: &[&str]| run(&[&["emulate"], source, &["--input", &input], more].concat());
        // 3.75 is the greatest value; 3.9 is rounded beyond it, 3.8 is not.
        frames(Path::new(&input), 3, 0.0, &[(43, 3.9), (44, 3.8), (47, -100.0), (90, 4.0)]);
        let json = emulate(&["--stats", "--json", "--stats-report", &report]).json();
        let range = &json["ranges"]["inputs"][0];
        let mut expected = [0, 0, 1, 2];
        expected[kind] = 3;
        assert_eq!(counts(range), expected, "{range}");
        assert_eq!(range["first"], serde_json::json!({"frame": 1, "element": 3}));
        assert_eq!((&range["elements"], &range["layer"]), (&120.into(), &"x".into()));
        let file: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
        assert_eq!((&file, &file["schema"]), (&json["ranges"], &"nn2hdl.ranges/1".into()));

        let ran = emulate(&["--deny", "overflow", "--output", &answers]);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        let message = format!("x: 3 of 120 elements {word}, the first in frame 1 at element 3");
        assert!(ran.stderr.contains(&message), "{}", ran.stderr);
        assert!(!Path::new(&answers).exists(), "nothing is written");

        frames(Path::new(&input), 3, 0.0, &[(43, 0.75), (44, -0.5)]);
        let ran = emulate(&["--deny", "overflow", "--output", &answers, "--stats", "--json"]);
        assert_eq!((ran.code, &ran.json()["ranges"]["overflows"]), (Some(0), &0.into()), "{}", ran.stderr);
        fs::remove_file(&answers).unwrap();
        // −2 to 3 in steps of a quarter need three of five bits.
        let json = emulate(&["--stats", "--json"]).json();
        let range = &json["ranges"]["inputs"][0];
        let seen = ["least", "greatest", "unused_top_bits"].map(|key| range[key].as_i64().unwrap());
        assert_eq!(seen, [-2, 3, 2]);
    }
}

/// The zoo's sample: what the layer before the quantizer delivers, as values, says how many of them saturate.
#[test]
fn overflows_of_a_layer_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let [dir, before] =
        ["dir", "before.npy"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    compile("tracer-conv", Path::new(&dir), &[]);
    let sample = ["--input", "tracer-conv"];
    let ended = ["emulate", "tracer-conv", "--output-node", "conv_relu", "--output", &before];
    assert_eq!(run(&[&ended[..], &sample].concat()).code, Some(0));
    let bytes = fs::read(before).unwrap();
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert!(bytes[..header].windows(3).any(|word| word == b"<f8"));
    let values: Vec<f64> =
        bytes[header..].chunks_exact(8).map(|value| f64::from_le_bytes(value.try_into().unwrap())).collect();
    // 15 quarters are the most; half a step beyond is rounded to the even 16.
    let beyond: Vec<usize> = (0..values.len()).filter(|&at| values[at] >= 3.875).collect();

    let json = run(&[&["emulate", &dir, "--stats", "--json"], &sample[..]].concat()).json();
    let layer = &json["ranges"]["layers"][0];
    let count = beyond.len() as u64;
    assert!(count > 100 && counts(layer) == [count, 0, 0, count], "{count}: {layer}");
    assert_eq!((&layer["layer"], &layer["greatest"]), (&"Quant_y".into(), &15.into()));
    assert_eq!(layer["elements"], values.len() as u64);
    let first = (beyond[0] / 60, beyond[0] % 60);
    assert_eq!(layer["first"], serde_json::json!({"frame": first.0, "element": first.1}));

    let ran = run(&[&["emulate", &dir, "--deny", "overflow", "--stats"], &sample[..]].concat());
    let all = values.len();
    let message =
        format!("Quant_y: {count} of {},{} elements saturated, the first in", all / 1000, all % 1000);
    assert!(ran.code == Some(1) && ran.stderr.contains(&message), "{message} {}", ran.stderr);
    assert!(ran.stdout.contains("unused top bits"), "{}", ran.stdout);

    let page = || fs::read_to_string(Path::new(&dir).join("report.html")).unwrap();
    let fresh = page();
    for _ in 0..2 {
        let ran = run(&[&["emulate", &dir, "--html"], &sample[..]].concat());
        assert!(ran.code == Some(0) && ran.stdout.contains("report.html"), "{}", ran.stderr);
    }
    let cell = format!("<td>{count}</td>");
    assert!(page().contains(&cell) && !fresh.contains(&cell), "{cell}");
    assert_eq!(page().matches("<h2>Ranges on your data</h2>").count(), 1);
    for heading in fresh.match_indices("<h2>").map(|(at, _)| fresh[at..].split("</h2>").next().unwrap()) {
        assert!(page().contains(heading), "{heading}");
    }
    let ran = run(&[&["emulate", "tracer-conv", "--html"], &sample[..]].concat());
    assert!(ran.code == Some(2) && ran.stderr.contains("--html"), "{}", ran.stderr);

    fs::remove_file(Path::new(&dir).join("observe.json")).unwrap();
    let ran = run(&[&["emulate", &dir, "--stats"], &sample[..]].concat());
    assert!(ran.code == Some(1) && ran.stderr.contains("observe.json"), "{}", ran.stderr);
    assert_eq!(run(&[&["emulate", &dir], &sample[..]].concat()).code, Some(0));
}
