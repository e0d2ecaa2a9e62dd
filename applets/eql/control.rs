//! Requests and answers between the commands and eqld, one JSON object a line.
//!
//! [`Status`] is also what `eql_status` makes of a device of the kernel's driver, so that its
//! `--json` has the same keys for both. The keys are stable: scripts may speak it too.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wanbox_eql_engine::Refusal;
use wanbox_runtime::control::Failure;

/// Where the eqld of a master listens, below the run directory.
pub fn socket(run_dir: &Path, master: &str) -> PathBuf {
    run_dir.join(format!("eqld-{master}.sock"))
}

/// Where it keeps its process number and lock.
pub fn pid_file(run_dir: &Path, master: &str) -> PathBuf {
    run_dir.join(format!("eqld-{master}.pid"))
}

/// Locked by the eqld that has this interface as a slave; holds the name of its master.
pub fn slave_lock(run_dir: &Path, slave: &str) -> PathBuf {
    run_dir.join(format!("eql-slave-{slave}.lock"))
}

/// A rule that was broken, with the exit code of the command: the same wherever the master is.
pub fn refused(refusal: Refusal) -> Failure {
    let text = refusal.to_string();
    match refusal {
        Refusal::Name(_) | Refusal::Rate(_) | Refusal::MaxSlaves(_) => Failure::usage(text),
        Refusal::NoSuchDevice(_) | Refusal::NotEnslaved { .. } | Refusal::NotMaster(_) => {
            Failure::absent(text)
        }
        Refusal::NotUp(_)
        | Refusal::Itself(_)
        | Refusal::IsMaster(_)
        | Refusal::AlreadyEnslaved { .. }
        | Refusal::Mtu { .. }
        | Refusal::Full { .. } => Failure::new(text),
    }
}

/// The rate of a slave's line: `{"fixed": 28800}` or `"auto"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rate {
    /// Estimated, bit/s.
    Fixed(u64),
    /// Measured.
    Auto,
}

impl From<Rate> for wanbox_eql_engine::Rate {
    fn from(rate: Rate) -> Self {
        match rate {
            Rate::Fixed(bps) => Self::Fixed(bps),
            Rate::Auto => Self::Auto,
        }
    }
}

impl From<wanbox_eql_engine::Rate> for Rate {
    fn from(rate: wanbox_eql_engine::Rate) -> Self {
        match rate {
            wanbox_eql_engine::Rate::Fixed(bps) => Self::Fixed(bps),
            wanbox_eql_engine::Rate::Auto => Self::Auto,
        }
    }
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Request {
    /// Take a slave. Answer: [`Reply::Done`].
    Enslave {
        /// The interface.
        slave: String,
        /// The rate of its line.
        rate: Rate,
        /// It is taken again when it comes back.
        #[serde(default)]
        sticky: bool,
        /// The next router, on an Ethernet.
        #[serde(default)]
        next_hop: Option<IpAddr>,
    },
    /// Release a slave. Answer: [`Reply::Done`].
    Emancipate {
        /// The interface.
        slave: String,
    },
    /// The master and its slaves. Answer: [`Reply::Status`].
    Status,
    /// Another rate of a slave. Answer: [`Reply::Done`].
    SetSlave {
        /// The interface.
        slave: String,
        /// The rate of its line.
        rate: Rate,
    },
    /// Other limits of the master. Answer: [`Reply::Done`].
    SetMaster {
        /// How many slaves it takes.
        max_slaves: usize,
    },
}

/// An answer. A refusal is the failure of the control protocol itself, in the words of
/// [`Refusal`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// Done.
    Done,
    /// The state.
    Status(Box<Status>),
}

/// A master and its slaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its name.
    pub master: String,
    /// `kernel` for the kernel's driver, `eqld` for the daemon.
    pub driver: String,
    /// The process number of its eqld.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// It is up.
    pub up: bool,
    /// Its MTU, octets.
    pub mtu: u32,
    /// `priority` (the driver's formula) or `finish`.
    pub scheduler: String,
    /// Whose packets keep their order: `none` or `flow`. The driver's: `none`.
    pub order: String,
    /// How many slaves it takes.
    pub max_slaves: u64,
    /// The least number of slaves, which nothing depends on.
    pub min_slaves: u64,
    /// Packets handed to slaves.
    pub sent_packets: u64,
    /// Their octets; the driver does not count them.
    pub sent_octets: Option<u64>,
    /// Packets dropped, by their cause. The driver has one number for all: `dropped`.
    pub dropped: BTreeMap<String, u64>,
    /// Its slaves, the newest first where that is known (the driver does not tell).
    pub slaves: Vec<SlaveStatus>,
}

