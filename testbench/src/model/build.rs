use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use super::{
    BuildRequest, BuildStats, Model, Optimization, Progress, Trace, generated, harness::harness,
    library::Instance,
};
use crate::{
    Direction, Error, Layout, Port, Toolchain,
    cache::{Cache, Key},
    jobs,
};

const VERILATOR_FLAGS: &[&str] = &[
    "--cc",
    "--prefix",
    "Vdut",
    "--Mdir",
    ".",
    "+1364-2005ext+v",
    "--x-initial",
    "unique",
    "-Wno-lint",
    "-Wno-style",
    "-Wno-fatal",
    "--output-split",
    "5000",
    // The data-flow optimisation takes 22 GB for 1,200 instances of hierarchical blocks; without it 1.4 GB are enough.
    "-fno-dfg",
];

const CXX_FLAGS: &[&str] = &[
    "-DVM_COVERAGE=0",
    "-DVM_SC=0",
    "-DVM_TRACE_FST=0",
    "-DVM_TRACE_SAIF=0",
    "-DVL_TIME_CONTEXT",
    "-DVL_USER_FATAL",
];

pub(super) fn build(
    toolchain: &Toolchain,
    request: &BuildRequest,
    progress: &mut dyn FnMut(Progress),
) -> Result<Model, Error> {
    let began = Instant::now();
    let cpu_before = jobs::children_cpu_seconds();
    let side = |direction| {
        let ports =
            request.ports.iter().filter(|port| port.direction == direction && port.name != request.clock);
        Layout::new(ports.cloned().collect())
    };
    let (inputs, outputs) = (side(Direction::Input), side(Direction::Output));
    let recipe = Recipe::new(toolchain, request, harness(&request.clock, &inputs, &outputs, request.trace));

    let cache = Cache::open()?;
    let entry = format!("{}.so", recipe.key(request)?);
    let _lock = cache.lock(&entry);
    let path = cache.entry(&entry);
    let cached = if path.is_file() { Instance::load(&path).ok() } else { None };
    let (cached, instance) = match cached {
        Some(instance) => {
            progress(Progress::Cached);
            (true, instance)
        }
        None => (false, Instance::load(&recipe.build(&cache, &entry, progress)?)?),
    };

    let cpu_seconds = jobs::children_cpu_seconds().zip(cpu_before).map(|(after, before)| after - before);
    let stats = BuildStats { cached, wall_seconds: began.elapsed().as_secs_f64(), cpu_seconds };
    Ok(Model { instance, inputs, outputs, traced: request.trace != Trace::Off, stats })
}

/// All that decides what the compiled model is.
struct Recipe<'a> {
    toolchain: &'a Toolchain,
    top: &'a str,
    clock: &'a str,
    ports: Vec<Port>,
    sources: Vec<PathBuf>,
    harness: String,
    verilator_flags: Vec<String>,
    cxx_flags: Vec<&'static str>,
    optimization: &'static str,
    blocks: &'a [String],
}

impl<'a> Recipe<'a> {
    fn new(toolchain: &'a Toolchain, request: &'a BuildRequest, harness: String) -> Self {
        let mut verilator_flags: Vec<String> = VERILATOR_FLAGS.iter().map(|flag| flag.to_string()).collect();
        let mut cxx_flags = CXX_FLAGS.to_vec();
        match request.trace {
            Trace::Off => cxx_flags.extend(["-DVM_TRACE=0", "-DVM_TRACE_VCD=0"]),
            Trace::Depth(_) | Trace::Full => {
                cxx_flags.extend(["-DVM_TRACE=1", "-DVM_TRACE_VCD=1"]);
                verilator_flags.extend(["--trace", "--trace-max-width", "1000000"].map(str::to_owned));
            }
        }
        if let Trace::Depth(levels) = request.trace {
            verilator_flags.extend(["--trace-depth".to_owned(), levels.to_string()]);
        }
        let blocks = if request.trace == Trace::Off { request.blocks.as_slice() } else { &[] };
        if !blocks.is_empty() {
            verilator_flags.push("--hierarchical".to_owned());
        }
        if !toolchain.cxx_version().contains("clang") {
            // Unique symbols would be shared between models in spite of RTLD_LOCAL.
            cxx_flags.push("-fno-gnu-unique");
        }
        Self {
            toolchain,
            top: &request.top,
            clock: &request.clock,
            ports: request.ports.clone(),
            sources: request.sources.clone(),
            harness,
            verilator_flags,
            cxx_flags,
            optimization: match request.optimization {
                Optimization::O0 => "-O0",
                Optimization::O1 => "-O1",
            },
            blocks,
        }
    }

