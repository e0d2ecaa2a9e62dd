//! What a test needs of the machine.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{env, fs};

use crate::Netns;

/// A thing that a machine may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Network namespaces of our own: root, or user namespaces.
    Namespaces,
    /// `/dev/net/tun`, which we may open.
    Tun,
    /// The real root user: user namespaces do not do.
    Root,
    /// A program in the `PATH` or an sbin directory.
    Tool(&'static str),
    /// `build/wanbox`, as `make` leaves it.
    Build,
    /// The kernel lab: qemu, what `tests/lab/run` builds with, and a kernel fetched before.
    Lab,
    /// Modules for its kernel that were built before: x25 and lapbether.
    LabModules,
}

impl Need {
    /// What is missing, if it is.
    pub fn missing(self) -> Option<String> {
        match self {
            Self::Namespaces => {
                static MADE: OnceLock<bool> = OnceLock::new();
                let made = *MADE.get_or_init(|| Netns::new().is_ok());
                (!made).then(|| "root or user namespaces".to_owned())
            }
            Self::Tun => fs::OpenOptions::new()
                .read(true)
                .write(true)
                .open("/dev/net/tun")
                .err()
                .map(|error| format!("/dev/net/tun ({error})")),
            Self::Root => (!crate::sandbox::is_real_root()).then(|| "root".to_owned()),
            Self::Tool(name) => find_tool(name).is_none().then(|| name.to_owned()),
            Self::Build => shipped()
                .is_none()
                .then(|| "build/wanbox (run make)".to_owned()),
            Self::Lab => crate::lab::missing(),
            Self::LabModules => crate::lab::missing_modules(),
        }
    }
}

/// The executable that `make` left, if it did: the one named by `WANBOX_BIN`.
pub fn shipped() -> Option<PathBuf> {
    let path = PathBuf::from(env::var_os("WANBOX_BIN")?);
    path.is_file().then_some(path)
}

/// Where a program is. The sbin directories count although users often lack them in `PATH`.
pub fn find_tool(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
