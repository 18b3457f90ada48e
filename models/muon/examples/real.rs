fn main() {
    let path = std::env::args().nth(1).unwrap();
    let chambers = nn2hdl_muon::real::chambers(&std::fs::read(path).unwrap()).unwrap();
    for c in nn2hdl_muon::compare::compare(&chambers, &Default::default(), 1, 200).unwrap() {
        println!(
            "{:55} {:8.3} ± {:6.3}   {:8.3} ± {:6.3}  {:6.1}",
            c.name,
            c.real.0,
            c.real.1,
            c.simulated.0,
            c.simulated.1,
            c.deviation()
        );
    }
    let finder = nn2hdl_muon::RoadFinder::new(4);
    let found = nn2hdl_muon::offline::segments(&chambers, |image| finder.mark(image));
    println!("{} of {}", found.iter().filter(|f| f.found).count(), found.len());
    for f in found.iter().filter(|f| !f.found) {
        println!("{f:?}");
    }
    let (all, pure) = nn2hdl_muon::offline::purity(&chambers, |image| {
        finder.find(image).into_iter().map(|r| r.voxels).collect()
    });
    println!("purity {pure} of {all}");
    for b in [1.0, 5.0] {
        let sim =
            nn2hdl_muon::Simulation::new(nn2hdl_muon::Parameters { background: b, ..Default::default() })
                .unwrap();
        let t = std::time::Instant::now();
        let (mut any, mut n, mut hits, mut heads) = (0, 0, 0, 0);
        let (mut eff, mut mu) = (0, 0);
        for m in [4, 5, 6] {
            let f = nn2hdl_muon::RoadFinder::new(m);
            let mut c = 0;
            for i in 0..20000 {
                let e = sim.event_with(3, i, 0);
                c += u32::from(!f.find(&e.image()).is_empty());
            }
            println!("majority {m} fakes {}", c as f64 / 20000.0);
        }
        for i in 0..20000 {
            let e = sim.event_with(3, i, 0);
            hits += e.hits.len();
            n += 1;
            let mask = finder.mark(&e.image());
            any += u32::from(mask.count() > 0);
            heads += u32::from(nn2hdl_muon::segments::any(&mask));
            let e = sim.event_with(4, i, 1);
            let mask = finder.mark(&e.image());
            let own: Vec<_> = e.voxels_of(0).collect();
            mu += 1;
            eff += u32::from(own.iter().filter(|v| mask.get(**v)).count() as f64 > 0.6 * own.len() as f64);
        }
        println!(
            "bg {b}: hits {} fakes {} head {} eff {} in {:?}",
            hits as f64 / n as f64,
            any as f64 / n as f64,
            heads as f64 / n as f64,
            eff as f64 / mu as f64,
            t.elapsed()
        );
    }
}
