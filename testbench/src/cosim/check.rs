//! Whether program, signature and probes belong together: they are read from files.

use nn2hdl_runtime::Value;
use nn2hdl_runtime::interface::{PortMap, Probe, Spread, Travel};

use super::Design;

/// Above this, a beat is no port of a real device.
const WIDEST: usize = 1 << 26;
/// The longest frame or latency, in cycles.
const LONGEST: usize = 1 << 24;

pub(super) fn check(design: &Design) -> Result<(), String> {
    let (program, signature) = (&design.program, &design.signature);
    let main = program.main();
    let inputs = main.params.iter().map(|&id| main.value(id));
    ports("input", &signature.inputs, inputs.collect())?;
    let outputs = main.results.iter().map(|&id| main.value(id));
    ports("output", &signature.outputs, outputs.collect())?;
    for maps in [&signature.inputs, &signature.outputs] {
        let mut beats = maps.iter().map(|map| map.travel.beats());
        let first = beats.next();
        if beats.any(|beats| Some(beats) != first) {
            return Err("ports with different numbers of beats".into());
        }
    }
    let beats = signature.inputs.first().map_or(1, |map| map.travel.beats());
    if (signature.ii_cycles as usize) < beats || signature.latency_last_cycles < signature.latency_cycles {
        return Err("the initiation interval or the latency is impossible".into());
    }
    if signature.ii_cycles as usize > LONGEST || signature.latency_last_cycles as usize > LONGEST {
        return Err("the initiation interval or the latency is absurdly large".into());
    }
    design.probes.iter().try_for_each(probe)
}

fn ports(kind: &str, maps: &[PortMap], values: Vec<&Value>) -> Result<(), String> {
    if maps.len() != values.len() {
        return Err(format!("{} {kind} ports for {} {kind}s", maps.len(), values.len()));
    }
    for (map, value) in maps.iter().zip(values) {
        if map.shape != value.shape || map.format != value.format {
            return Err(format!("{kind} {}: shape or format is not the program's", map.name));
        }
        let bits =
            travel(&map.travel, &map.shape).map_err(|error| format!("{kind} {}: {error}", map.name))?;
        if bits.saturating_mul(map.format.width as usize) > WIDEST || bits == 0 {
            return Err(format!("{kind} {}: a port of impossible width", map.name));
        }
    }
    Ok(())
}

fn probe(probe: &Probe) -> Result<(), String> {
    let fail = |error: String| format!("probe {}: {error}", probe.name);
    let elements = travel(&probe.travel, &probe.shape).map_err(fail)?;
    if elements != probe.elements.len() {
        return Err(fail(format!("{} places for {elements} elements", probe.elements.len())));
    }
    let legal = |width: u32, lo: u32| (1..=64).contains(&width) && (lo as usize) < WIDEST;
    if probe.elements.iter().any(|place| place.constant.is_none() && !legal(place.width, place.lo)) {
        return Err(fail("a place of impossible width".into()));
    }
    Ok(())
}

/// The number of elements in a beat.
fn travel(travel: &Travel, shape: &[usize]) -> Result<usize, String> {
    let impossible = || Err("travels in an impossible way".to_owned());
    let fits = |spread: &Spread| {
        let Some(&extent) = shape.get(spread.axis) else { return false };
        let covered = spread.lanes.checked_mul(spread.beats).is_some_and(|all| all >= extent);
        let reach = spread.beats.checked_mul(spread.interval);
        covered && spread.lanes.min(spread.beats) > 0 && reach.is_some_and(|reach| reach <= LONGEST)
    };
    if travel.phase as usize > LONGEST || travel.spread.len() > 2 || !travel.spread.iter().all(fits) {
        return impossible();
    }
    let product = travel.beat_shape(shape).iter().try_fold(1usize, |n, &extent| n.checked_mul(extent));
    product.filter(|&n| n <= WIDEST).map_or_else(impossible, Ok)
}
