//! Debian's l2tpns 2.4.1.

use std::fs;
use std::process::{Child, Command, Stdio};

use wanbox_rig::need::find_tool;
use wanbox_rig::{Error, Netns, Result, TempDir, until};

use super::LIMIT;

/// A running one. Ends when dropped.
pub struct Debian {
    child: Child,
    files: TempDir,
}

impl Debian {
    /// Starts it in a namespace whose interface `eth0` is up, with this configuration and pool, and
    /// waits until it serves: it is a cluster of one.
    ///
    /// # Errors
    /// It does not come up.
    pub fn start(at: &Netns, config: &str, pool: &str) -> Result<Self> {
        let files = TempDir::new()?;
        let etc = files.path().join("etc");
        fs::create_dir(&etc)?;
        let log = files.path().join("log");
        let common = format!(
            "set debug 4\nset log_file \"{}\"\nset cluster_interface \"eth0\"\n\
             set cluster_hb_interval 1\nset cluster_hb_timeout 16\nset cli_bind_address 127.0.0.1\n",
            log.display()
        );
        fs::write(etc.join("startup-config"), common + config)?;
        fs::write(etc.join("ip_pool"), pool)?;
        fs::write(etc.join("users"), "")?;
        // Its paths are fixed: it gets a file system of its own.
        let program = find_tool("l2tpns").ok_or_else(|| Error::new("l2tpns is missing"))?;
        let script = format!(
            "mount --bind {} /etc/l2tpns && exec {}",
            etc.display(),
            program.display()
        );
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "sh", "-c", &script])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = at.spawn(&mut command)?;
        let debian = Self { child, files };
        until("Debian's l2tpns", LIMIT, || Ok(debian.says("Master")))?;
        Ok(debian)
    }

    /// What it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.files.path().join("log")).unwrap_or_default()
    }

    /// Whether it logged that.
    pub fn says(&self, text: &str) -> bool {
        self.log().contains(text)
    }
}

impl Drop for Debian {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
