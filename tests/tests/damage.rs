//! Verilog damaged on purpose: `cosim` must see it and name the layer.

use nn2hdl_compiler::artifact::File;
use nn2hdl_compiler::front::{self, Options};
use nn2hdl_models::find;
use nn2hdl_runtime::Program;
use nn2hdl_tests::random::codes;
use nn2hdl_tests::verilator::verdict_on;

const FRAMES: usize = 400;

/// Changes the `site`-th place of its kind in a module's text.
type Damage = fn(&str, usize) -> Option<String>;

/// One more in a constant that is added.
fn constant(text: &str, site: usize) -> Option<String> {
    let mut found = text.match_indices("'d").filter(|(at, _)| {
        let line = text[..*at].rfind('\n').map_or(0, |start| start + 1);
        text[line..].starts_with("    wire") && text[line..*at].contains(" + ")
    });
    let (at, _) = found.nth(site)?;
    let digits: String = text[at + 2..].chars().take_while(char::is_ascii_digit).collect();
    let value: u64 = digits.parse().ok()?;
    let changed = if value.is_multiple_of(2) { value + 1 } else { value - 1 };
    Some(format!("{}{changed}{}", &text[..at + 2], &text[at + 2 + digits.len()..]))
}

/// A register becomes a wire.
fn register(text: &str, site: usize) -> Option<String> {
    let line = text.lines().filter(|line| line.trim_start().contains(" <= ")).nth(site)?;
    let (name, value) = line.trim().trim_end_matches(';').split_once(" <= ")?;
    let declaration = text
        .lines()
        .find(|line| line.trim_start().starts_with("reg ") && line.ends_with(&format!(" {name};")))?;
    let wire = format!("{} = {value};", declaration.replace("reg ", "wire ").trim_end_matches(';'));
    // The wire goes to the end, behind what it reads.
    let without = text.replacen(&format!("{line}\n"), "", 1).replacen(&format!("{declaration}\n"), "", 1);
    let unclocked = without.replace("    always @(posedge clk) begin\n    end\n", "");
    Some(unclocked.replace("endmodule", &format!("{wire}\nendmodule")))
}

/// A part select moves down by one bit.
fn shift(text: &str, site: usize) -> Option<String> {
    let select = |(at, _): &(usize, &str)| {
        let inside = text[at + 1..].split(']').next()?;
        let (high, low) = inside.split_once(':')?;
        let (high, low): (u32, u32) = (high.parse().ok()?, low.parse().ok()?);
        let line = text[..*at].rfind('\n').map_or(0, |start| start + 1);
        let value = text[line..*at].contains(" = ");
        (low > 0 && high > low && value).then_some((*at, inside.len(), high, low))
    };
    let (at, len, high, low) = text.match_indices('[').filter_map(|found| select(&found)).nth(site)?;
    Some(format!("{}{}:{}{}", &text[..at + 1], high - 1, low - 1, &text[at + 1 + len..]))
}

fn program() -> Program {
    let model = find("muon-window").expect("the zoo has it");
    let graph = front::import(model.onnx).expect("the zoo's models are sound");
    front::compile(&graph, &Options::default()).expect("the zoo's models compile").program
}

#[test]
fn the_damaged_layer_is_named() {
    let program = program();
    let inputs = codes(&program, FRAMES, 3);
    let layers: Vec<String> = program.main().steps.iter().map(|step| step.name().to_owned()).collect();
    let cases: [(usize, Damage, usize); 10] = [
        (0, constant, 3),
        (1, constant, 5),
        (2, constant, 1),
        (0, register, 8),
        (1, register, 3),
        (2, register, 2),
        (0, shift, 4),
        (1, shift, 6),
        (2, shift, 2),
        (0, register, 15),
    ];
    let mut named = 0;
    for (number, (layer, damage, site)) in cases.into_iter().enumerate() {
        let layer = &layers[layer];
        let wanted = format!("_{layer}.v").replace('/', "_");
        let change = |files: &mut Vec<File>| {
            let file = files
                .iter_mut()
                .find(|file| file.path.ends_with(&wanted))
                .expect("each layer has its module");
            let text = String::from_utf8(file.bytes.clone()).expect("Verilog is text");
            file.bytes = damage(&text, site).expect("the module has such a place").into_bytes();
        };
        let verdict = verdict_on(&program, 1, &inputs, FRAMES, &change);
        assert!(verdict.mismatches > 0, "case {number}: the damage to {layer} was not seen");
        let found = verdict.first_difference.expect("a difference is located");
        println!(
            "case {number}: {} frame {} element {:?} cycle {}",
            found.layer, found.frame, found.element, found.cycle
        );
        assert_eq!(&found.layer, layer, "case {number}");
        named += 1;
    }
    println!("{named} of 10 damaged layers named");
}
