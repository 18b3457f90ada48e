//! Serialized programs: round trips, refusals, and thousands of damaged ones.

mod random;

use nn2hdl_runtime::index::DEPTH_LIMIT;
use nn2hdl_runtime::program::VERSION;
use nn2hdl_runtime::{Emulator, Index, LoadError, Program};
use random::Dice;
use serde_json::Value;

#[test]
fn programs_read_back() {
    for seed in 0..50 {
        let program = random::program(seed, seed % 2 == 0);
        let bytes = program.to_bytes();
        let back = Program::from_bytes(&bytes).unwrap();
        assert_eq!(back, program);
        assert_eq!(back.to_bytes(), bytes);
    }
}

#[test]
fn deep_index_maps_read_back() {
    let deep = |depth: usize| {
        (1..depth).fold(Index::p(0), |inner, n| match n % 4 {
            0 => Index::Add(Box::new(inner), Box::new(Index::r(0))),
            1 => Index::Mul(Box::new(inner), 3),
            2 => Index::Div(Box::new(inner), 2),
            _ => Index::Mod(Box::new(inner), 5),
        })
    };
    let text = |index: &Index| serde_json::to_string(index).unwrap();
    let index = deep(DEPTH_LIMIT);
    assert_eq!(serde_json::from_str::<Index>(&text(&index)).unwrap(), index);
    assert!(serde_json::from_str::<Index>(&text(&deep(DEPTH_LIMIT + 1))).is_err());
    for text in ["[]", r#"["add"]"#, r#"[{"p":0},{"p":1}]"#, r#"[{"p":0},"add"]"#, r#"[{"mul":2}]"#] {
        assert!(serde_json::from_str::<Index>(text).is_err(), "{text}");
    }
}

#[test]
fn other_versions_are_named() {
    let mut program = random::program(1, false);
    program.version = VERSION + 1;
    let error = Program::from_bytes(&program.to_bytes()).unwrap_err();
    assert!(matches!(error, LoadError::Version { found } if found == u64::from(VERSION) + 1));
    assert!(error.to_string().contains("compile the model again"), "{error}");
    let newer = br#"{"version": 99, "layers": [{"anything": 1}]}"#;
    assert!(matches!(Program::from_bytes(newer), Err(LoadError::Version { found: 99 })));
}

#[test]
fn truncated_programs_are_refused() {
    let bytes = random::program(7, false).to_bytes();
    for len in 0..bytes.len() {
        assert!(matches!(Program::from_bytes(&bytes[..len]), Err(LoadError::Syntax(_))), "{len} bytes");
    }
    assert!(Program::from_bytes(&[&bytes[..], b"x"].concat()).is_err());
}

#[test]
fn oversized_programs_are_refused_unread() {
    // Never touched, so it takes no memory.
    let bytes = vec![0u8; nn2hdl_runtime::program::SIZE_LIMIT + 1];
    assert!(matches!(Program::from_bytes(&bytes), Err(LoadError::Size { .. })));
}

#[test]
fn deep_nesting_is_refused() {
    for text in ["[", "{\"add\":[", "{\"mul\":["] {
        let text = format!("{{\"version\": {VERSION}, \"name\": {}", text.repeat(100_000));
        assert!(Program::from_bytes(text.as_bytes()).is_err());
    }
}

/// Changes one random leaf or list of `json`.
fn damage(json: &mut Value, dice: &mut Dice) {
    match json {
        Value::Array(list) if !list.is_empty() && !dice.chance(8) => {
            let at = dice.below(list.len());
            damage(&mut list[at], dice);
        }
        Value::Object(map) if !map.is_empty() => {
            let at = dice.below(map.len());
            damage(map.values_mut().nth(at).unwrap(), dice);
        }
        Value::Array(list) => match dice.below(4) {
            0 => list.clear(),
            1 => drop(list.pop()),
            2 => list.reverse(),
            _ => list.extend(list.first().cloned()),
        },
        Value::Number(number) => {
            let old = number.as_i64().unwrap_or(0);
            let odd = [0, 1, -1, 7, 63, 64, 65, 255, 1 << 20, 1 << 31, 1 << 40, i64::MAX, i64::MIN, old / 2];
            *json = match dice.below(3) {
                0 => (*dice.pick(&odd)).into(),
                1 => old.wrapping_add(dice.range(-2, 2)).into(),
                _ => old.wrapping_mul(dice.range(-2, 3)).into(),
            };
        }
        Value::Bool(flag) => *flag = !*flag,
        other => *other = Value::from(dice.range(-3, 3)),
    }
}

#[test]
fn damaged_programs_are_refused_or_run() {
    let (mut refused, mut ran) = (0, 0);
    let mut whole = Value::Null;
    for seed in 0..6000 {
        if seed % 20 == 0 {
            whole = serde_json::to_value(random::program(seed / 20, seed % 40 < 20)).unwrap();
        }
        let mut dice = Dice(seed);
        let mut json = whole.clone();
        for _ in 0..1 + dice.below(2) {
            damage(&mut json, &mut dice);
        }
        let Ok(program) = Program::from_bytes(&serde_json::to_vec(&json).unwrap()) else {
            refused += 1;
            continue;
        };
        ran += 1;
        let inputs = random::inputs(&program, 3, seed);
        let slices: Vec<&[i64]> = inputs.iter().map(Vec::as_slice).collect();
        let outputs = Emulator::new(&program).unwrap().with_threads(1).run(&slices, 3).unwrap();
        for (n, codes) in outputs.iter().enumerate() {
            assert!(codes.iter().all(|&code| program.output_value(n).format.holds(code)), "seed {seed}");
        }
    }
    assert!(refused > 1000 && ran > 500, "{refused} refused, {ran} ran");
}

#[test]
fn absurd_sizes_are_refused_at_once() {
    let start = std::time::Instant::now();
    let mut seen = 0;
    for seed in 0..200 {
        let program = random::program(seed, false);
        let json = serde_json::to_value(&program).unwrap();
        for extent in [1u64 << 22, 1 << 27, 1 << 40, u64::MAX] {
            for pointer in ["/blocks/0/values/0/shape", "/blocks/0/steps/0/kernel/extent"] {
                let mut json = json.clone();
                if let Some(shape) = json.pointer_mut(pointer) {
                    *shape = vec![extent; 4].into();
                    seen += 1;
                    assert!(Program::from_bytes(&serde_json::to_vec(&json).unwrap()).is_err());
                }
            }
            for step in 0..8 {
                let mut json = json.clone();
                if let Some(repeat) = json.pointer_mut(&format!("/blocks/1/steps/{step}/call/repeat")) {
                    *repeat = u32::MAX.into();
                    seen += 1;
                    assert!(Program::from_bytes(&serde_json::to_vec(&json).unwrap()).is_err());
                }
            }
        }
    }
    assert!(seen > 1000, "{seen}");
    assert!(start.elapsed().as_secs() < 60);
}
