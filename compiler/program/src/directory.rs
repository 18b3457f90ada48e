//! A directory is written whole or not at all, however the program ends.
//!
//! Files go to a hidden sibling, reach the disk, and the sibling takes the directory's name in one step. Siblings of
//! dead processes are removed by the next writer; a lock tells the living from the dead.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use nn2hdl_compiler::artifact;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::failure::Failure;

const MARK: &str = ".nn2hdl-partial-";

/// What a directory holds, and so which command may replace it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A compiled design.
    Design,
    /// A measurement.
    Bench,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Design, Self::Bench];

    /// The file that tells, the start of its schema, what the directory is, and the command that writes it.
    fn told(self) -> [&'static str; 4] {
        match self {
            Self::Design => ["report.json", "nn2hdl.report/", "a compiled design", "nn2hdl compile"],
            Self::Bench => ["bench.json", "nn2hdl.bench/", "a measurement", "nn2hdl bench"],
        }
    }
}

/// Where a result is to go.
#[derive(Debug)]
pub struct Place {
    kind: Kind,
    path: PathBuf,
    parent: PathBuf,
    name: OsString,
}

impl Place {
    /// Checks that `path` may be written: it is absent, empty, or nn2hdl's own of the same kind.
    pub fn new(path: &Path, kind: Kind) -> Result<Self, Failure> {
        let real = if path.exists() { path.canonicalize() } else { std::path::absolute(path) };
        let path = real.map_err(|error| Failure::file(path, &error))?;
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(refusal(
                &path,
                "the path of a new directory cannot contain `..`",
                "name it directly",
            ));
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(refusal(&path, "is no place for a directory", "choose another DIR"));
        };
        let place = Self { parent: parent.to_owned(), name: name.to_owned(), path: path.clone(), kind };
        place.check()?;
        Ok(place)
    }

    /// Refuses a file that is read and would go with what the directory holds now.
    pub fn spare(&self, file: &Path) -> Result<(), Failure> {
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let inside = |path: &Path| path.canonicalize().is_ok_and(|path| path.starts_with(&self.path));
        if !inside(file) && !inside(parent) {
            return Ok(());
        }
        let message = format!("is replaced as a whole, and {} lies in it", file.display());
        Err(refusal(&self.path, &message, "choose another DIR, or copy the file elsewhere"))
    }

    fn check(&self) -> Result<(), Failure> {
        let path = &self.path;
        if path.symlink_metadata().is_err() {
            return Ok(());
        }
        let held = || Kind::ALL.into_iter().filter(|kind| is_ours(path, *kind));
        if let Some(other) = held().find(|kind| *kind != self.kind) {
            let [_, _, what, command] = other.told();
            let message = format!("is {what}, which only `{command}` replaces");
            return Err(refusal(path, &message, "choose another DIR or remove it"));
        }
        if held().next().is_some() {
            return Ok(());
        }
        if !path.is_dir() {
            return Err(refusal(path, "exists and is not a directory", "choose another DIR or remove it"));
        }
        let empty = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
        if empty {
            return Ok(());
        }
        Err(refusal(
            path,
            "exists and was not written by nn2hdl, so it is not replaced",
            "choose another DIR or remove it",
        ))
    }

    /// Writes all files, then gives the directory its name.
    pub fn write(&self, files: &[artifact::File]) -> Result<(), Failure> {
        self.check()?;
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error: io::Error| Failure::file(&path, &error)
        };
        fs::create_dir_all(&self.parent).map_err(failed(&self.parent))?;
        self.sweep();
        let partial = Partial::new(&self.parent, &self.name).map_err(failed(&self.parent))?;
        for file in files {
            let path = partial.path.join(&file.path);
            write_synced(&path, &file.bytes).map_err(failed(&path))?;
        }
        sync_directories(&partial.path).map_err(failed(&partial.path))?;
        self.check()?;
        partial.publish(&self.path).map_err(failed(&self.path))?;
        // The name is in place; that it reaches the disk at once is a courtesy.
        let _ = File::open(&self.parent).and_then(|parent| parent.sync_all());
        Ok(())
    }

    /// Removes what killed processes left behind.
    fn sweep(&self) {
        let prefix = prefix(&self.name);
        let Ok(entries) = fs::read_dir(&self.parent) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(rest) = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes()) else {
                continue;
            };
            let pid: String =
                rest.iter().take_while(|byte| byte.is_ascii_digit()).map(|&byte| byte as char).collect();
            let alive = pid.is_empty() || Path::new("/proc").join(pid).exists();
            let abandoned = || {
                File::open(entry.path()).is_ok_and(|file| match file.try_lock() {
                    Ok(()) => true,
                    Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
                })
            };
            if !alive && abandoned() {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

fn refusal(path: &Path, message: &str, help: &str) -> Failure {
    Failure::new("output-directory", path.display().to_string(), message, help)
}

fn prefix(name: &OsStr) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(MARK);
    prefix
}

