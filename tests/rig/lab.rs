//! The kernel lab: scripts in an emulated machine with a stock kernel, which has what
//! the kernel of a test machine may lack: PPP, eql, L2TP, AX.25.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

use crate::run::{Finished, finish};
use crate::{Error, Need, Result, TempDir, ensure};

/// What `tests/lab/run` ends with when the time was over, or the lab itself failed.
const FAILURES: [i32; 2] = [124, 125];

/// The machines that run. No more than there are processors: an emulated one fills a real one.
static MACHINES: Mutex<usize> = Mutex::new(0);
static MACHINE_ENDED: Condvar = Condvar::new();

/// The right to run a machine.
struct Turn;

impl Turn {
    /// Waits for it.
    fn take() -> Self {
        let most = available_parallelism().map_or(1, std::num::NonZero::get);
        let running = MACHINES.lock().unwrap_or_else(PoisonError::into_inner);
        let mut running = MACHINE_ENDED
            .wait_while(running, |running| *running >= most)
            .unwrap_or_else(PoisonError::into_inner);
        *running += 1;
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *MACHINES.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        MACHINE_ENDED.notify_one();
    }
}

/// A machine to run a script in.
#[derive(Debug, Clone)]
pub struct Lab {
    options: Vec<String>,
    seconds: u64,
}

/// What a script left.
#[derive(Debug)]
pub struct Ran {
    /// Its output, errors and status.
    pub finished: Finished,
    out: TempDir,
}

impl Lab {
    /// A machine with this executable linked under the names of its applets.
    pub fn new(wanbox: &Path) -> Self {
        let lab = Self {
            options: Vec::new(),
            seconds: 120,
        };
        lab.option("--wanbox", wanbox.display())
    }

    /// Loads kernel modules with what they depend on, in this order.
    #[must_use]
    pub fn modules(self, names: &[&str]) -> Self {
        self.option("--modules", names.join(","))
    }

    /// Loads modules that `tests/lab/modules` built, with what they depend on.
    #[must_use]
    pub fn built_modules(self, names: &[&str]) -> Self {
        let directory = cached("modules").unwrap_or_default();
        let files: Vec<String> = names
            .iter()
            .map(|name| format!("{directory}/{name}.ko"))
            .collect();
        self.option("--modules", files.join(","))
    }

    /// Puts programs of this machine in, with their libraries.
    #[must_use]
    pub fn with(self, programs: &[&str]) -> Self {
        self.option("--with", programs.join(","))
    }

    /// Puts a file or directory in, at this absolute path.
    #[must_use]
    pub fn file(self, source: &Path, target: &str) -> Self {
        self.option("--file", format!("{}:{target}", source.display()))
    }

    /// Memory in MiB; 512 without this.
    #[must_use]
    pub fn memory(self, mib: u32) -> Self {
        self.option("--memory", mib)
    }

    /// Ends the machine after so long by its own clock, or after four times as long by the host's;
    /// 120 s without this.
    #[must_use]
    pub fn timeout(mut self, seconds: u64) -> Self {
        self.seconds = seconds;
        self
    }

    /// Boots, and runs a script of the shell to its end, whatever its status is.
    ///
    /// # Errors
    /// The lab failed: wrong use, no boot, a kernel panic, or the time was over.
    pub fn run(&self, script: &str, arguments: &[&str]) -> Result<Ran> {
        let _turn = Turn::take();
        let out = TempDir::new()?;
        let files = TempDir::new()?;
        let file = files.path().join("script");
        fs::write(&file, script)?;
        let mut command = Command::new(tool("run"));
        command.arg(&file).arg("--out").arg(out.path());
        command.args(["--timeout", &self.seconds.to_string()]);
        command.args(&self.options).arg("--").args(arguments);
        let finished = finish(&mut command, Duration::from_secs(4 * self.seconds + 60))?;
        let last = finished.stderr.lines().last().unwrap_or_default();
        let failed = FAILURES.contains(&finished.code) && last.starts_with("lab: ");
        let ran = Ran { finished, out };
        ensure!(!failed, "{}", ran.everything());
        Ok(ran)
    }

    fn option(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.options.extend([name.to_owned(), value.to_string()]);
        self
    }
}

impl Ran {
    /// Every case of the script went well, and there were so many: it prints `ok NAME` or
    /// `FAILED NAME` for each.
    ///
    /// # Errors
    /// One did not, or there were more or fewer, or the script failed.
    pub fn cases(&self, count: usize) -> Result {
        let output = &self.finished.stdout;
        let good = output
            .lines()
            .filter(|line| line.starts_with("ok "))
            .count();
        ensure!(
            self.finished.code == 0 && good == count && !output.contains("FAILED"),
            "{good} of {count} cases went well\n{}",
            self.everything()
        );
        Ok(())
    }

    /// All it said, and the logs among its files, for a message.
    pub fn everything(&self) -> String {
        let mut text = format!(
            "--- output, status {}\n{}\n--- errors\n{}\n",
            self.finished.code, self.finished.stdout, self.finished.stderr
        );
        let mut logs: Vec<PathBuf> = fs::read_dir(self.out.path())
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|name| name == "log"))
            .collect();
        logs.sort();
        for log in logs {
            let octets = fs::read(&log).unwrap_or_default();
            text.push_str(&format!(
                "--- {}\n{}\n",
                log.display(),
                String::from_utf8_lossy(&octets)
            ));
        }
        text
    }

    /// The path of a file that the script left in `/out`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.out.path().join(name)
    }

    /// What is in such a file.
    ///
    /// # Errors
    /// The script left no such file.
    pub fn read(&self, name: &str) -> Result<String> {
        let octets = fs::read(self.path(name))
            .map_err(|error| Error::new(format!("/out/{name} of the lab: {error}")))?;
        Ok(String::from_utf8_lossy(&octets).into_owned())
    }
}

/// A program of the lab.
pub fn tool(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../lab")
        .join(name)
}

/// What is missing for the lab, if something is.
pub(crate) fn missing() -> Option<String> {
    static MISSING: OnceLock<Option<String>> = OnceLock::new();
    let find = || {
        ["qemu-system-x86_64", "cpio", "ldd", "busybox"]
            .into_iter()
            .find_map(|name| Need::Tool(name).missing())
            .or_else(|| {
                cached("kernel")
                    .is_none()
                    .then(|| "the lab's kernel (tests/lab/kernel fetches it)".to_owned())
            })
    };
    MISSING.get_or_init(find).clone()
}

/// What is missing for its modules, if something is.
pub(crate) fn missing_modules() -> Option<String> {
    missing().or_else(|| {
        cached("modules")
            .is_none()
            .then(|| "x25.ko for the lab's kernel (tests/lab/modules builds it)".to_owned())
    })
}

/// What a program of the lab made before, if it did.
fn cached(name: &str) -> Option<String> {
    let mut command = Command::new(tool(name));
    let fetched = finish(command.arg("--cached"), Duration::from_secs(10)).ok()?;
    (fetched.code == 0).then(|| fetched.stdout.trim().to_owned())
}
