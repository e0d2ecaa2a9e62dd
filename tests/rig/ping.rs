//! `ping`, as anybody has it.

use std::process::Command;
use std::time::Duration;

use crate::need::find_tool;
use crate::{Error, Netns, Result};

/// What to send.
#[derive(Clone, Copy, Debug)]
pub struct Ping<'a> {
    /// To whom: an address of either family.
    pub to: &'a str,
    /// How many.
    pub count: u32,
    /// ICMP payload octets.
    pub size: u32,
    /// Further options, as typed.
    pub options: &'a [&'a str],
}

impl<'a> Ping<'a> {
    /// Three ordinary ones.
    pub fn new(to: &'a str) -> Self {
        Self {
            to,
            count: 3,
            size: 56,
            options: &[],
        }
    }

    /// Sends them and counts the answers.
    ///
    /// # Errors
    /// `ping` is missing or says something that is no summary.
    pub fn send(&self, from: &Netns) -> Result<u32> {
        let program = find_tool("ping").ok_or_else(|| Error::new("ping is missing"))?;
        let finished = from.finish(
            Command::new(program)
                .args(["-n", "-i", "0.2", "-W", "2", "-c"])
                .arg(self.count.to_string())
                .arg("-s")
                .arg(self.size.to_string())
                .args(self.options)
                .arg(self.to),
            Duration::from_secs(10 + u64::from(self.count)),
        )?;
        finished
            .stdout
            .split(',')
            .find_map(|part| part.trim().strip_suffix(" received")?.parse().ok())
            .ok_or_else(|| {
                Error::new(format!(
                    "`{}`: {}{}",
                    finished.line, finished.stdout, finished.stderr
                ))
            })
    }

    /// Sends them; every one must be answered.
    ///
    /// # Errors
    /// One was not.
    pub fn all(&self, from: &Netns) -> Result {
        let answered = self.send(from)?;
        crate::ensure!(
            answered == self.count,
            "ping {} with {} octets: {answered} of {} answered",
            self.to,
            self.size,
            self.count
        );
        Ok(())
    }
}