/// Whether nn2hdl wrote the directory as one of this kind: its report says so.
fn is_ours(path: &Path, kind: Kind) -> bool {
    let [file, schema, ..] = kind.told();
    let report = crate::model::read(&path.join(file), 1 << 28).ok();
    let report: Option<serde_json::Value> = report.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    report.is_some_and(|report| {
        let says = |key: &str, start: &str| report[key].as_str().is_some_and(|text| text.starts_with(start));
        says("schema", schema) && says("generator", "nn2hdl ")
    })
}

/// A directory that has not got its name yet; removed when dropped.
struct Partial {
    path: PathBuf,
    _lock: File,
}

impl Partial {
    fn new(parent: &Path, name: &OsStr) -> io::Result<Self> {
        let mut prefix = prefix(name);
        prefix.push(format!("{}-", std::process::id()));
        let path = tempfile::Builder::new().prefix(&prefix).tempdir_in(parent)?.keep();
        let lock = File::open(&path)?;
        lock.lock()?;
        set_readable(&path)?;
        Ok(Self { path, _lock: lock })
    }

    /// Takes the name `path`; what had it before is removed.
    fn publish(self, path: &Path) -> io::Result<()> {
        let flags = if path.exists() { RenameFlags::EXCHANGE } else { RenameFlags::NOREPLACE };
        match renameat_with(CWD, &self.path, CWD, path, flags) {
            Ok(()) => Ok(()),
            // File systems without an exchange: the directory is absent between two renames.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                let mut old = self.path.clone().into_os_string();
                old.push("-old");
                if path.exists() {
                    fs::rename(path, &old)?;
                }
                fs::rename(&self.path, path)?;
                let _ = fs::remove_dir_all(old);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After an exchange this is the directory that was replaced; after a plain rename nothing is there.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Temporary directories are private; a result has the permissions that the user's umask gives.
fn set_readable(path: &Path) -> io::Result<()> {
    let probe = path.join("umask");
    fs::create_dir(&probe)?;
    let permissions = fs::metadata(&probe)?.permissions();
    fs::remove_dir(&probe)?;
    fs::set_permissions(path, permissions)
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_directories(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_directories(&entry.path())?;
        }
    }
    File::open(path)?.sync_all()
}

/// Writes one file whole or not at all.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write_file_with(path, |file| file.write_all(bytes).map_err(|error| Failure::file(path, &error)))
}

/// Whether a file can be written there, found out before the work that fills it.
pub fn can_write(path: &Path) -> Result<(), Failure> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    tempfile::tempfile_in(parent).map(drop).map_err(|error| Failure::file(path, &error))
}

