use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest, Sha256};

use crate::Error;

const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// Compiled models and run-time objects, by the hash of everything that went into them.
///
/// A file appears under its final name by a rename, so that a killed build leaves no half of one.
pub(crate) struct Cache {
    root: PathBuf,
}

/// Held while an entry is built, so that concurrent builds of one entry wait instead of repeating the work.
pub(crate) struct Lock(#[expect(dead_code, reason = "closing the file releases the lock")] Option<File>);

impl Cache {
    /// Opens `NN2HDL_CACHE`, or `nn2hdl` under `XDG_CACHE_HOME` or `~/.cache`, or else under the temporary directory.
    pub(crate) fn open() -> Result<Self, Error> {
        if let Some(root) = set("NN2HDL_CACHE") {
            return Self::at(root);
        }
        let home = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
        if let Some(cache) = home.and_then(|home| Self::at(home.join("nn2hdl")).ok()) {
            return Ok(cache);
        }
        Self::at(env::temp_dir().join("nn2hdl-cache"))
    }

    fn at(root: PathBuf) -> Result<Self, Error> {
        let root = std::path::absolute(&root).map_err(Error::file(&root))?;
        for directory in ["entries", "locks", "building"] {
            let path = root.join(directory);
            fs::create_dir_all(&path).map_err(Error::file(&path))?;
        }
        let cache = Self { root };
        tempfile::tempfile_in(cache.root.join("building")).map_err(Error::file(&cache.root))?;
        cache.sweep();
        Ok(cache)
    }

    pub(crate) fn entry(&self, name: &str) -> PathBuf {
        self.root.join("entries").join(name)
    }

    pub(crate) fn lock(&self, name: &str) -> Lock {
        let file = File::create(self.root.join("locks").join(name)).ok();
        Lock(file.filter(|file| file.lock().is_ok()))
    }

    /// A directory to build in, on the cache's own file system; removed when dropped.
    pub(crate) fn workshop(&self) -> Result<tempfile::TempDir, Error> {
        let building = self.root.join("building");
        tempfile::tempdir_in(&building).map_err(Error::file(building))
    }

    /// Moves a finished file from a workshop to its place.
    pub(crate) fn publish(&self, built: &Path, name: &str) -> Result<PathBuf, Error> {
        let entry = self.entry(name);
        // The loader dies of a truncated library, so its bytes must be on the disk before its name.
        File::open(built).and_then(|file| file.sync_all()).map_err(Error::file(built))?;
        fs::rename(built, &entry).map_err(Error::file(&entry))?;
        Ok(entry)
    }

    fn sweep(&self) {
        let Ok(left) = fs::read_dir(self.root.join("building")) else { return };
        for entry in left.flatten() {
            let age =
                entry.metadata().and_then(|data| data.modified()).ok().and_then(|time| time.elapsed().ok());
            if age.is_some_and(|age| age > ABANDONED) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

fn set(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// A content hash of fields, each length-prefixed so that no two sequences of fields coincide.
#[derive(Default)]
pub(crate) struct Key(Sha256);

impl Key {
    pub(crate) fn field(mut self, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    pub(crate) fn finish(self) -> String {
        let digest = self.0.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
