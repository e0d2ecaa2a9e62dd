//! `eql_status`: masters and their slaves.

use std::collections::BTreeMap;
use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use wanbox_console::table::{self, Align};
use wanbox_grammar::{Applet, Exit, argv, report};
use wanbox_runtime::control::Failure;
use wanbox_runtime::files::Root;

use crate::control::{Rate, SlaveStatus, Status};
use crate::master::{Master, failed, print_json};

const NAME: &str = "eql_status";

/// The applet.
pub const APPLET: Applet = Applet {
    name: NAME,
    summary: "show eql masters and their slaves",
    page: wanbox_grammar::page!(Args::get_args_info, "man/eql_status.mdoc"),
    run,
};

/// Show an eql master and its slaves, or all masters.
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("-h", "--help"))]
struct Args {
    /// one line of JSON: an object for one master, a list of them for all
    #[argh(switch)]
    json: bool,

    /// put this directory before every path (default: $WANBOX_ROOT)
    #[argh(option, arg_name = "dir")]
    root: Option<PathBuf>,

    /// the name of the master, such as eql
    #[argh(positional)]
    master: Option<String>,
}

fn run(args: &[String]) -> Exit {
    let args: Args = match argv::parse(NAME, args) {
        Ok(args) => args,
        Err(exit) => return exit,
    };
    let root = Root::new(args.root.as_deref());
    let asked = match &args.master {
        Some(master) => one(&root, master).map(|status| vec![status]),
        None => all(&root),
    };
    let statuses = match asked {
        Ok(statuses) => statuses,
        Err(failure) => return failed(NAME, &failure),
    };
    match (args.json, &*statuses) {
        (true, [status]) if args.master.is_some() => print_json(NAME, status),
        (true, statuses) => print_json(NAME, &statuses),
        (false, statuses) => {
            let texts: Vec<String> = statuses.iter().map(show).collect();
            report::output(&texts.join("\n"));
            Exit::DONE
        }
    }
}

fn one(root: &Root, master: &str) -> Result<Status, Failure> {
    Master::find(root, master)?.status()
}

fn all(root: &Root) -> Result<Vec<Status>, Failure> {
    let masters = Master::all(root)?;
    if masters.is_empty() {
        return Err(Failure::absent(
            "there is no master: load the kernel's driver (modprobe eql), or start one in user \
             space (eqld)",
        ));
    }
    masters
        .into_iter()
        .map(|mut master| master.status())
        .collect()
}

fn show(status: &Status) -> String {
    let driver = match status.pid {
        Some(pid) => format!("{} (process {pid})", status.driver),
        None => format!("{} driver", status.driver),
    };
    let order = match status.order.as_str() {
        "none" => String::new(),
        order => format!(" in order of {order}"),
    };
    let octets = status
        .sent_octets
        .map_or(String::new(), |octets| format!(" ({octets} octets)"));
    let mut text = format!(
        "{}: {driver}, {}, MTU {}, scheduler {}{order}\n\
         {} of {} slaves, {} packets sent{octets}, {} dropped{}\n",
        status.master,
        if status.up { "up" } else { "down" },
        status.mtu,
        status.scheduler,
        status.slaves.len(),
        status.max_slaves,
        status.sent_packets,
        sum(&status.dropped),
        causes(&status.dropped),
    );
    if status.slaves.is_empty() {
        return text;
    }
    let head = [
        ("SLAVE", Align::Left),
        ("STATE", Align::Left),
        ("BIT/S", Align::Right),
        ("PRIORITY", Align::Right),
        ("QUEUED", Align::Right),
        ("PACKETS", Align::Right),
        ("OCTETS", Align::Right),
        ("LOST", Align::Right),
        ("REMARKS", Align::Left),
    ];
    let rows: Vec<Vec<String>> = status.slaves.iter().map(row).collect();
    text.push_str(&table::columns(&head, &rows));
    text
}