/// Writes one file piece by piece, whole or not at all: it has its name once `write` has succeeded.
pub fn write_file_with<T>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let failed = |error: io::Error| Failure::file(path, &error);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() {
        return Err(Failure::new("file", path.display().to_string(), "is a directory", "name a file"));
    }
    fs::create_dir_all(parent).map_err(failed)?;
    let mut file = tempfile::Builder::new()
        .prefix(".nn2hdl-")
        .permissions(readable())
        .tempfile_in(parent)
        .map_err(failed)?;
    let result = write(file.as_file_mut())?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(result)
}

/// The permissions of an ordinary new file, from which the system takes the umask.
fn readable() -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode(0o666)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &Path) -> Result<Place, Failure> {
        Place::new(path, Kind::Design)
    }

    fn files(text: &str) -> Vec<artifact::File> {
        let report = format!(r#"{{"schema":"nn2hdl.report/1","generator":"nn2hdl 0","text":"{text}"}}"#);
        vec![
            artifact::File { path: "rtl/a.v".into(), bytes: text.into() },
            artifact::File { path: "report.json".into(), bytes: report.into_bytes() },
        ]
    }

    #[test]
    fn own_directories_are_replaced_and_nothing_is_left_behind() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("deep/out");
        for text in ["one", "two"] {
            place(&dir).unwrap().write(&files(text)).unwrap();
            assert_eq!(fs::read_to_string(dir.join("rtl/a.v")).unwrap(), text);
        }
        assert_eq!(fs::read_dir(dir.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn each_kind_is_replaced_by_its_own_command_only() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("out");
        place(&dir).unwrap().write(&files("design")).unwrap();
        let message = |kind| Place::new(&dir, kind).unwrap_err().problems[0].message.clone();
        assert!(message(Kind::Bench).contains("only `nn2hdl compile`"));
        let bench = r#"{"schema":"nn2hdl.bench/1","generator":"nn2hdl 0"}"#;
        fs::write(dir.join("bench.json"), bench).unwrap();
        assert!(message(Kind::Design).contains("only `nn2hdl bench`"));
        fs::remove_file(dir.join("report.json")).unwrap();
        Place::new(&dir, Kind::Bench).unwrap();
    }

    #[test]
    fn what_is_read_is_not_replaced() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("out");
        let new = place(&dir).unwrap();
        new.spare(Path::new("other.json")).unwrap();
        new.write(&files("design")).unwrap();
        let [inside, outside] = [dir.join("rtl/a.v"), root.path().join("link")];
        std::os::unix::fs::symlink(&inside, &outside).unwrap();
        std::os::unix::fs::symlink(root.path(), dir.join("link")).unwrap();
        for file in [&inside, &outside, &dir.join("link")] {
            assert!(new.spare(file).unwrap_err().problems[0].message.contains("lies in it"), "{file:?}");
        }
        new.spare(&root.path().join("absent")).unwrap();
    }

    #[test]
    fn foreign_directories_are_refused_and_empty_ones_are_not() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("out");
        fs::create_dir(&dir).unwrap();
        place(&dir).unwrap();
        fs::write(dir.join("thesis.tex"), "years").unwrap();
        assert!(place(&dir).unwrap_err().problems[0].message.contains("not written by nn2hdl"));
        assert!(place(&dir.join("thesis.tex")).is_err());
        assert!(place(Path::new("/")).is_err());
    }

    #[test]
    fn partial_directories_of_dead_processes_are_removed_and_living_ones_kept() {
        let root = tempfile::tempdir().unwrap();
        let dead = root.path().join(".out.nn2hdl-partial-4194999-abc");
        let alive = root.path().join(format!(".out.nn2hdl-partial-{}-abc", std::process::id()));
        let other = root.path().join(".other.nn2hdl-partial-4194999-abc");
        [&dead, &alive, &other].iter().for_each(|path| fs::create_dir(path).unwrap());
        place(&root.path().join("out")).unwrap().write(&files("x")).unwrap();
        assert_eq!([&dead, &alive, &other].map(|path| path.exists()), [false, true, true]);
    }
}
