//! Networks in a row, and an LNS that runs in the middle one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use wanbox_rig::error::Context;
use wanbox_rig::netns::veth;
use wanbox_rig::{Error, Netns, Result, TempDir, need};

/// Whose network server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// This repository's.
    Wanbox,
    /// Debian's 2.4.1.
    Debian,
}

impl Whose {
    /// For tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wanbox => "wanbox",
            Self::Debian => "Debian",
        }
    }
}

/// The networks, and an LNS that runs in the middle one.
pub struct Place {
    program: PathBuf,
    lac: Netns,
    far: Netns,
    _lns: Netns,
    server: Child,
    _files: TempDir,
}

impl Place {
    /// With the executable of wanbox, and that of the load.
    ///
    /// # Errors
    /// A program is missing, or the LNS does not serve.
    pub fn new(whose: Whose, wanbox: &Path, load: &Path) -> Result<Self> {
        let (lac, lns, far) = (Netns::new()?, Netns::new()?, Netns::new()?);
        veth(&lac, "lac0", &lns, "lns0")?;
        veth(&far, "far0", &lns, "lns1")?;
        for (network, words) in [
            (&lac, "addr add 10.9.0.2/24 dev lac0"),
            (&lns, "addr add 10.9.0.1/24 dev lns0"),
            (&lns, "addr add 10.8.0.1/24 dev lns1"),
            (&far, "addr add 10.8.0.2/24 dev far0"),
            (&far, "route add default via 10.8.0.1"),
        ] {
            network.ip(words)?;
        }
        lns.inside(|| Ok(fs::write("/proc/sys/net/ipv4/ip_forward", "1")?))?;
        for (network, name) in [
            (&lac, "lac0"),
            (&lns, "lns0"),
            (&lns, "lns1"),
            (&far, "far0"),
        ] {
            like_a_card(network, name)?;
        }
        // As l2tpns.8 recommends: UDP is forwarded as it was merged.
        ethtool(&lns, "lns1", &["rx-udp-gro-forwarding", "on"])?;
        let files = TempDir::new()?;
        let server = lns.spawn(&mut command(whose, wanbox, files.path())?)?;
        let place = Self {
            program: load.to_owned(),
            lac,
            far,
            _lns: lns,
            server,
            _files: files,
        };
        // Debian's takes some time until it is the master of a cluster of one.
        place.load(&["--sessions", "1", "--tunnels", "1"])?;
        Ok(place)
    }

    /// Runs the load, and reads what it says.
    ///
    /// # Errors
    /// It does not work; that sessions fail is none.
    pub fn load(&self, words: &[impl AsRef<std::ffi::OsStr>]) -> Result<Value> {
        let pid = self.server.id().to_string();
        let network = self.far.path();
        let mut command = Command::new(tool("taskset")?);
        command
            .args(["-c", "0"])
            .arg(&self.program)
            .args(["--json", "--lns", "10.9.0.1", "--secret", "s3cret"])
            .args(["--far", "10.8.0.2:9000", "--far-netns", &network])
            .args(["--radius", "10.8.0.2:1812", "--radius-netns", &network])
            .args(["--pid", &pid])
            .args(words);
        let finished = self.lac.finish(&mut command, Duration::from_secs(900))?;
        if finished.code > 1 {
            finished.code(0)?;
            return Err(Error::new("the load did not run"));
        }
        serde_json::from_str(&finished.stdout).context(finished.stderr)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn tool(name: &'static str) -> Result<PathBuf> {
    need::find_tool(name).ok_or_else(|| Error::new(format!("{name} is missing")))
}

/// Makes a veth like a card. Super-packets are cut before they pass it, and what comes is merged.
/// Packets queue before it: without that it drops what its ring of 256 has no room for, which is the
/// wire's loss and not that of a server.
fn like_a_card(network: &Netns, name: &str) -> Result<()> {
    let words = ["tx-udp-segmentation", "off", "tso", "off", "gro", "on"];
    ethtool(network, name, &words)?;
    let mut command = Command::new(tool("tc")?);
    command.args(["qdisc", "replace", "dev", name]);
    command.args(["root", "pfifo", "limit", "1000"]);
    network
        .finish(&mut command, Duration::from_secs(10))?
        .ok()?;
    Ok(())
}

/// Features of an interface.
fn ethtool(network: &Netns, name: &str, words: &[&str]) -> Result<()> {
    let mut command = Command::new(tool("ethtool")?);
    command.args(["-K", name]).args(words);
    network
        .finish(&mut command, Duration::from_secs(10))?
        .ok()?;
    Ok(())
}

/// The LNS with its files below a directory, on the second processor.
fn command(whose: Whose, wanbox: &Path, directory: &Path) -> Result<Command> {
    let etc = directory.join("etc/l2tpns");
    fs::create_dir_all(&etc)?;
    let mut config = String::from(
        "set debug 1\n\
         set hostname \"lns\"\n\
         set l2tp_secret \"s3cret\"\n\
         set bind_address 10.9.0.1\n\
         set cli_bind_address 127.0.0.1\n\
         set primary_radius 10.8.0.2\n\
         set radius_secret \"radsec\"\n\
         set radius_authtypes \"pap\"\n\
         set multi_read_count 100\n",
    );
    if whose == Whose::Debian {
        let log = directory.join("log");
        config.push_str(&format!(
            "set log_file \"{}\"\n\
             set cluster_interface \"lns1\"\n\
             set cluster_hb_interval 1\n\
             set cluster_hb_timeout 15\n",
            log.display()
        ));
    }
    for (name, text) in [
        ("startup-config", config.as_str()),
        ("ip_pool", "10.64.0.0/15\n"),
        ("users", ""),
    ] {
        fs::write(etc.join(name), text)?;
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(etc.join(name), fs::Permissions::from_mode(0o600))?;
    }
    let mut command = Command::new(tool("unshare")?);
    command.arg("--mount").arg("--").arg(tool("taskset")?);
    // Of one processor there is no other.
    let last = std::thread::available_parallelism()?.get() > 1;
    command.args(["-c", if last { "1" } else { "0" }]);
    match whose {
        Whose::Wanbox => {
            command
                .arg(wanbox)
                .arg("l2tpns")
                .arg("--root")
                .arg(directory);
        }
        // Its pool has a fixed place.
        Whose::Debian => {
            tool("l2tpns")?;
            command
                .args(["sh", "-c", "mount --bind \"$0\" /etc/l2tpns && exec l2tpns"])
                .arg(&etc);
        }
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(directory.join("errors"))?);
    Ok(command)
}
