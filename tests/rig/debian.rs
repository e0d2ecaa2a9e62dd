//! Debian's l2tpns 2.4.1: a cluster of one, with files of its own.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::Context;
use crate::need::find_tool;
use crate::running::Running;
use crate::{Error, Netns, Result, TempDir, ensure, uninterrupted, wait_for};

/// What its cluster and whoever types at its prompt need, before or behind a configuration.
pub const NEEDED: &str = "set cluster_interface \"eth0\"\nset cluster_hb_interval 1\n\
    set cluster_hb_timeout 16\nset cli_bind_address 127.0.0.1\n";

/// The longest that its start, or an answer, may take.
const LIMIT: Duration = Duration::from_secs(40);

/// A running one, and somebody at its prompt. It ends when this is dropped.
pub struct Debian {
    /// Its network.
    pub netns: Netns,
    telnet: Option<TcpStream>,
    program: Running,
    files: TempDir,
}

impl Debian {
    /// Starts it in a namespace of its own, where it has 10.9.0.1.
    ///
    /// # Errors
    /// As for [`Debian::start`].
    pub fn alone(config: &str) -> Result<Self> {
        let netns = Netns::new()?;
        netns.ip("link set lo up")?;
        // The cluster wants an interface that exists, with an address.
        netns.ip("link add eth0 type veth peer name other")?;
        netns.ip("link set other up")?;
        netns.ip("addr add 10.9.0.1/24 dev eth0")?;
        netns.ip("link set eth0 up")?;
        Self::start(&netns, config, "10.10.10.0/24\n")
    }

    /// Starts it in a namespace whose interfaces `eth0` and `lo` are up, and waits until it serves.
    /// The configuration has [`NEEDED`] in it; the real root is required.
    ///
    /// # Errors
    /// It is not here, or does not come up; the error has what it logged.
    pub fn start(at: &Netns, config: &str, pool: &str) -> Result<Self> {
        let program = find_tool("l2tpns").ok_or_else(|| Error::new("l2tpns is missing"))?;
        let files = TempDir::new()?;
        let etc = files.path().join("etc");
        fs::create_dir(&etc)?;
        for (name, text) in [("startup-config", config), ("ip_pool", pool), ("users", "")] {
            fs::write(etc.join(name), text)?;
        }
        // Its paths are fixed: it gets a file system of its own.
        let script = format!(
            "mount --bind {} /etc/l2tpns && exec {} -h lns",
            etc.display(),
            program.display()
        );
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "sh", "-c", &script])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(files.path().join("log"))?);
        let mut started = Self {
            netns: at.again()?,
            telnet: None,
            program: at.spawn(&mut command)?.into(),
            files,
        };
        // While it starts it closes some connections again.
        wait_for("it to be master", LIMIT, || {
            let ended = started.program.status()?;
            ensure!(ended.is_none(), "it ended");
            let status = started.log_in().and_then(|()| started.ask("show cluster"));
            Ok(status
                .is_ok_and(|status| status.contains("Master"))
                .then_some(()))
        })
        .context(started.log())?;
        Ok(started)
    }

    /// What it logged, unless its configuration has another place for that.
    pub fn log(&self) -> String {
        fs::read_to_string(self.files.path().join("log")).unwrap_or_default()
    }

    fn log_in(&mut self) -> Result {
        let telnet = self
            .netns
            .inside(|| Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, 23))?))?;
        telnet.set_read_timeout(Some(LIMIT))?;
        self.telnet = Some(telnet);
        self.answer()?;
        self.ask("enable")?;
        Ok(())
    }

    /// What is printed up to the next prompt.
    fn answer(&mut self) -> Result<String> {
        let telnet = self
            .telnet
            .as_mut()
            .ok_or_else(|| Error::new("no telnet"))?;
        let mut text = Vec::new();
        let until = Instant::now() + LIMIT;
        loop {
            let mut some = [0; 4096];
            let count = uninterrupted(|| telnet.read(&mut some))?;
            text.extend_from_slice(some.get(..count).unwrap_or_default());
            let shown = String::from_utf8_lossy(&text).replace('\r', "");
            let last = shown.rsplit('\n').next().unwrap_or_default();
            // Telnet's options are before the first prompt.
            let prompt = last.ends_with("> ") || last.len() > 2 && last.ends_with("# ");
            if prompt && last.contains("lns") {
                return Ok(shown);
            }
            ensure!(
                count > 0 && Instant::now() < until,
                "no prompt after {shown:?}"
            );
        }
    }

    /// Types a line. Returns what is printed, without the echo of the line, the empty line before
    /// the prompt and the prompt.
    ///
    /// # Errors
    /// It does not answer.
    pub fn ask(&mut self, line: &str) -> Result<String> {
        let telnet = self
            .telnet
            .as_mut()
            .ok_or_else(|| Error::new("no telnet"))?;
        telnet.write_all(format!("{line}\r\n").as_bytes())?;
        let text = self.answer()?;
        let mut lines: Vec<&str> = text.lines().collect();
        lines.pop();
        if lines.last() == Some(&"") {
            lines.pop();
        }
        Ok(lines.get(1..).unwrap_or_default().join("\n"))
    }
}
