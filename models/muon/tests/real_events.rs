//! The simulation and the road finder beside the 50 real events, where their ntuple is found.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use nn2hdl_muon::compare::compare;
use nn2hdl_muon::real::{Chamber, chambers};
use nn2hdl_muon::{Parameters, RoadFinder, offline};

/// The real events; without them, one line says what was not tested.
fn real() -> Option<Vec<Chamber>> {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let ntuple = root.join("../shared/data/me0/mc_ntuple.root");
    // Past the test harness, which keeps what passing tests print to itself.
    let skip = |why: &str| {
        let _ = writeln!(std::io::stderr(), "NOT TESTED, real ME0 events: {why}");
        None
    };
    if !ntuple.is_file() {
        return skip("there is no ../shared/data/me0/mc_ntuple.root");
    }
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("events.json");
    let made = Command::new(root.join("scripts/me0-events")).arg(&ntuple).arg(&events).output();
    match made {
        Ok(made) if made.status.success() => Some(chambers(&std::fs::read(&events).unwrap()).unwrap()),
        Ok(made) => {
            skip(&format!("scripts/me0-events failed: {}", String::from_utf8_lossy(&made.stderr).trim()))
        }
        Err(error) => skip(&format!("scripts/me0-events did not start: {error}")),
    }
}

#[test]
fn simulation_and_road_finder_agree_with_real_events() {
    let Some(chambers) = real() else { return };
    let finder = RoadFinder::new(4);
    let segments = offline::segments(&chambers, |image| finder.mark(image));
    assert_eq!(segments.len(), 137);
    let found = segments.iter().filter(|segment| segment.found).count() as f64 / segments.len() as f64;
    assert!(found >= 0.99, "the road finder finds {found} of the offline segments");
    let (roads, pure) =
        offline::purity(&chambers, |image| finder.find(image).into_iter().map(|road| road.voxels).collect());
    let purity = pure as f64 / roads as f64;
    assert!(purity >= 0.97, "{purity} of the roads belong to an offline segment");
    // Neither side has background, so that every measurement must agree.
    let rows = compare(&chambers, &Parameters::default(), 1, 200).unwrap();
    assert!(rows.len() > 15);
    for row in rows {
        assert!(row.deviation().abs() < 3.0, "{}: {:?} and {:?}", row.name, row.real, row.simulated);
    }
}