fn row(slave: &SlaveStatus) -> Vec<String> {
    let mut remarks = Vec::new();
    if slave.sticky {
        remarks.push("sticky".to_owned());
    }
    if let Some(next_hop) = slave.next_hop {
        remarks.push(format!("via {next_hop}"));
    }
    let rate = match (slave.rate, slave.measured_bps) {
        (Rate::Fixed(bps), _) => bps.to_string(),
        (Rate::Auto, Some(bps)) => format!("{bps} measured"),
        (Rate::Auto, None) => "auto".to_owned(),
    };
    vec![
        slave.name.clone(),
        slave.state.word().to_owned(),
        rate,
        slave.priority.to_string(),
        slave
            .queued_octets
            .map_or("-".to_owned(), |octets| octets.to_string()),
        slave.sent_packets.to_string(),
        slave.sent_octets.to_string(),
        sum(&slave.lost).to_string(),
        remarks.join(", "),
    ]
}

fn sum(causes: &BTreeMap<String, u64>) -> u64 {
    causes
        .values()
        .fold(0, |sum, count| sum.saturating_add(*count))
}

/// Which causes there were, if there can be several.
fn causes(counts: &BTreeMap<String, u64>) -> String {
    let named: Vec<String> = counts
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(cause, count)| format!("{cause} {count}"))
        .collect();
    if counts.len() < 2 || named.is_empty() {
        return String::new();
    }
    format!(" ({})", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::SlaveState;

    #[test]
    fn what_people_see() {
        let slave = SlaveStatus {
            name: "ppp0".into(),
            state: SlaveState::Up,
            rate: Rate::Fixed(28_800),
            measured_bps: None,
            priority: 28_800,
            queued_packets: None,
            queued_octets: None,
            sent_packets: 12,
            sent_octets: 3_456,
            lost: [("dropped".to_owned(), 1), ("errors".to_owned(), 2)].into(),
            events: BTreeMap::new(),
            sticky: false,
            next_hop: None,
        };
        let other = SlaveStatus {
            name: "eth1".into(),
            state: SlaveState::Waiting,
            rate: Rate::Auto,
            measured_bps: Some(1_000_000),
            queued_octets: Some(576),
            sticky: true,
            next_hop: Some([10, 0, 0, 1].into()),
            ..slave.clone()
        };
        let mut status = Status {
            master: "eql".into(),
            driver: "kernel".into(),
            pid: None,
            up: true,
            mtu: 576,
            scheduler: "priority".into(),
            order: "none".into(),
            max_slaves: 4,
            min_slaves: 1,
            sent_packets: 24,
            sent_octets: None,
            dropped: [("dropped".to_owned(), 5)].into(),
            slaves: vec![slave],
        };
        assert_eq!(
            show(&status),
            "eql: kernel driver, up, MTU 576, scheduler priority\n\
             1 of 4 slaves, 24 packets sent, 5 dropped\n\
             SLAVE  STATE  BIT/S  PRIORITY  QUEUED  PACKETS  OCTETS  LOST  REMARKS\n\
             ppp0   up     28800     28800       -       12    3456     3\n"
        );
        status.slaves = vec![other];
        status.driver = "eqld".into();
        status.pid = Some(77);
        status.scheduler = "finish".into();
        status.order = "flow".into();
        status.sent_octets = Some(999);
        status.dropped = [("full".to_owned(), 0), ("no_slave".to_owned(), 7)].into();
        let text = show(&status);
        for part in [
            "eql: eqld (process 77), up, MTU 576, scheduler finish in order of flow\n",
            "24 packets sent (999 octets), 7 dropped (no_slave 7)\n",
            "eth1   waiting  1000000 measured ",
            "sticky, via 10.0.0.1\n",
        ] {
            assert!(text.contains(part), "{part:?} in {text}");
        }
        status.slaves.clear();
        assert!(!show(&status).contains("SLAVE"));
    }
}