    fn tools_key(&self) -> Key {
        let versions =
            Key::default().field(self.toolchain.verilator_version()).field(self.toolchain.cxx_version());
        self.cxx_flags.iter().fold(versions, |key, flag| key.field(flag))
    }

    fn key(&self, request: &BuildRequest) -> Result<String, Error> {
        let mut key = self.tools_key().field(&self.harness).field(self.top).field(self.optimization);
        for flag in self.verilator_flags.iter().chain(self.blocks) {
            key = key.field(flag);
        }
        for port in &self.ports {
            key = key.field(format!("{port:?}"));
        }
        for source in &request.sources {
            let name = source.file_name().unwrap_or_default().as_encoded_bytes();
            key = key.field(name).field(fs::read(source).map_err(Error::file(source))?);
        }
        Ok(key.finish())
    }

    fn build(
        &self,
        cache: &Cache,
        entry: &str,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<PathBuf, Error> {
        let workshop = cache.workshop()?;
        let directory = workshop.path();
        progress(Progress::Verilating);
        self.verilate(directory)?;
        generated::check_ports(directory, self.top, self.clock, &self.ports)?;

        let directories = generated::directories(directory)?;
        let mut objects = self.runtime(cache, directory, &directories)?;
        let mut compilations = Vec::new();
        for (number, unit) in generated::units(&directories, &self.harness)?.into_iter().enumerate() {
            let source = directory.join(format!("unit{number}.cc"));
            let object = source.with_extension("o");
            fs::write(&source, unit.text).map_err(Error::file(&source))?;
            let optimization = if unit.optimized { self.optimization } else { "-O0" };
            compilations.push(self.compile(&source, &object, optimization));
            objects.push(object);
        }
        let total = compilations.len();
        jobs::run_all(compilations, &mut |done| progress(Progress::Compiling { done, total }))?;
        progress(Progress::Linking);
        let library = directory.join("model.so");
        self.link(&objects, &library)?;
        cache.publish(&library, entry)
    }

    /// The objects of Verilator's run time, which all models of one toolchain share.
    fn runtime(&self, cache: &Cache, workshop: &Path, generated: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
        let hash = self.tools_key().finish();
        let names = generated::runtime_sources(generated)?;
        let entries: Vec<String> = names.iter().map(|name| format!("{name}-{hash}.o")).collect();
        let missing = || names.iter().zip(&entries).filter(|(_, entry)| !cache.entry(entry).is_file());
        if missing().next().is_some() {
            let _lock = cache.lock(&hash);
            let missing: Vec<_> = missing().collect();
            let compilations = missing.iter().map(|(name, entry)| {
                let source = self.toolchain.include().join(format!("{name}.cpp"));
                self.compile(&source, &workshop.join(entry), "-O1")
            });
            jobs::run_all(compilations.collect(), &mut |_| {})?;
            for (_, entry) in missing {
                cache.publish(&workshop.join(entry), entry)?;
            }
        }
        Ok(entries.iter().map(|entry| cache.entry(entry)).collect())
    }

    fn verilate(&self, directory: &Path) -> Result<(), Error> {
        let mut command = self.toolchain.verilator();
        command.current_dir(directory).args(&self.verilator_flags).args(["--top-module", self.top]);
        if !self.blocks.is_empty() {
            let path = directory.join("blocks.vlt");
            let names = self.blocks.iter().map(|name| format!("hier_block -module \"{name}\"\n"));
            let text = format!("`verilator_config\n{}", names.collect::<String>());
            fs::write(&path, text).map_err(Error::file(&path))?;
            command.arg(path);
        }
        for source in &self.sources {
            command.arg(std::path::absolute(source).map_err(Error::file(source))?);
        }
        jobs::run(command).map(drop)
    }

    fn compile(&self, source: &Path, object: &Path, optimization: &str) -> Command {
        let include = self.toolchain.include();
        let mut command = self.toolchain.cxx();
        command.args(&self.cxx_flags).arg(optimization);
        command.arg("-I").arg(include).arg("-I").arg(include.join("vltstd"));
        command.arg("-c").arg(source).arg("-o").arg(object);
        command
    }

    fn link(&self, objects: &[PathBuf], library: &Path) -> Result<(), Error> {
        let mut command = self.toolchain.cxx();
        command.args(["-shared", "-s", "-pthread", "-Wl,-z,defs"]).args(objects).arg("-o").arg(library);
        jobs::run(command).map(drop)
    }
}
