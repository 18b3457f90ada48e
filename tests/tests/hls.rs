//! HLS C++ in C simulation against the emulator: random programs of every form, streams, damage, snapshots.

#[path = "../../runtime/tests/random/mod.rs"]
mod random;

use std::fs;
use std::path::Path;

use nn2hdl_compiler::back::hls::{self, File, Settings};
use nn2hdl_runtime::Program;
use nn2hdl_tests::hls::{csim, verdict_on};
use nn2hdl_tests::merge::merge;
use nn2hdl_tests::random::{codes, convolutions, networks};

/// Programs of every kind of read, scatter, reduction, primitive and call, merged so that few are compiled.
#[test]
fn random_programs_are_equal() {
    let (mut seconds, mut text) = (0.0, 0);
    for (part, wide) in [(0, false), (1, true)] {
        let programs: Vec<Program> = (0..60).map(|n| random::program(1000 * part + n, wide)).collect();
        let whole = merge(&format!("random_{part}"), &programs);
        let verdict = csim(&whole, 1 + part as u32 * 9, &codes(&whole, 100, part), 100);
        seconds += verdict.build.cpu_seconds.unwrap_or_default();
        text +=
            hls::print(&whole, &Settings::of(&whole, 1)).iter().map(|file| file.text.len()).sum::<usize>();
    }
    println!("120 programs, {text} bytes of C++, {seconds:.1} CPU s");
}

#[test]
fn random_networks_and_streams_are_equal() {
    let streams = (0..6).map(|seed| convolutions(seed, 13, 3, 2));
    let programs: Vec<Program> = (0..6).map(|seed| networks(seed, 4)).chain(streams).collect();
    let whole = merge("networks", &programs);
    for ii in [1, 5, 13] {
        csim(&whole, ii, &codes(&whole, 200, 3), 200);
    }
}

type Damage<'a> = &'a dyn Fn(&mut Vec<File>);

/// One more in an entry of a table, in the start of a sum, another weight: each is seen.
#[test]
fn damage_is_found() {
    let program = networks(7, 2);
    let inputs = codes(&program, 500, 1);
    let table = |files: &mut Vec<File>| {
        let file = files.iter_mut().find(|file| file.name == "weights.h").expect("there are weights");
        let at = file.text.find("= {\n    ").expect("there is a table") + 8;
        let end = at + file.text[at..].find(',').expect("entries end in a comma");
        let entry: i64 = file.text[at..end].parse().expect("entries are numbers");
        file.text.replace_range(at..end, &(entry + 1).to_string());
    };
    let functions = |from: &'static str, to: &'static str| {
        move |files: &mut Vec<File>| {
            let file =
                files.iter_mut().find(|file| file.name.ends_with(".cpp")).expect("there are functions");
            assert!(file.text.contains(from), "{}", file.text);
            file.text = file.text.replacen(from, to, 1);
        }
    };
    let start = functions("acc = 0;", "acc = 1;");
    let index = functions("+ p0]", "+ p0 - p0]");
    let damages: [Damage<'_>; 3] = [&table, &start, &index];
    for (number, damage) in damages.into_iter().enumerate() {
        let verdict = verdict_on(&program, 1, &inputs, 500, damage);
        assert!(verdict.mismatches > 0, "damage {number} was not seen");
        let first = verdict.first_difference.expect("a difference has a place");
        assert!(first.layer.starts_with("output y") && first.expected != first.found, "{first:?}");
    }
}

/// Small designs as text; `NN2HDL_BLESS=1` writes them anew.
#[test]
fn snapshots() {
    for (name, program, ii) in [("dense", networks(12, 1), 1), ("stream", convolutions(0, 10, 3, 2), 5)] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/hls").join(name);
        let files = hls::print(&program, &Settings::of(&program, ii));
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
}