/// How a slave is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlaveState {
    /// It takes packets.
    Up,
    /// It went down and is out.
    Buried,
    /// It is down, and will be taken again.
    Waiting,
}

impl SlaveState {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Buried => "buried",
            Self::Waiting => "waiting",
        }
    }
}

/// A slave. What the kernel's driver does not tell is `null`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlaveStatus {
    /// The interface.
    pub name: String,
    /// How it is.
    pub state: SlaveState,
    /// The rate it was given.
    pub rate: Rate,
    /// What was measured, bit/s.
    pub measured_bps: Option<u64>,
    /// The driver's priority: the rate that it reckons with, bit/s.
    pub priority: u64,
    /// Packets that wait for it.
    pub queued_packets: Option<u64>,
    /// Their octets.
    pub queued_octets: Option<u64>,
    /// Packets sent. With the driver: all that the interface sent.
    pub sent_packets: u64,
    /// Their octets, as for `sent_packets`.
    pub sent_octets: u64,
    /// Packets lost or dropped, by their cause.
    pub lost: BTreeMap<String, u64>,
    /// What else happened: packets that went to other slaves, times it went down.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub events: BTreeMap<String, u64>,
    /// It is taken again when it comes back.
    pub sticky: bool,
    /// The next router, on an Ethernet.
    pub next_hop: Option<IpAddr>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_stable() {
        let slave = || "ppp0".to_owned();
        for (request, text) in [
            (
                Request::Enslave {
                    slave: slave(),
                    rate: Rate::Fixed(28_800),
                    sticky: true,
                    next_hop: Some([10, 0, 0, 1].into()),
                },
                r#"{"op":"enslave","slave":"ppp0","rate":{"fixed":28800},"sticky":true,"next_hop":"10.0.0.1"}"#,
            ),
            (
                Request::Emancipate { slave: slave() },
                r#"{"op":"emancipate","slave":"ppp0"}"#,
            ),
            (Request::Status, r#"{"op":"status"}"#),
            (
                Request::SetSlave {
                    slave: slave(),
                    rate: Rate::Auto,
                },
                r#"{"op":"set_slave","slave":"ppp0","rate":"auto"}"#,
            ),
            (
                Request::SetMaster { max_slaves: 8 },
                r#"{"op":"set_master","max_slaves":8}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&request).unwrap(), text);
            assert_eq!(serde_json::from_str::<Request>(text).unwrap(), request);
        }
        let brief: Request =
            serde_json::from_str(r#"{"op":"enslave","slave":"sl0","rate":"auto"}"#).unwrap();
        let wanted = Request::Enslave {
            slave: "sl0".into(),
            rate: Rate::Auto,
            sticky: false,
            next_hop: None,
        };
        assert_eq!(brief, wanted);
    }

    #[test]
    fn a_state_is_read_back() {
        let slave = SlaveStatus {
            name: "ppp0".into(),
            state: SlaveState::Up,
            rate: Rate::Fixed(28_800),
            measured_bps: None,
            priority: 28_800,
            queued_packets: Some(2),
            queued_octets: Some(1_152),
            sent_packets: 10,
            sent_octets: 5_760,
            lost: BTreeMap::from([("lost".into(), 1)]),
            events: BTreeMap::from([("moved".into(), 4)]),
            sticky: false,
            next_hop: None,
        };
        let status = Status {
            master: "eql".into(),
            driver: "eqld".into(),
            pid: Some(7),
            up: true,
            mtu: 576,
            scheduler: "finish".into(),
            order: "none".into(),
            max_slaves: 4,
            min_slaves: 1,
            sent_packets: 10,
            sent_octets: Some(5_760),
            dropped: BTreeMap::from([("no_slave".into(), 3)]),
            slaves: vec![slave],
        };
        let reply = Reply::Status(Box::new(status));
        let text = serde_json::to_string(&reply).unwrap();
        assert!(
            text.starts_with(r#"{"reply":"status","master":"eql""#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Reply>(&text).unwrap(), reply);
    }
}
